"""What rules would do to the answer of a real customer: before, after, and which rule did what."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from domain.merchandising import Problem, Rule, RuleSet
from queries.ports import Shop
from queries.recommend import rules
from queries.recommend.ask import Ask
from queries.recommend.columns import Columns
from queries.recommend.decide import decide
from queries.recommend.subject import Subject
from queries.recommend.trace import Judged, Trace
from readmodels.customer import CustomerRecord

NAMED = ("category", "brand", "colour", "style", "season")


class Did(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a rule did to an item: filter, boost, bury, last, pin, lost (a pin whose slot another rule took) or cap.
    ``amount``: the factor, the slot, or how many at most."""

    rule: str
    does: str
    amount: float | None = None


class Placed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A candidate. ``slot``: where it stands in the answer, None: it is not shown. ``score``: before the rules."""

    sku: str
    score: float
    slot: int | None = None
    rules: tuple[Did, ...] = ()


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item of either answer. ``before`` and ``after``: its slot there, None: it is not in it. ``rules``: what the
    new rules did to it."""

    sku: str
    title: str | None
    before: int | None = None
    after: int | None = None
    rules: tuple[Did, ...] = ()


class Preview(msgspec.Struct, frozen=True):
    """``live`` and ``draft``: hashes of the rules before and after. ``after``: the new answer; ``gone``: what was in
    the old one and is no more. ``idle``: new rules that did nothing to any item of either answer."""

    placement: str
    live: str
    draft: str
    before: tuple[Line, ...]
    after: tuple[Line, ...]
    gone: tuple[Line, ...]
    idle: tuple[str, ...]


#: (record, what is asked, rules) → all candidates, those that are shown with their slots.
Decide = Callable[[CustomerRecord, Ask, RuleSet], Sequence[Placed]]


def preview(decide: Decide, shop: Shop, record: CustomerRecord, ask: Ask, live: RuleSet, draft: RuleSet) -> Preview:
    """The answer under the rules that are live, and under others, with what these did."""
    old, new = _slots(decide(record, ask, live)), {placed.sku: placed for placed in decide(record, ask, draft)}
    slots = _slots(new.values())
    lines = [_line(sku, shop, old, slots, new) for sku in (*slots, *(sku for sku in old if sku not in slots))]
    fired = {did.rule for line in lines for did in line.rules if did.does != "lost"}
    return Preview(
        placement=ask.placement,
        live=live.digest,
        draft=draft.digest,
        before=tuple(sorted((line for line in lines if line.before), key=lambda line: line.before or 0)),
        after=tuple(line for line in lines if line.after),
        gone=tuple(line for line in lines if not line.after),
        idle=tuple(sorted(rule.key for rule in draft.rules if rule.key not in fired)),
    )


def decide_in(shop: Shop) -> Decide:
    """Answers as they are made of a shop, but under other rules."""

    def decided(record: CustomerRecord, ask: Ask, ruleset: RuleSet) -> Sequence[Placed]:
        shelf, trace = shop.serving.assortment, Trace()
        serving = replace(shop.serving, rules=rules.compile(ruleset, shelf))
        decision = decide(serving, ask, Subject(None, (), record), arms={}, trace=trace)
        slots = {item.sku: slot for slot, item in enumerate(decision.items, 1)}
        return [_placed(one, shelf.skus[one.row], slots.get(shelf.skus[one.row])) for one in trace.judged]

    return decided


def unknown_names(ruleset: RuleSet, columns: Columns) -> tuple[Problem, ...]:
    """Where rules name SKUs, categories, brands, colours, styles, seasons or tags that no item has: not wrong, but
    they do nothing today. Names are told by their place in the list."""
    known = {column: {name.casefold() for name in columns.names[column]} for column in NAMED}

    def lacks(what: str, name: str) -> bool:
        if what == "tag":
            return not len(columns.tagged(name))
        return name not in columns.index if what in ("sku", "skus") else name.casefold() not in known[what]

    named = [(f"rules[{rule.key}]", part) for rule in ruleset.rules for part in _names(rule)]
    return tuple(
        Problem(f"{rule}.{where}[{i}]", "no item has this")
        for rule, (where, names) in named
        for i, name in enumerate(names)
        if lacks(where.rpartition(".")[2], name)
    )


def _names(rule: Rule) -> Iterator[tuple[str, Sequence[str]]]:
    """What a rule names of items, and where."""
    for condition in rule.when.walk():
        for what in (*NAMED, "sku", "tag"):
            yield f"when.{what}", getattr(condition, what) or ()
    if rule.then.pin:
        yield "then.pin.skus", rule.then.pin.skus or ()


def _placed(one: Judged, sku: str, slot: int | None) -> Placed:
    """Of caps only those are told that may have kept an item out."""
    told = (effect for effect in one.effects if effect.does != rules.CAP or slot is None)
    did = tuple(Did(effect.rule, effect.does, effect.amount) for effect in told)
    return Placed(sku, round(one.score, 6), slot, did)


def _slots(placed: Iterable[Placed]) -> dict[str, int]:
    """SKU → slot of what is shown, the first slot first."""
    shown = [(one.slot, one.sku) for one in placed if one.slot is not None]
    return {sku: slot for slot, sku in sorted(shown)}


def _line(sku: str, shop: Shop, old: Mapping[str, int], slots: Mapping[str, int], new: Mapping[str, Placed]) -> Line:
    known = shop.products.get(sku)
    did = new[sku].rules if sku in new else ()
    return Line(sku, known.title if known else None, old.get(sku), slots.get(sku), did)
