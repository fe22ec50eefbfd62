"""Whose a stream was, as known at a moment: links followed breadth-first, reading no more than decides it.

A link is recorded in both its streams, and is known as soon as either has it, until both have taken it back.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from domain.customer import BEGUN, Customer
from domain.event import Event
from domain.identity import SHARED_KINDS, IdentifierKind, persons
from domain.ties import TIE_TOPICS, TIES, Ties
from queries.moment import Moment

#: The events that tell who is who.
TOPICS = (*(each.TOPIC for each in BEGUN), *TIE_TOPICS)
LINKING = (Customer.IdentifierLinked, Customer.ProbablyLinked, Customer.ConfirmedSame)
#: How many owners of a shared device are looked at in one go, at least: two different ones decide.
OWNERS = 64
Near = Mapping[UUID, AbstractSet[UUID]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a stream's own events tell: its ``kind`` (None if nothing readable tells), whether it was ``known`` by the
    moment, what it was ``linked`` to by then, and to what ``ever``, whose side may have been recorded earlier."""

    kind: IdentifierKind | None
    known: bool
    linked: frozenset[UUID]
    ever: Mapping[UUID, IdentifierKind]


def told(events: Sequence[Event], moment: Moment) -> Told:
    """Of a stream's events in order, from the first one on."""
    first, kind, ever, ties = events[0], None, dict[UUID, IdentifierKind](), Ties()
    for event in events:
        if isinstance(event, BEGUN):
            kind = event.kind
        if isinstance(event, LINKING):
            ever[event.other] = event.other_kind
        if isinstance(event, TIES) and moment.knows(event):
            ties.learn(event)
    return Told(kind, moment.knows(first), frozenset(ties.now), ever)


class Circle:
    """The streams around one. ``add`` that one, then what ``missing`` names until it names none; ``person`` is whose it
    was then. Of all but the first, events of ``TOPICS`` are enough."""

    def __init__(self, start: UUID, moment: Moment) -> None:
        self._start = start
        self._moment = moment
        self._told: dict[UUID, Told] = {}
        self._asked: set[UUID] = set()

    def add(self, asked: Iterable[UUID], found: Iterable[tuple[UUID, Sequence[Event]]]) -> None:
        """Takes in the events of the streams that exist among those asked for."""
        self._asked.update(asked)
        self._told.update((stream, told(events, self._moment)) for stream, events in found)

    def missing(self) -> set[UUID]:
        """Streams whose events must be read next.

        First all that name the same person. Then the devices around these, each until it is read whole or has an owner
        who is somebody else: that one is shared, whoever else its owners are, be they thousands.
        """
        kinds = self._kinds()
        if self._start not in kinds:
            return set()
        near, shared = self._near(kinds.keys()), {stream for stream, kind in kinds.items() if kind in SHARED_KINDS}
        core = self._core(near, shared)
        return self._unread(core) or self._around(core, near, shared)

    def person(self) -> frozenset[UUID]:
        """The streams that were one person with the first one; none if that was not known by the moment."""
        kinds = self._kinds()
        if self._start in kinds:
            links = ((stream, other) for stream in kinds for other in self._told[stream].linked)
            return persons(kinds, links)[self._start]
        known = self._start in self._told and self._told[self._start].known
        return frozenset({self._start} if known else ())

    def _kinds(self) -> dict[UUID, IdentifierKind]:
        """Of the streams known by the moment; of an erased one, what its neighbours say."""
        said = {other: kind for one in self._told.values() for other, kind in one.ever.items()}
        kinds = {s: one.kind or said.get(s) for s, one in self._told.items() if one.known}
        return {stream: kind for stream, kind in kinds.items() if kind}

    def _near(self, kinds: AbstractSet[UUID]) -> Near:
        near: dict[UUID, set[UUID]] = {stream: set() for stream in kinds}
        for stream in kinds:
            for other in self._told[stream].linked & near.keys():
                near[stream].add(other)
                near[other].add(stream)
        return near

    def _core(self, near: Near, shared: AbstractSet[UUID]) -> set[UUID]:
        """What names the person: from the first stream, or from an owner of it where that is a device."""
        start, names = self._start, near.keys() - shared
        if start in shared:
            owners = _beside(_reach(start, near, shared), near) & names
            return _reach(min(owners), near, names) if owners else set[UUID]()
        return _reach(start, near, names)

    def _around(self, core: set[UUID], near: Near, shared: AbstractSet[UUID]) -> set[UUID]:
        """What must be read of the devices beside the core, and of what hangs together with each of them."""
        todo, more = ({self._start} | _beside(core, near)) & shared, set[UUID]()
        while todo:
            devices = _reach(todo.pop(), near, shared)
            todo -= devices
            if _beside(devices, near) - shared <= core:
                more |= self._some(devices)
        return more

    def _unread(self, streams: Iterable[UUID]) -> set[UUID]:
        return {other for stream in streams for other in self._told[stream].ever} - self._asked

    def _some(self, devices: AbstractSet[UUID]) -> set[UUID]:
        """What they were ever linked to, the likeliest owners first; twice as much each time."""
        linked = {other for device in devices for other in self._told[device].linked}
        ever = {other: kind for device in devices for other, kind in self._told[device].ever.items()}
        unread = sorted(ever.keys() - self._asked, key=lambda o: (o not in linked, ever[o] in SHARED_KINDS, o))
        return set(unread[: max(OWNERS, len(self._asked))])


def _beside(streams: Iterable[UUID], near: Near) -> set[UUID]:
    return {other for stream in streams for other in near[stream]}


def _reach(start: UUID, near: Near, among: AbstractSet[UUID]) -> set[UUID]:
    """All of ``among`` that hang together with ``start``, which is one of them."""
    reached = frontier = {start}
    while frontier:
        frontier = {other for other in _beside(frontier, near) if other in among} - reached
        reached = reached | frontier
    return reached
