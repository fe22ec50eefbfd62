"""The customers projection: keeps persons' records in step with the log, exactly once in effect.

Each write says which version it was folded from and is refused where the store holds another. What is refused, or has
a gap, is read again or refilled from the log; what is repeated changes nothing. So it may be killed at any point.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from domain.identity import IdentifierKind, person_id, persons
from projections.customer import fold_all
from projections.ports import History, Recorded
from projections.versions import GapError
from readmodels.customer import CustomerRecord, decode, encode
from readmodels.stores import CustomerStore, Refused, Write

KNOWN = 100_000
VERSION = 4  # a field begins with its version in so many bytes, big endian
Known = dict[UUID, tuple[UUID, CustomerRecord]]


class CustomersProjection:
    """``known`` records are folded on without reading them again."""

    def __init__(self, store: CustomerStore, history: History, known: int = KNOWN) -> None:
        self._store = store
        self._history = history
        self._size = known
        self._known: Known = {}

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Folds and writes; then settles who is one with whom."""
        facts = _by_stream(batch)
        self._read(s for s, events in facts.items() if s not in self._known and events[0].originator_version > 1)
        pending = dict(facts)
        while pending:
            pending = self._write(pending)
        self._settle({stream for each in batch for stream in _ends(each.event)})
        self._forget()

    def flush(self, *, idle: bool) -> None:
        """Nothing is held back."""

    def restart(self) -> None:
        """Reads records again before folding on."""
        self._known.clear()

    def _write(self, facts: Mapping[UUID, list[Event]]) -> dict[UUID, list[Event]]:
        """Stores what can be stored; the facts whose write was refused, to be tried again on what was found."""
        writes, folded = [], Known()
        for stream, events in facts.items():
            home, before = self._known.get(stream, (stream, CustomerRecord()))
            after = self._fold(stream, before, events)
            folded[stream] = home, after
            if after.version > before.version:
                writes.append(Write(home, stream, before.version, encode(after)))
        answers = self._store.write(writes)
        self._known |= folded  # only now: what a failing store did not take must be folded again
        return self._again(facts, writes, answers)

    def _again(
        self, facts: Mapping[UUID, list[Event]], writes: Sequence[Write], answers: Sequence[Refused | None]
    ) -> dict[UUID, list[Event]]:
        refused = [w.stream for w, answer in zip(writes, answers, strict=True) if answer is not None]
        for stream in refused:
            del self._known[stream]
        self._read(refused)
        return {stream: facts[stream] for stream in refused}

    def _fold(self, stream: UUID, record: CustomerRecord, events: Iterable[Event]) -> CustomerRecord:
        try:
            return fold_all(record, events)
        except GapError:
            ((_, history),) = self._history.streams([stream])
            return fold_all(CustomerRecord(), history)

    def _read(self, streams: Iterable[UUID]) -> None:
        wanted = list(streams)
        for stream, (home, stored) in (self._store.read(wanted) if wanted else {}).items():
            self._known[stream] = home, decode(stored) if stored else CustomerRecord()

    def _settle(self, todo: set[UUID]) -> None:
        """Puts every stream that the given ones are linked with, however far, into the hash of its person."""
        while todo:
            group = _reach(self._store, todo.pop())
            kinds = {s: IdentifierKind(r.kind) for s, r in group.records.items() if r.kind}
            links = [(s, other) for s, r in group.records.items() for other in r.links]
            # The youngest first: a hash gives streams up only once they stand elsewhere, so a kill between loses none.
            for members in sorted(set(persons(kinds, links).values()), key=person_id, reverse=True):
                self._place(members, group)
            todo -= group.records.keys()

    def _place(self, members: frozenset[UUID], group: "_Group") -> None:
        home = person_id(members)
        if not group.lives_at(home, members):
            self._store.place(home, {s: group.fields[s] for s in members}, sorted(members - {home}))
        for stream in members & self._known.keys():
            self._known[stream] = home, self._known[stream][1]

    def _forget(self) -> None:
        while len(self._known) > self._size:
            del self._known[next(iter(self._known))]


def _ends(fact: Event) -> tuple[UUID, ...]:
    """Both streams that a link is or was between: after unlinking, neither leads to the other any more."""
    if isinstance(fact, Customer.IdentifierLinked | Customer.IdentifierUnlinked):
        return fact.originator_id, fact.other
    return ()


def _by_stream(batch: Sequence[Recorded]) -> dict[UUID, list[Event]]:
    events = sorted((r.event for r in batch), key=lambda e: e.originator_id)  # stable: versions stay in order
    return {stream: list(facts) for stream, facts in groupby(events, lambda e: e.originator_id)}


class _Group:
    """Streams that hang together: their fields and records, who is in which hash, and where each one's own leads."""

    def __init__(self) -> None:
        self.fields: dict[UUID, bytes] = {}
        self.records: dict[UUID, CustomerRecord] = {}
        self.residents: dict[UUID, set[UUID]] = {}
        self.homes: dict[UUID, UUID] = {}

    def add(self, home: UUID, fields: Mapping[UUID, bytes]) -> set[UUID]:
        """Takes in a hash, once; all streams that it tells of."""
        if home in self.residents:
            return set()
        self.residents[home] = set(fields)
        for stream, stored in fields.items():
            if stored[:VERSION] > self.fields.get(stream, b"")[:VERSION]:
                self.fields[stream], self.records[stream] = stored, decode(stored)
        return {*fields, *(other for stream in fields for other in self.records[stream].links)}

    def lives_at(self, home: UUID, members: frozenset[UUID]) -> bool:
        """Whether these streams are all there is in ``home``, and all of them lead there."""
        return self.residents.get(home, set()) == set(members) and all(self.homes.get(s) == home for s in members)


def _reach(store: CustomerStore, start: UUID) -> _Group:
    """All streams that hang together with ``start``: in the same hash or linked."""
    group, frontier = _Group(), {start}
    while frontier:
        reached: set[UUID] = set()
        for stream, (home, fields) in store.members(sorted(frontier)).items():
            group.homes[stream] = home
            reached |= group.add(home, fields)
        frontier = reached - group.homes.keys()
    return group
