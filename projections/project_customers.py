"""The customers projection: keeps persons' records in step with the log, exactly once in effect.

Each write says which version it was folded from and is refused where the store holds another. What is refused, or has
a gap, is read again or refilled from the log; what is repeated changes nothing. So it may be killed at any point.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from uuid import UUID

from domain.event import Event
from domain.ties import TIES
from projections.customer import fold_all
from projections.ports import History, Recorded
from projections.settle import Settler
from projections.versions import GapError
from readmodels.customer import CustomerRecord, decode, encode
from readmodels.stores import CustomerStore, Refused, Write

KNOWN = 100_000
Known = dict[UUID, tuple[UUID, CustomerRecord]]


class CustomersProjection:
    """``known`` records are folded on without reading them again. ``keep`` is told of all that were folded."""

    def __init__(
        self,
        store: CustomerStore,
        history: History,
        known: int = KNOWN,
        *,
        settler: Settler,
        keep: Callable[[Mapping[UUID, CustomerRecord]], None] = lambda records: None,
    ) -> None:
        self._store = store
        self._history = history
        self._settler = settler
        self._keep = keep
        self._size = known
        self._known: Known = {}
        #: Those who were linked with somebody who is gone: whose they are may have changed.
        self._left: set[UUID] = set()

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Folds and writes; then settles who is one with whom."""
        facts = _by_stream(batch)
        self._read(s for s, events in facts.items() if s not in self._known and events[0].originator_version > 1)
        pending = dict(facts)
        while pending:
            pending = self._write(pending)
        self._settle({stream for each in batch for stream in _ends(each.event)} | self._left)
        self._left.clear()
        self._keep({s: record for s in facts if not (record := self._known[s][1]).gone})
        self._forget()

    def flush(self, *, idle: bool) -> None:
        """Nothing is held back."""

    def stored(self, position: int) -> int:
        """All: nothing is held back."""
        return position

    def restart(self) -> None:
        """Reads records again before folding on."""
        self._known.clear()
        self._left.clear()

    def _write(self, facts: Mapping[UUID, list[Event]]) -> dict[UUID, list[Event]]:
        """Stores what can be stored; the facts whose write was refused, to be tried again on what was found."""
        writes, folded = [], Known()
        for stream, events in facts.items():
            home, before = self._known.get(stream, (stream, CustomerRecord()))
            after = self._fold(stream, before, events)
            folded[stream] = home, after
            if after.gone:
                self._left.update(before.ties)
            if after.version > before.version:
                writes.append(Write(home, stream, before.version, b"" if after.gone else encode(after)))
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
        found = self._store.read(wanted) if wanted else {}
        absent = [stream for stream, (_, stored) in found.items() if stored is None]
        if absent:  # just moved, or lost with a server, or not filled in yet
            self._settler.settle(absent)
            found |= self._store.read(absent)
        for stream, (home, stored) in found.items():
            self._known[stream] = home, decode(stored) if stored else CustomerRecord()

    def _settle(self, streams: set[UUID]) -> None:
        """Puts every stream that the given ones are linked with, however far, into the hash of its person."""
        for stream, home in self._settler.settle(streams).items():
            if stream in self._known:
                self._known[stream] = home, self._known[stream][1]

    def _forget(self) -> None:
        while len(self._known) > self._size:
            del self._known[next(iter(self._known))]


def _ends(fact: Event) -> tuple[UUID, ...]:
    """Both streams that a tie is or was between: after unlinking, neither leads to the other any more."""
    if isinstance(fact, TIES):
        return fact.originator_id, fact.other
    return ()


def _by_stream(batch: Sequence[Recorded]) -> dict[UUID, list[Event]]:
    events = sorted((r.event for r in batch), key=lambda e: e.originator_id)  # stable: versions stay in order
    return {stream: list(facts) for stream, facts in groupby(events, lambda e: e.originator_id)}
