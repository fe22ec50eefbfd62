"""Merchandising rules made ready for an assortment.

What a rule says of items is one bit an item, worked out when the rules or the assortment change; eight rules are a
byte, and the rules of one kind begin at a byte of their own. What a rule says of the request is asked once, and kept
for requests that are alike. Only what needs both (the age of an item, the stock of a store, an ``any`` over both) is
left to be asked of candidates.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from domain.merchandising import Rule, RuleSet
from queries.recommend.columns import Columns, Rows, Which
from queries.recommend.conditions import MINUTE_MS, Lookup, Node, Of, all_of, parts_of
from queries.recommend.situation import Situation

FILTER, FACTOR, LAST, PIN, CAP = "filter", "factor", "last", "pin", "cap"
KINDS = (FILTER, FACTOR, LAST, PIN, CAP)
BYTE = 8
#: The product of all factors of an item stays within these.
LEAST_FACTOR, MOST_FACTOR = np.float32(0.001), np.float32(1000)
#: So many situations are remembered.
ALIKE = 4096
Alike = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A rule made ready. ``plane`` and ``bit``: where its bit is. ``gate``: of the request; ``item``: of the item;
    ``late``: of both. ``pinned``: rows of a pin's SKUs, in their order."""

    rule: Rule
    kind: str
    plane: int
    bit: int
    gate: Node | None
    item: Node | None
    late: Node | None
    pinned: tuple[int, ...] | None

    @property
    def mask(self) -> int:
        """Its bit in its byte."""
        return 1 << self.bit


@dataclass(frozen=True, slots=True)
class Active:
    """What counts in a situation: ``bits`` (B, 1) of the rules whose gates are open, and those by kind. ``named``: rows
    that pins name. ``factors``: planes that have any. ``wide``: whether their product can leave its bounds."""

    bits: NDArray[np.uint8]
    late: tuple[Ready, ...]
    pins: tuple[Ready, ...]
    caps: tuple[Ready, ...]
    named: Rows
    factors: tuple[int, ...]
    wide: bool
    filters: bool
    last: bool


@dataclass(frozen=True)
class Compiled:
    """Rules made ready for one assortment. ``planes`` (B, N): bit b of byte p of an item is the rule at (p, b)."""

    digest: str
    columns: Columns
    ready: tuple[Ready, ...]
    planes: NDArray[np.uint8]
    spans: Mapping[str, slice]
    tables: NDArray[np.float32]
    _alike: dict[Alike, Active] = field(default_factory=dict, repr=False)

    def active(self, situation: Situation, without: Collection[str] = ()) -> Active:
        """Which rules count, but for those ``without``."""
        if without:
            return self._active(situation, without)
        key = self._key(situation)
        found = self._alike.get(key)
        if found is None:
            if len(self._alike) >= ALIKE:
                self._alike.clear()
            found = self._alike[key] = self._active(situation, without)
        return found

    def _key(self, situation: Situation) -> Alike:
        """What is asked of a situation. No window of time begins or ends within a minute."""
        return (
            situation.placement,
            situation.channel,
            situation.store,
            situation.device,
            situation.consents,
            situation.segments,
            situation.arms,
            situation.at_ms // MINUTE_MS if self._timed else 0,
        )

    @cached_property
    def _timed(self) -> bool:
        return any(each.time is not None for one in self.ready for each in one.rule.when.walk())

    def _active(self, situation: Situation, without: Collection[str]) -> Active:
        some: Rows = np.empty(0, np.intp)
        on = [
            one
            for one in self.ready
            if one.rule.key not in without and (one.gate is None or one.gate.test(situation, some) is True)
        ]
        bits = np.zeros((len(self.planes), 1), np.uint8)
        for one in on:
            bits[one.plane, 0] |= one.mask
        by = {kind: tuple(one for one in on if one.kind == kind) for kind in KINDS}
        return Active(
            bits=bits,
            late=tuple(one for one in on if one.late is not None),
            pins=by[PIN],
            caps=by[CAP],
            named=np.array(list(dict.fromkeys(row for one in by[PIN] for row in one.pinned or ())), np.intp),
            factors=tuple(sorted({one.plane for one in by[FACTOR]})),
            wide=_wide(by[FACTOR]),
            filters=bool(by[FILTER]),
            last=bool(by[LAST]),
        )


def compile(rules: RuleSet, columns: Columns) -> Compiled:
    """Rules made ready for an assortment. A SKU or name that it lacks matches nothing."""
    lookup, ready, spans, plane = Lookup(columns), list[Ready](), dict[str, slice](), 0
    for kind in KINDS:
        some = sorted((rule for rule in rules.rules if _kind(rule) == kind), key=_order)
        ready += [_ready(rule, kind, *divmod(plane * BYTE + i, BYTE), lookup) for i, rule in enumerate(some)]
        spans[kind] = slice(plane, plane + -(-len(some) // BYTE))
        plane = spans[kind].stop
    planes = np.zeros((plane, lookup.rows), np.uint8)
    _fill(planes, ready, slice(None))
    return Compiled(rules.digest, columns, tuple(ready), planes, spans, _tables(ready, plane))


def refreshed(compiled: Compiled, columns: Columns, changed: Rows) -> Compiled:
    """The same rules for a later assortment of which only the rows ``changed`` differ; new rows come after the old ones
    and are among them. Equal to compiling anew, in a fraction of the time."""
    lookup, before = Lookup(columns), compiled.planes
    ready = tuple(_ready(one.rule, one.kind, one.plane, one.bit, lookup) for one in compiled.ready)
    planes = np.zeros((len(before), lookup.rows), np.uint8)
    planes[:, : before.shape[1]] = before
    some = np.zeros((len(planes), len(changed)), np.uint8)
    _fill(some, ready, changed)
    planes[:, changed] = some
    return Compiled(compiled.digest, columns, ready, planes, compiled.spans, compiled.tables)


def _kind(rule: Rule) -> str:
    then = rule.then
    if then.filter:
        return FILTER
    if then.pin:
        return PIN
    if then.cap:
        return CAP
    return LAST if then.bury and then.bury.factor is None else FACTOR


def _order(rule: Rule) -> tuple[int, str]:
    """In which order rules of a kind are applied."""
    return -rule.priority, rule.key


def _ready(rule: Rule, kind: str, plane: int, bit: int, lookup: Lookup) -> Ready:
    parts = list(parts_of(rule.when, lookup))
    of = {side: [node for node in parts if node.of is side] for side in Of}
    gate, item, late = (all_of(of[side]) if of[side] else None for side in (Of.REQUEST, Of.ITEM, Of.BOTH))
    index, pin = lookup.columns.index, rule.then.pin
    pinned = tuple(index[sku] for sku in pin.skus if sku in index) if pin and pin.skus else None
    return Ready(rule, kind, plane, bit, gate, item, late, pinned)


def _fill(planes: NDArray[np.uint8], ready: Sequence[Ready], rows: Which) -> None:
    """Sets the bits of all rules: ``planes`` (B, as many as ``rows``)."""
    nobody = Situation("", 0)
    for one in ready:
        if one.item is None:
            planes[one.plane] |= one.mask
        else:
            found = one.item.test(nobody, rows)
            assert not isinstance(found, bool)
            planes[one.plane] |= found.view(np.uint8) << np.uint8(one.bit)


def _tables(ready: Sequence[Ready], planes: int) -> NDArray[np.float32]:
    """(B, 256) the product of the factors whose bits are set in a byte."""
    tables = np.ones((planes, 1 << BYTE), np.float32)
    bytes_ = np.arange(1 << BYTE)
    for one in ready:
        if one.kind == FACTOR:
            tables[one.plane, bytes_ & one.mask != 0] *= np.float32(_factor_of(one))
    return tables


def _factor_of(one: Ready) -> float:
    then = one.rule.then.boost or one.rule.then.bury
    assert then is not None and then.factor is not None
    return then.factor


def _wide(some: Sequence[Ready]) -> bool:
    """Whether the factors together can be beyond what an item's may be."""
    factors = [_factor_of(one) for one in some]
    most, least = prod(f for f in factors if f > 1), prod(f for f in factors if f < 1)
    return most >= float(MOST_FACTOR) or least <= float(LEAST_FACTOR)
