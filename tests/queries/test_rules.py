"""Rules over candidates: equal to a plain reading of each condition, item by item; and who wins over whom."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.merchandising import Condition, RuleSet, read
from queries.recommend import rules
from queries.recommend.diversity import pick
from queries.recommend.rules import Ruled
from queries.recommend.ruling import settled
from queries.recommend.situation import Situation
from tests.queries.columns import DAY_MS, NOW_MS, SIZES, Made

SHELF = Made(60)
HERE = Situation("home", NOW_MS, "web", "Rome", "phone", frozenset({"email"}), frozenset({"vip", "women"}))
ALL = np.arange(60)


def arrange(ruled: Ruled, scores: np.ndarray, limit: int) -> list[int]:
    """Places in ``ruled.rows``, as they are shown."""
    columns: Any = ruled.compiled.columns
    left = settled(ruled, np.zeros(len(scores), np.int8), scores, columns.tie)
    shown = pick(columns, left.found.rows, left.value, limit=limit, weight=0.0, cap=0, caps=left.caps, pins=left.pins)
    places = ruled.rows.tolist()
    return [places.index(row) for row in left.found.rows[shown].tolist()]


def plainly(condition: Condition, row: int, here: Situation, shelf: Made = SHELF) -> bool:
    """What the words mean, one item at a time."""
    c, said = condition, list[bool]()
    if c.placement:
        said.append(here.placement in c.placement)
    if c.channel:
        said.append(here.channel in [str(channel) for channel in c.channel])
    if c.store:
        said.append((here.store or "").lower() in [store.lower() for store in c.store])
    if c.device:
        said.append((here.device or "").lower() in [device.lower() for device in c.device])
    if c.segment:
        said.append(any(str(segment) in here.segments for segment in c.segment))
    if c.consent:
        said.append(all(str(purpose) in here.consents for purpose in c.consent))
    if c.arm:
        said.append(any(arm in here.arms for arm in c.arm))
    for column in SIZES:
        if wanted := getattr(c, column):
            code = int(getattr(shelf, column)[row])
            said.append(code >= 0 and shelf.names[column][code].lower() in [name.lower() for name in wanted])
    if c.sku:
        said.append(shelf.skus[row] in c.sku)
    if c.tag:
        said.append(any(row in shelf.tagged(tag) for tag in c.tag))
    if c.clearance is not None:
        said.append(bool(shelf.clearance[row]) == c.clearance)
    if c.price:
        said.append(within(int(shelf.cents[row]), c.price.min_cents, c.price.max_cents))
    if c.margin:
        share = float(shelf.margin[row])
        said.append(not np.isnan(share) and within(share, c.margin.min, c.margin.max, least=-10))
    if c.stock and c.stock.here:
        pieces = int(shelf.stock_at(here.store, np.array([row]))[0]) if here.store else -1
        said.append(within(pieces, c.stock.min, c.stock.max))
    elif c.stock:
        said.append(within(int(shelf.available[row]), c.stock.min, c.stock.max))
    if c.age:
        days = (here.at_ms - int(shelf.introduced_ms[row])) / DAY_MS
        said.append(bool(shelf.introduced_ms[row]) and within(days, c.age.min_days, c.age.max_days))
    said += [plainly(inner, row, here, shelf) for inner in c.all or ()]
    if c.any:
        said.append(any(plainly(inner, row, here, shelf) for inner in c.any))
    if c.not_:
        said.append(not plainly(c.not_, row, here, shelf))
    return all(said)


def within(value: float, lower: float | None, upper: float | None, least: float = 0) -> bool:
    return value >= least and (lower is None or value >= lower) and (upper is None or value <= upper)


def names(column: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([f"{column} {n}" for n in range(7)]), min_size=1, max_size=3)


def bounds(lower: str, upper: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    pairs = st.tuples(values, values).map(sorted).map(lambda pair: {lower: pair[0], upper: pair[1]})
    return st.tuples(pairs, st.sampled_from([{lower, upper}, {lower}, {upper}])).map(
        lambda both: {name: value for name, value in both[0].items() if name in both[1]}
    )


PARTS: dict[str, st.SearchStrategy[Any]] = {
    **{column: names(column) for column in SIZES},
    "placement": st.sampled_from([["home"], ["cart", "home"], ["cart"]]),
    "channel": st.sampled_from([["web"], ["store"]]),
    "store": st.sampled_from([["rome"], ["Oslo"]]),
    "device": st.sampled_from([["Phone"], ["desk"]]),
    "segment": st.sampled_from([["vip"], ["men", "women"], ["men"]]),
    "consent": st.sampled_from([["email"], ["email", "push"]]),
    "arm": st.sampled_from([["hero:b"], ["hero:a", "x:y"]]),
    "sku": st.lists(st.sampled_from([f"S{n}" for n in range(70)]), min_size=1, max_size=20),
    "tag": st.sampled_from([["new"], ["Fur", "none"], ["none"]]),
    "clearance": st.booleans(),
    "price": bounds("min_cents", "max_cents", st.integers(0, 19_000)),
    "margin": bounds("min", "max", st.floats(0, 1, width=32)),
    "stock": st.tuples(bounds("min", "max", st.integers(0, 6)), st.sampled_from([{}, {"here": True}])).map(
        lambda both: {**both[0], **both[1]}
    ),
    "age": bounds("min_days", "max_days", st.integers(0, 400)),
}
LEAVES = st.sampled_from(sorted(PARTS)).flatmap(lambda name: PARTS[name].map(lambda value: {name: value}))


def joined(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        some.map(lambda given: {"all": given}),
        some.map(lambda given: {"any": given}),
        inner.map(lambda given: {"not": given}),
        st.tuples(inner, inner).map(lambda pair: {**pair[0], **pair[1]}),
    )


CONDITIONS = st.recursive(LEAVES, joined, max_leaves=8).filter(lambda c: Condition.model_validate(c).depth <= 5)
SITUATIONS = st.builds(
    Situation,
    placement=st.sampled_from(["home", "cart"]),
    at_ms=st.integers(NOW_MS, NOW_MS + 100 * DAY_MS),
    channel=st.sampled_from(["web", "store", None]),
    store=st.sampled_from(["Rome", None]),
    device=st.sampled_from(["phone", None]),
    consents=st.sampled_from([frozenset(), frozenset({"email"}), frozenset({"email", "push"})]),
    segments=st.sampled_from([frozenset(), frozenset({"vip"}), frozenset({"men", "new"})]),
    arms=st.sampled_from([frozenset(), frozenset({"hero:b"})]),
)


def capped(condition: dict[str, Any], key: str = "r") -> dict[str, Any]:
    """A rule that any condition may have, and that shows for which items it holds."""
    return {"key": key, "when": condition, "then": {"cap": {"at_most": 1, "each": "category"}}}


def holds(ruled: Ruled, key: str) -> list[bool]:
    """For which rows a rule was found to hold."""
    one = next(one for one in ruled.compiled.ready if one.rule.key == key)
    return [bool(byte & one.mask) for byte in ruled.hits[one.plane]]


def ruled(
    ruleset: RuleSet | list[dict[str, Any]],
    candidates: Any = ALL,
    here: Situation = HERE,
    scores: Any = None,
    shelf: Made = SHELF,
    **more: Any,
) -> Ruled:
    ruleset = ruleset if isinstance(ruleset, RuleSet) else read(ruleset)
    candidates = np.asarray(candidates, np.intp)
    scores = np.linspace(1, 0.1, len(candidates)) if scores is None else scores
    return rules.apply(rules.compile(ruleset, shelf), candidates, np.asarray(scores, np.float32), here, **more)


@settings(max_examples=300, deadline=None)
@given(st.lists(CONDITIONS, min_size=1, max_size=12), SITUATIONS)
def test_each_rule_holds_for_the_items_that_its_words_mean(conditions: list[dict[str, Any]], here: Situation) -> None:
    given = read([capped(condition, f"r{n}") for n, condition in enumerate(conditions)])
    found = ruled(given, here=here)
    for rule in given.rules:
        assert holds(found, rule.key) == [plainly(rule.when, row, here) for row in ALL]


@settings(max_examples=60, deadline=None)
@given(st.lists(CONDITIONS, min_size=1, max_size=10), st.sets(st.integers(0, 59), max_size=12), st.integers(0, 5))
def test_rules_that_are_brought_up_to_date_equal_new_ones(
    conditions: list[dict[str, Any]], changed: set[int], more: int
) -> None:
    given = read([capped(condition, f"r{n}") for n, condition in enumerate(conditions)])
    later, other = Made(60 + more), Made(60 + more, seed=1)
    keep = np.array([row not in changed and row < 60 for row in range(60 + more)])
    for column in ("category", "brand", "cents", "margin", "available", "clearance"):
        was = np.resize(getattr(SHELF, column), 60 + more)
        setattr(later, column, np.where(keep, was, getattr(other, column)))
    for column in ("colour", "style", "season", "introduced_ms"):
        setattr(later, column, np.resize(getattr(SHELF, column), 60 + more))
    later.tags = SHELF.tags
    rows = np.flatnonzero(~keep)
    updated = rules.refreshed(rules.compile(given, SHELF), later, rows)
    assert np.array_equal(updated.planes, rules.compile(given, later).planes)


def test_boosts_and_buries_multiply_and_stay_within_bounds() -> None:
    up = {"boost": {"factor": 10}}
    three = [{"key": f"u{n}", "when": {"sku": ["S1", "S2"]}, "then": up} for n in range(4)]
    half = {"key": "half", "when": {"sku": ["S2", "S3"]}, "then": {"bury": {"factor": 0.5}}}
    found = ruled([*three[:2], half])
    assert found.factor[:4].tolist() == [1, 100, 50, 0.5]
    assert found.factor.dtype == np.float32
    assert ruled(three).factor[1] == 1000


def test_a_filter_beats_a_pin() -> None:
    pin = {"key": "pin", "then": {"pin": {"slot": 1, "skus": ["S1", sellable(2)]}}}
    found = ruled([pin, {"key": "no", "when": {"sku": ["S1"]}, "then": {"filter": {}}}])
    assert not found.keep[1] and found.keep.sum() == 59
    assert [SHELF.skus[found.rows[p.place]] for p in found.pins] == [sellable(2)]
    assert [(e.rule, e.does) for e in found.effects(1)] == [("no", "filter")]


def sellable(at_least: int) -> str:
    """The first SKU from a row on that is on sale, in stock, and in stock at the store."""
    here = SHELF.stock_at("Rome", ALL)
    return next(f"S{r}" for r in range(at_least, 60) if SHELF.active[r] and SHELF.available[r] > 0 and here[r] != 0)


def test_of_two_pins_at_a_slot_the_higher_priority_wins_then_the_first_key() -> None:
    one, two, three = sellable(2), sellable(int(sellable(2)[1:]) + 1), sellable(30)
    pins = [("b", 0, one), ("a", 0, two), ("c", 5, three)]
    given = [{"key": key, "priority": p, "then": {"pin": {"slot": 3, "skus": [sku]}}} for key, p, sku in pins]
    found = ruled(given)
    assert [(p.slot, p.rule, f"S{found.rows[p.place]}") for p in found.pins] == [(3, "c", three)]
    assert [p.rule for p in found.lost] == ["a", "b"]
    assert [p.rule for p in ruled(given, without=["c"]).pins] == ["a"]
    assert [e.does for e in found.effects(int(one[1:]))] == ["lost"]


def test_a_pinned_item_need_not_be_a_candidate() -> None:
    sku = sellable(20)
    given = [{"key": "pin", "then": {"pin": {"slot": 2, "skus": ["gone", sku, sellable(40)]}}}]
    found = ruled(given, candidates=[0, 1, 2, 3])
    assert found.added.tolist() == [int(sku[1:])]
    assert len(found.rows) == len(found.keep) == len(found.factor) == found.hits.shape[1] == 6
    assert not found.keep[5]  # the second choice is not brought
    shown = [SHELF.skus[found.rows[p]] for p in arrange(found, np.ones(4, np.float32), 3)]
    assert shown[1] == sku
    assert ruled(given, candidates=[0, 1], hidden={int(sku[1:])}).pins[0].place != found.pins[0].place


@pytest.mark.parametrize("why", ["active", "available", "hidden"])
def test_what_cannot_be_sold_is_not_pinned(why: str) -> None:
    shelf, sku = Made(60), sellable(5)
    row = int(sku[1:])
    if why != "hidden":
        getattr(shelf, why)[row] = 0
    given = [{"key": "pin", "then": {"pin": {"slot": 1, "skus": [sku]}}}]
    assert ruled(given, shelf=shelf, hidden={row} if why == "hidden" else ()).pins == ()


def test_a_pin_without_skus_takes_the_best_that_matches() -> None:
    given = [
        {"key": "p", "when": {"clearance": True}, "then": {"pin": {"slot": 1}}},
        {"key": "q", "when": {"clearance": True}, "then": {"pin": {"slot": 2}}},
    ]
    best = np.flatnonzero(SHELF.clearance)[:2].tolist()
    assert [p.place for p in ruled(given).pins] == best
    tied = ruled(given, scores=np.ones(60)).pins
    by_tie = sorted(np.flatnonzero(SHELF.clearance).tolist(), key=lambda row: SHELF.tie[row])
    assert [p.place for p in tied] == by_tie[:2]


def test_caps_count_groups_and_pins_are_not_stopped_by_them() -> None:
    pinned = [f"S{row}" for row in ALL if SHELF.category[row] == 0 and SHELF.active[row] and SHELF.available[row] > 0]
    given = [
        {"key": "cap", "then": {"cap": {"at_most": 1, "each": "category"}}},
        *({"key": f"p{n}", "then": {"pin": {"slot": n + 1, "skus": [sku]}}} for n, sku in enumerate(pinned[:2])),
    ]
    found = ruled(given, here=Situation("home", NOW_MS))
    shown = arrange(found, np.linspace(1, 0.1, 60, dtype=np.float32), 20)
    kinds = [int(SHELF.category[found.rows[p]]) for p in shown]
    assert kinds[:2] == [0, 0] and kinds.count(0) == 2
    assert all(kinds.count(kind) == 1 for kind in set(kinds) - {0, -1})
    assert kinds.count(-1) > 1  # what has no category is not counted


def test_a_cap_over_what_matches_counts_it_in_all() -> None:
    found = ruled([{"key": "c", "when": {"clearance": True}, "then": {"cap": {"at_most": 2}}}])
    shown = arrange(found, np.linspace(1, 0.1, 60, dtype=np.float32), 20)
    assert sum(bool(SHELF.clearance[found.rows[p]]) for p in shown) == 2


def test_what_is_buried_without_a_factor_comes_last_unless_it_is_pinned() -> None:
    first, pinned = 0, sellable(1)
    when = {"sku": [f"S{first}", pinned]}
    given = [
        {"key": "b", "when": when, "then": {"bury": {}}},
        {"key": "u", "when": when, "then": {"boost": {"factor": 10}}},
        {"key": "p", "then": {"pin": {"slot": 1, "skus": [pinned]}}},
    ]
    found = ruled(given)
    shown = arrange(found, np.linspace(1, 0.1, 60, dtype=np.float32), 60)
    assert (found.rows[shown[0]], found.rows[shown[-1]]) == (int(pinned[1:]), first)
    assert [(e.rule, e.does, e.amount) for e in found.effects(first)] == [("u", "boost", 10), ("b", "last", None)]


def test_without_a_rule_everything_is_as_if_it_were_not_there() -> None:
    given = [
        {"key": "a", "when": {"clearance": True}, "then": {"filter": {}}},
        {"key": "b", "when": {"margin": {"min": 0.5}}, "then": {"boost": {"factor": 2}}},
        {"key": "c", "when": {"age": {"max_days": 100}}, "then": {"boost": {"factor": 3}}},
    ]
    for left_out in "abc":
        some, rest = ruled(given, without={left_out}), ruled([rule for rule in given if rule["key"] != left_out])
        assert np.array_equal(some.keep, rest.keep) and np.array_equal(some.factor, rest.factor)


def test_no_rules_change_nothing_and_no_candidates_are_no_trouble() -> None:
    found = ruled([])
    assert found.keep.all() and (found.factor == 1).all() and not found.last.any() and not found.caps
    assert arrange(found, np.linspace(1, 0.1, 60, dtype=np.float32), 3) == [0, 1, 2]
    given = [
        {"key": "p", "then": {"pin": {"slot": 1, "skus": [sellable(3)]}}},
        {"key": "q", "when": {"clearance": True}, "then": {"pin": {"slot": 2}}},
    ]
    nobody = ruled(given, candidates=[])
    assert arrange(nobody, np.empty(0, np.float32), 5) == [0] and len(nobody.added) == 1


WINDOWS: list[tuple[dict[str, Any], str, bool]] = [
    ({"since": "2026-11-27T00:00:00+01:00"}, "2026-11-26T23:59:59+01:00", False),
    ({"since": "2026-11-27T00:00:00+01:00"}, "2026-11-27T00:00:00+01:00", True),
    ({"until": "2026-11-27T00:00:00+01:00"}, "2026-11-26T22:59:59+00:00", True),
    ({"until": "2026-11-27T00:00:00+01:00"}, "2026-11-26T23:00:00+00:00", False),
    ({"days": ["fri"]}, "2026-11-27T23:59:00+00:00", True),
    ({"days": ["fri"], "timezone": "Europe/Berlin"}, "2026-11-27T23:59:00+00:00", False),
    ({"hours": {"since": "09:00", "until": "18:00"}}, "2026-11-27T09:00:00+00:00", True),
    ({"hours": {"since": "09:00", "until": "18:00"}}, "2026-11-27T18:00:00+00:00", False),
    ({"hours": {"since": "22:00", "until": "06:00"}}, "2026-11-27T05:59:00+00:00", True),
    ({"hours": {"since": "22:00", "until": "06:00"}}, "2026-11-27T06:00:00+00:00", False),
    # Summer time ends in Berlin: nine o'clock is an hour later in UTC the day after.
    ({"hours": {"since": "09:00", "until": "10:00"}, "timezone": "Europe/Berlin"}, "2026-10-24T07:30:00+00:00", True),
    ({"hours": {"since": "09:00", "until": "10:00"}, "timezone": "Europe/Berlin"}, "2026-10-25T07:30:00+00:00", False),
    ({"hours": {"since": "09:00", "until": "10:00"}, "timezone": "Europe/Berlin"}, "2026-10-25T08:30:00+00:00", True),
]


@pytest.mark.parametrize(("window", "at", "open_"), WINDOWS)
def test_windows_of_time(window: dict[str, Any], at: str, open_: bool) -> None:
    here = Situation("home", int(datetime.fromisoformat(at).timestamp() * 1000))
    assert any(holds(ruled([capped({"time": window})], here=here), "r")) is open_


def test_a_window_opens_on_its_minute_for_rules_that_are_remembered() -> None:
    opens = datetime(2026, 11, 27, tzinfo=ZoneInfo("UTC"))
    compiled = rules.compile(read([capped({"time": {"since": opens.isoformat()}})]), SHELF)
    for after, is_open in ((-1, False), (0, True), (-1, False), (59_999, True)):
        at = int((opens + timedelta(milliseconds=after)).timestamp() * 1000)
        found = rules.apply(compiled, ALL, np.ones(60, np.float32), Situation("home", at))
        assert any(holds(found, "r")) is is_open
