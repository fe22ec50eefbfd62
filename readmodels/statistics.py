"""Statistics over people: a shard's partial counts, and the published generation that all shards make together."""

from collections.abc import Iterable

import msgspec

#: Changes whenever a part does: what was stored in another shape is counted anew.
SHAPE = 1
#: A cell that fewer people stand behind is never published.
LEAST_PEOPLE = 5
POPULARITY_DAYS = 14
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
    """Published counts. ``popularity[i]``: recent interest in ``skus[i]``, one number and not one a day, since a single
    day may have one person behind it. ``pairs[i]``: (j, weight), j was seen after i."""

    skus: tuple[str, ...] = ()
    popularity: tuple[int, ...] = ()
    pairs: tuple[tuple[tuple[int, int], ...], ...] = ()


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
    return Statistics(skus, tuple(_recent(days[sku], last) for sku in skus), tuple(map(tuple, rows)))


def _recent(days: dict[int, int], last: int) -> int:
    """Interest that counts half for every ``POPULARITY_DAYS`` before the last day, times ``WHOLE``."""
    return sum(int(WHOLE * weight * 2 ** ((day - last) / POPULARITY_DAYS)) for day, weight in days.items())


_ENCODER = msgspec.msgpack.Encoder()
encode_part = _ENCODER.encode
decode_part = msgspec.msgpack.Decoder(Part).decode
encode = _ENCODER.encode
decode = msgspec.msgpack.Decoder(Statistics).decode
