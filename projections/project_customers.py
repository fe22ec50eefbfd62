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
from projections.customer import apply
from projections.ports import History, Recorded
from projections.versions import GapError
from readmodels.customer import CustomerRecord, decode, encode
from readmodels.stores import CustomerStore, Refused, Write

KNOWN = 100_000
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
        linked = [s for s, events in facts.items() if any(isinstance(e, _LINKS) for e in events)]
        if linked:
            self._settle(linked)
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
        self._known |= folded
        return self._again(facts, writes, self._store.write(writes))

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

    def _settle(self, streams: Sequence[UUID]) -> None:
        """Puts every stream that the given ones are linked with, however far, into the hash of its person."""
        todo = set(streams)
        while todo:
            group = _reach(self._store, todo.pop())
            records = {stream: decode(stored) for stream, (_, stored) in group.items()}
            kinds = {s: IdentifierKind(r.kind) for s, r in records.items() if r.kind}
            links = [(s, other) for s, r in records.items() for other in r.links]
            for members in set(persons(kinds, links).values()):
                self._place(members, group)
            todo -= group.keys()

    def _place(self, members: frozenset[UUID], group: Mapping[UUID, tuple[UUID, bytes]]) -> None:
        home = person_id(members)
        self._store.place(home, {s: group[s][1] for s in members}, sorted(members - {home}))
        for stream in members & self._known.keys():
            self._known[stream] = home, self._known[stream][1]

    def _forget(self) -> None:
        while len(self._known) > self._size:
            del self._known[next(iter(self._known))]


_LINKS = (Customer.IdentifierLinked, Customer.IdentifierUnlinked)


def fold_all(record: CustomerRecord, events: Iterable[Event]) -> CustomerRecord:
    """The record with all the events in it. Raises GapError."""
    for event in events:
        record = apply(record, event)
    return record


def _by_stream(batch: Sequence[Recorded]) -> dict[UUID, list[Event]]:
    events = sorted((r.event for r in batch), key=lambda e: e.originator_id)  # stable: versions stay in order
    return {stream: list(facts) for stream, facts in groupby(events, lambda e: e.originator_id)}


def _reach(store: CustomerStore, start: UUID) -> dict[UUID, tuple[UUID, bytes]]:
    """All streams that hang together with ``start``: in the same hash or linked, each with its person and field."""
    found: dict[UUID, tuple[UUID, bytes]] = {}
    asked: set[UUID] = set()
    frontier = {start}
    while frontier:
        asked |= frontier
        linked: set[UUID] = set()
        for home, fields in store.members(sorted(frontier)).values():
            for stream, stored in fields.items():
                found[stream] = home, stored
                linked |= {stream, *decode(stored).links}
        frontier = linked - asked
    return found
