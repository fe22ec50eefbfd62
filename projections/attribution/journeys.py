"""Persons' ways to their orders, and those that came to nothing, from the trails of all their streams."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.values import Purpose
from projections.attribution.channels import SHOWN
from projections.attribution.ledger import Sale, sales
from projections.attribution.paths import Path
from projections.attribution.positional import DIRECT
from projections.attribution.rules import HOUR_MS, Rules
from projections.attribution.trail import Touch, Trail
from projections.gathering import gathered
from projections.permission import Permission, of_child


@dataclass(frozen=True, slots=True)
class Journey:
    """``person``: the oldest of its streams. ``sale`` None: the touches came to nothing. ``at_ms``: when it ended."""

    person: UUID
    at_ms: int
    touches: tuple[Touch, ...]
    sale: Sale | None = None

    def path(self) -> Path:
        """As models take it; ages in hours. An order all of which went back is no conversion, and its way one to
        nothing."""
        channels = tuple(touch.channel for touch in self.touches)
        ages = tuple((self.at_ms - touch.at_ms) // HOUR_MS for touch in self.touches)
        if self.sale is None:
            return Path(channels, ages, nulls=1)
        net = self.sale.net_cents
        return Path(channels, ages, int(net > 0), net, int(net <= 0))


@dataclass(frozen=True, slots=True)
class Walked:
    """``sales``: all there are, of whom ``journeys`` has one each, but for those erased or of no known order."""

    sales: tuple[Sale, ...]
    journeys: tuple[Journey, ...]


def members(trails: Mapping[UUID, Trail]) -> list[frozenset[UUID]]:
    """The streams of each person, by the oldest. Nobody is one person through somebody who was erased."""
    gone = frozenset(stream for stream, trail in trails.items() if trail.erased)
    several = gathered(told for stream, trail in trails.items() if (told := trail.linked(stream, gone)))
    together = {stream for each in several for stream in each}
    alone = (frozenset({stream}) for stream in trails if stream not in together)
    return sorted([*several, *alone], key=min)


def walked(trails: Mapping[UUID, Trail], rules: Rules) -> Walked:
    """All persons. The result depends on what is in the trails alone, not on how it came there."""
    sold = sales(trails)
    by_stream: dict[UUID, list[Sale]] = {}
    for sale in sold:
        if sale.order_id is not None and not sale.erased:
            by_stream.setdefault(sale.stream, []).append(sale)
    found: list[Journey] = []
    for streams in members(trails):
        touches = counted([trails[stream] for stream in streams if stream in trails])
        bought = [sale for stream in streams for sale in by_stream.get(stream, ())]
        if touches or bought:
            bought.sort(key=lambda sale: (sale.at_ms, sale.order_id or ""))
            found.extend(journeys(min(streams), kept(touches, rules), bought, rules))
    return Walked(tuple(sold), tuple(found))


def counted(trails: Sequence[Trail]) -> list[Touch]:
    """The touches of one person's streams that may count: none of a child's, and none that they said no to profiling
    of, at that moment or since."""
    if of_child(age for trail in trails for age in trail.ages):
        return []
    touches = [touch for trail in trails for touch in trail.touches]
    said = sorted(word for trail in trails for word in trail.words)
    if not said:
        return touches
    permission = Permission(said, (Purpose.PROFILING,), assumed=True)
    return [touch for touch in touches if permission.stands and permission.at(touch.at_ms)]


def kept(touches: Iterable[Touch], rules: Rules) -> list[Touch]:
    """Those that count, by time: in a visit each channel once, and direct only where it is what began the visit."""
    found: list[Touch] = []
    met: set[str] = set()
    last_ms = None
    for touch in sorted(touches):
        if touch.channel == SHOWN and not rules.shown:
            continue
        if last_ms is None or touch.at_ms - last_ms > rules.session_ms:
            met.clear()
        last_ms = touch.at_ms
        if touch.channel not in met and not (touch.channel == DIRECT and met):
            found.append(touch)
        met.add(touch.channel)
    return found


def journeys(person: UUID, touches: Sequence[Touch], bought: Sequence[Sale], rules: Rules) -> Iterator[Journey]:
    """One person's. ``touches`` and ``bought`` by time. Touches that no order had in its time came to nothing; they are
    one way as long as no gap between them is longer than the lookback."""
    times = [touch.at_ms for touch in touches]
    used = [False] * len(touches)
    before = 0
    for sale in bought:
        begin, end = bisect_right(times, sale.at_ms - rules.lookback_ms - 1), bisect_right(times, sale.at_ms)
        if rules.once:
            begin, before = max(begin, before), end
        used[begin:end] = [True] * max(end - begin, 0)
        yield Journey(person, sale.at_ms, tuple(touches[begin:end]), sale)
    yield from _to_nothing(person, [touch for touch, had in zip(touches, used, strict=True) if not had], rules)


def _to_nothing(person: UUID, left: Sequence[Touch], rules: Rules) -> Iterator[Journey]:
    way: list[Touch] = []
    for touch in left:
        if way and touch.at_ms - way[-1].at_ms > rules.lookback_ms:
            yield Journey(person, way[-1].at_ms, tuple(way))
            way = []
        way.append(touch)
    if way:
        yield Journey(person, way[-1].at_ms, tuple(way))
