"""Conditions as tests: of the request alone, of the item alone, or of both.

What is of the item alone can be worked out before anybody asks. What is of the request alone is one yes or no.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from domain.merchandising import Age, Condition, Day, Hours, Stock, TimeWindow
from queries.recommend.columns import Columns, Which
from queries.recommend.situation import Situation
from readmodels.features import DAY_MS

Mask = NDArray[np.bool_]
Found = bool | Mask
#: (situation, rows) → for each row. Tests of the item alone see no situation, those of the request give one answer.
Test = Callable[[Situation, Which], Found]
CODED = ("category", "brand", "colour", "style", "season")
WEEK = tuple(Day)
MINUTE_MS = 60_000


class Of(Enum):
    """What a test looks at."""

    REQUEST = 1
    ITEM = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class Node:
    """A test, and what it looks at."""

    of: Of
    test: Test


class Lookup:
    """Names → codes of the columns, whatever their case, made once a compilation."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self._codes: dict[str, dict[str, list[int]]] = {}

    def wanted(self, column: str, names: Iterable[str]) -> Mask:
        """(codes + 1,) whether a code has one of the names; the last one, which -1 means, has none."""
        if column not in self._codes:
            found = self._codes[column] = {}
            for code, name in enumerate(self.columns.names[column]):
                found.setdefault(name.casefold(), []).append(code)
        table = np.zeros(len(self.columns.names[column]) + 1, np.bool_)
        for name in names:
            table[self._codes[column].get(name.casefold(), [])] = True
        return table

    @cached_property
    def rows(self) -> int:
        """How many items there are."""
        return len(self.columns.skus)

    def marked(self, rows: Iterable[int] | NDArray[np.intp]) -> Mask:
        """(N,) whether a row is one of these."""
        mask = np.zeros(self.rows, np.bool_)
        mask[np.asarray(rows if isinstance(rows, np.ndarray) else list(rows), np.intp)] = True
        return mask


def parts_of(condition: Condition, lookup: Lookup) -> Iterator[Node]:
    """Tests that must all hold."""
    yield from _of_request(condition)
    yield from _of_item(condition, lookup)
    for inner in condition.all or ():
        yield from parts_of(inner, lookup)
    if condition.any:
        yield any_of([all_of(list(parts_of(inner, lookup))) for inner in condition.any])
    if condition.not_:
        yield _not(all_of(list(parts_of(condition.not_, lookup))))


def all_of(nodes: Sequence[Node]) -> Node:
    """Whether all hold; of no nodes, that is so."""

    def test(situation: Situation, rows: Which) -> Found:
        found: Found = True
        for node in nodes:
            part = node.test(situation, rows)
            if part is False:
                return False
            if part is not True:
                found = part if found is True else found & part
        return found

    return nodes[0] if len(nodes) == 1 else Node(_together(nodes), test)


def any_of(nodes: Sequence[Node]) -> Node:
    """Whether one holds."""

    def test(situation: Situation, rows: Which) -> Found:
        found: Found = False
        for node in nodes:
            part = node.test(situation, rows)
            if part is True:
                return True
            if part is not False:
                found = part if found is False else found | part
        return found

    return nodes[0] if len(nodes) == 1 else Node(_together(nodes), test)


def _not(node: Node) -> Node:
    def test(situation: Situation, rows: Which) -> Found:
        found = node.test(situation, rows)
        return not found if isinstance(found, bool) else ~found

    return Node(node.of, test)


def _together(nodes: Sequence[Node]) -> Of:
    sides = {node.of for node in nodes}
    return sides.pop() if len(sides) == 1 else Of.BOTH


def _of_request(condition: Condition) -> Iterator[Node]:
    def ask(test: Callable[[Situation], bool]) -> Node:
        return Node(Of.REQUEST, lambda situation, _: test(situation))

    if condition.placement:
        placements = frozenset(condition.placement)
        yield ask(lambda situation: situation.placement in placements)
    if condition.channel:
        channels = frozenset(str(channel) for channel in condition.channel)
        yield ask(lambda situation: situation.channel in channels)
    if condition.store:
        stores = frozenset(map(str.casefold, condition.store))
        yield ask(lambda situation: (situation.store or "").casefold() in stores)
    if condition.device:
        devices = frozenset(map(str.casefold, condition.device))
        yield ask(lambda situation: (situation.device or "").casefold() in devices)
    if condition.segment:
        segments = frozenset(str(segment) for segment in condition.segment)
        yield ask(lambda situation: not segments.isdisjoint(situation.segments))
    if condition.consent:
        consents = frozenset(str(purpose) for purpose in condition.consent)
        yield ask(lambda situation: consents <= situation.consents)
    if condition.arm:
        arms = frozenset(condition.arm)
        yield ask(lambda situation: not arms.isdisjoint(situation.arms))
    if condition.time:
        yield ask(_within(condition.time))


def _within(window: TimeWindow) -> Callable[[Situation], bool]:
    since = window.since.timestamp() * 1000 if window.since else -float("inf")
    until = window.until.timestamp() * 1000 if window.until else float("inf")
    zone, days, hours = ZoneInfo(window.timezone), frozenset(window.days or WEEK), window.hours

    def test(situation: Situation) -> bool:
        if not since <= situation.at_ms < until:
            return False
        if hours is None and len(days) == len(WEEK):
            return True
        there = datetime.fromtimestamp(situation.at_ms / 1000, zone)
        return WEEK[there.weekday()] in days and (hours is None or _open(hours, f"{there:%H:%M}"))

    return test


def _open(hours: Hours, now: str) -> bool:
    if hours.since < hours.until:
        return hours.since <= now < hours.until
    return now >= hours.since or now < hours.until


def _of_item(condition: Condition, lookup: Lookup) -> Iterator[Node]:
    columns = lookup.columns
    for column in CODED:
        if names := getattr(condition, column):
            yield _item(_coded(getattr(columns, column), lookup.wanted(column, names)))
    if condition.sku:
        index = columns.index
        yield _item(_picked(lookup.marked(index[sku] for sku in condition.sku if sku in index)))
    if condition.tag:
        yield _item(_picked(lookup.marked(np.concatenate([columns.tagged(tag) for tag in condition.tag]))))
    if condition.clearance is not None:
        yield _item(_picked(columns.clearance if condition.clearance else ~columns.clearance))
    if condition.price:
        yield _item(_between(columns.cents, condition.price.min_cents, condition.price.max_cents, least=0))
    if condition.margin:
        yield _item(_between(columns.margin, condition.margin.min, condition.margin.max))
    if condition.stock:
        yield _stock(columns, condition.stock)
    if condition.age:
        yield Node(Of.BOTH, _aged(columns.introduced_ms, condition.age))


def _item(test: Callable[[Which], Mask]) -> Node:
    return Node(Of.ITEM, lambda _, rows: test(rows))


def _coded(codes: NDArray[np.int32], wanted: Mask) -> Callable[[Which], Mask]:
    return lambda rows: wanted[codes[rows]]


def _picked(mask: Mask) -> Callable[[Which], Mask]:
    return lambda rows: mask[rows]


def _between(
    values: NDArray[np.int64] | NDArray[np.int32] | NDArray[np.float32],
    lower: float | None,
    upper: float | None,
    least: float = -np.inf,
) -> Callable[[Which], Mask]:
    """From ``lower`` to ``upper``; what is not a number, or below ``least``, is not."""
    lowest = least if lower is None else max(lower, least)

    def test(rows: Which) -> Mask:
        some = values[rows]
        found: Mask = some >= lowest
        return found if upper is None else found & (some <= upper)

    return test


def _stock(columns: Columns, stock: Stock) -> Node:
    if not stock.here:
        return _item(_between(columns.available, stock.min, stock.max, least=0))

    def test(situation: Situation, rows: Which) -> Found:
        if situation.store is None or isinstance(rows, slice):
            return False
        pieces = columns.stock_at(situation.store, rows)
        return _between(pieces, stock.min, stock.max, least=0)(slice(None))

    return Node(Of.BOTH, test)


def _aged(introduced_ms: NDArray[np.int64], age: Age) -> Test:
    def test(situation: Situation, rows: Which) -> Found:
        since = introduced_ms[rows]
        found: Mask = since > 0
        if age.min_days is not None:
            found &= since <= situation.at_ms - age.min_days * DAY_MS
        if age.max_days is not None:
            found &= since >= situation.at_ms - age.max_days * DAY_MS
        return found

    return test
