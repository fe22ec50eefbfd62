"""The statistics fold: what is popular, and what is looked at soon after what.

A pair (i, j) counts for each view of i and later view of j by one stream, less the longer it took: half after
``HALF_LIFE_MS``, nothing after ``WINDOW_MS``. It depends on the two views alone, so the order of arrival is of no
matter; integers, so that a rebuild is equal to the byte.
"""

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from projections.moment import millis, tag
from readmodels.statistics import LEAST_PEOPLE, WHOLE, Cell, Part

HALF_LIFE_MS = 120_000
WINDOW_MS = 10 * HALF_LIFE_MS
DAY_MS = 86_400_000
#: What an action counts for an item's popularity.
VIEW, CART, ORDER = 1, 3, 5

Look = tuple[int, int, str]


def weight(apart_ms: int) -> int:
    """What a pair counts whose views lie so far apart."""
    return int(WHOLE * 2 ** (-apart_ms / HALF_LIFE_MS))


@cache
def weights() -> "array[int]":
    """``weight`` of each distance in ``WINDOW_MS``: a look into a table takes a fifth of the time. It falls in few
    steps, so these are searched for, not a million powers taken."""
    table, begin = array("h"), 0
    for each in range(WHOLE, 0, -1):
        end = bisect_left(range(WINDOW_MS), 1 - each, lo=begin, key=lambda apart: -weight(apart))
        table.extend(array("h", [each]) * (end - begin))
        begin = end
    return table


def count(part: Part, fact: Event, around: Iterable[Look], least: int = LEAST_PEOPLE) -> None:
    """Adds one event to a shard's counts. ``around``: the stream's other views, of which those within ``WINDOW_MS``
    count."""
    person = person_number(fact.originator_id)
    if isinstance(fact, Customer.ProductViewed):
        count_look(part, look(fact), around, person, least)
        return
    told: Any = fact
    for sku, points in interest(type(fact), told):
        _count_item(part, sku, points, millis(told.occurred_at), person, least)


def count_session(part: Part, session: Iterable[Look], person: int, least: int = LEAST_PEOPLE) -> None:
    """Adds one stream's views, in any order, as ``count`` would one by one. The tight loop of a fold of whole streams:
    views come sorted, so each pair is met once, from its later view, and a cell is changed in place."""
    before: deque[Look] = deque()
    pairs, table = part.pairs, weights()
    for seen in sorted(session):
        at, _, sku = seen
        while before and before[0][0] <= at - WINDOW_MS:
            before.popleft()
        _count_item(part, sku, VIEW, at, person, least)
        for earlier, _, one in before:
            if one != sku:
                points = table[at - earlier]
                row = pairs.get(one)
                if row is None:
                    row = pairs[one] = {}
                cell = row.get(sku)
                if cell is None:
                    cell = row[sku] = Cell()
                people = cell.people
                if len(people) >= least and person >= people[-1]:
                    cell.weight += points
                else:
                    cell.add(points, person, least)
        before.append(seen)


def count_look(part: Part, new: Look, around: Iterable[Look], person: int, least: int) -> None:
    """Adds a view, and its pairs with the stream's other views. The tight loop of the statistics: half a dozen pairs
    a view."""
    at, _, sku = new
    _count_item(part, sku, VIEW, at, person, least)
    pairs, table = part.pairs, weights()
    for other in around:
        apart = at - other[0]
        if other[2] == sku or not -WINDOW_MS < apart < WINDOW_MS:
            continue
        one, two = (other[2], sku) if other < new else (sku, other[2])
        row = pairs.get(one)
        if row is None:
            row = pairs[one] = {}
        cell = row.get(two)
        if cell is None:
            cell = row[two] = Cell()
        cell.add(table[abs(apart)], person, least)


def _count_item(part: Part, sku: str, weight: int, at: int, person: int, least: int) -> None:
    days = part.items.setdefault(sku, {})
    days[at // DAY_MS] = days.get(at // DAY_MS, 0) + weight
    cell = part.people.get(sku)
    if cell is None:
        cell = part.people[sku] = Cell()
    cell.add(weight, person, least)


def look(fact: Customer.ProductViewed) -> Look:
    """A view as the fold needs it."""
    return millis(fact.occurred_at), tag(fact.source_id), fact.sku


def person_number(stream: UUID) -> int:
    """The random part of a stream's id: tells people apart and nothing else."""
    return stream.int & ((1 << 62) - 1)


def interest(kind: type[Event], fact: Any) -> Iterator[tuple[str, int]]:
    """SKUs that somebody acted on, with what each counts; ``fact``: an event of this kind, or its fields. Views
    count ``VIEW`` and are not among these."""
    if kind is Customer.AddedToCart:
        yield fact.line.sku, CART
    elif kind is Customer.OrderPlaced:
        for line in fact.lines:
            yield line.sku, ORDER
