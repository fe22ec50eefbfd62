"""Statistics over people: a shard's partial counts, and the published generation that all shards make together."""

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Self

import msgspec

#: Changes whenever a part does: what was stored in another shape is counted anew.
SHAPE = 1
#: A cell that fewer people stand behind is never published.
LEAST_PEOPLE = 5
POPULARITY_DAYS = 14
#: The same of what is trending, of which so many are published.
TREND_DAYS, TRENDS = 2, 200
WHOLE = 1024


class Cell(msgspec.Struct, array_like=True):
    """A count, and the numbers of some people behind it: the few smallest, so that order is of no matter."""

    weight: int = 0
    people: list[int] = []

    def add(self, weight: int, person: int, least: int) -> None:
        """Counts; a person is listed once."""
        self.weight += weight
        people = self.people
        if len(people) >= least and person >= people[-1]:  # nearly always, once a cell is known
            return
        if person not in people:
            self.people = sorted([*people, person])[:least]


class Part(msgspec.Struct, array_like=True):
    """One shard's counts up to ``position``. ``items``: SKU → day → weight. ``pairs``: from → to, decayed by time."""

    position: int = 0
    people: dict[str, Cell] = {}
    items: dict[str, dict[int, int]] = {}
    pairs: dict[str, dict[str, Cell]] = {}


class Statistics(msgspec.Struct, frozen=True, array_like=True):
    """Published counts, as arrays in bytes (little endian), so that a reader maps millions of them without a loop.

    ``counts`` int64: recent interest in ``skus[i]``, one number and not one a day, since a single day may have one
    person behind it. What was seen after i: ``others`` int32, with ``weights`` int64, from ``bounds[i]``
    to ``bounds[i + 1]`` (int64). ``trending`` int32: rows of what there is most interest in lately, the most first.
    """

    skus: tuple[str, ...] = ()
    counts: bytes = b""
    bounds: bytes = bytes(8)
    others: bytes = b""
    weights: bytes = b""
    trending: bytes = b""

    @classmethod
    def of(
        cls,
        skus: Sequence[str],
        popularity: Iterable[int],
        pairs: Iterable[Sequence[tuple[int, int]]],
        trending: Iterable[int] = (),
    ) -> Self:
        """``pairs[i]``: (j, weight), j was seen after i."""
        bounds, others, weights = array("q", (0,)), array("i"), array("q")
        for row in pairs:
            others.extend([j for j, _ in row])
            weights.extend([weight for _, weight in row])
            bounds.append(len(others))
        return cls(tuple(skus), *map(_bytes, (array("q", popularity), bounds, others, weights, array("i", trending))))

    @property
    def popularity(self) -> tuple[int, ...]:
        """One for each of ``skus``."""
        return tuple(_array("q", self.counts))

    @property
    def pairs(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each of ``skus``: (j, weight), j was seen after it."""
        bounds, others, weights = _array("q", self.bounds), _array("i", self.others), _array("q", self.weights)
        ends = pairwise(bounds)
        return tuple(tuple(zip(others[b:e], weights[b:e], strict=True)) for b, e in ends)


def _array(kind: str, stored: bytes) -> "array[int]":
    found = array(kind, stored)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _bytes(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def merge(parts: Iterable[Part], least: int = LEAST_PEOPLE) -> Statistics:
    """All shards' counts as one; cells of fewer than ``least`` people are left out."""
    items: dict[str, Cell] = {}
    days: dict[str, dict[int, int]] = {}
    pairs: dict[tuple[str, str], Cell] = {}
    for part in parts:
        for sku, cell in part.people.items():
            _join(items.setdefault(sku, Cell()), cell, least)
        for sku, counts in part.items.items():
            for day, weight in counts.items():
                row = days.setdefault(sku, {})
                row[day] = row.get(day, 0) + weight
        for one, row_ in part.pairs.items():
            for other, cell in row_.items():
                _join(pairs.setdefault((one, other), Cell()), cell, least)
    return _publish(items, days, pairs, least)


def join(parts: Iterable[Part], position: int, least: int = LEAST_PEOPLE) -> Part:
    """The parts of one shard's slices as the shard's one part, up to ``position``."""
    whole = Part(position)
    for part in parts:
        for sku, cell in part.people.items():
            _join(whole.people.setdefault(sku, Cell()), cell, least)
        for sku, counts in part.items.items():
            days = whole.items.setdefault(sku, {})
            for day, weight in counts.items():
                days[day] = days.get(day, 0) + weight
        for one, row in part.pairs.items():
            cells = whole.pairs.setdefault(one, {})
            for other, cell in row.items():
                _join(cells.setdefault(other, Cell()), cell, least)
    return whole


def _join(into: Cell, cell: Cell, least: int) -> None:
    into.weight += cell.weight
    into.people = sorted({*into.people, *cell.people})[:least]


def _publish(
    items: dict[str, Cell], days: dict[str, dict[int, int]], pairs: dict[tuple[str, str], Cell], least: int
) -> Statistics:
    skus = tuple(sorted(sku for sku, cell in items.items() if len(cell.people) >= least))
    index = {sku: i for i, sku in enumerate(skus)}
    rows: list[list[tuple[int, int]]] = [[] for _ in skus]
    for (one, other), cell in sorted(pairs.items()):
        if len(cell.people) >= least and one in index and other in index:
            rows[index[one]].append((index[other], cell.weight))
    last = max((day for sku in skus for day in days[sku]), default=0)
    popularity = [_recent(days[sku], last, POPULARITY_DAYS) for sku in skus]
    return Statistics.of(skus, popularity, rows, _trending(skus, days, last))


def _trending(skus: Sequence[str], days: dict[str, dict[int, int]], last: int) -> list[int]:
    """Rows of what there was most interest in lately, the most first; equal ones by SKU."""
    lately = [_recent(days[sku], last, TREND_DAYS) for sku in skus]
    rows = [row for row, weight in enumerate(lately) if weight]
    return sorted(rows, key=lambda row: (-lately[row], row))[:TRENDS]


def _recent(days: dict[int, int], last: int, half_life: int) -> int:
    """Interest that counts half for every ``half_life`` days before the last day, times ``WHOLE``."""
    return sum(int(WHOLE * weight * 2 ** ((day - last) / half_life)) for day, weight in days.items())


_ENCODER = msgspec.msgpack.Encoder()
encode_part = _ENCODER.encode
decode_part = msgspec.msgpack.Decoder(Part).decode
encode = _ENCODER.encode
decode = msgspec.msgpack.Decoder(Statistics).decode
