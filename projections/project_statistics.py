"""The statistics projection: one shard's counts, saved with their position in one value, published on change."""

import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from projections.ports import History, Recorded
from projections.statistics import WINDOW_MS, Look, count, count_look, look, person_number
from readmodels import statistics
from readmodels.statistics import LEAST_PEOPLE, Part
from readmodels.stores import StatisticsStore

STREAMS = 100_000
LOOKS = 64
PUBLISH_EVERY_S = 30.0


class StatisticsProjection:
    """Counts in memory; ``flush`` saves and publishes. ``least``: fewest people behind a published cell."""

    def __init__(
        self,
        store: StatisticsStore,
        history: History,
        *,
        shard: int = 0,
        shards: int = 1,
        least: int = LEAST_PEOPLE,
        published: Callable[[str], None] = lambda digest: None,
    ) -> None:
        self._store = store
        self._windows = _Windows(history)
        self._shard, self._shards, self._least = shard, shards, least
        self._published = published
        self._changed = False
        self._flushed_at = time.monotonic()
        self.restart()

    @property
    def position(self) -> int:
        """The position up to which events are counted."""
        return self._part.position

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Counts what is after the part's own position."""
        new = [r for r in batch if r.position > self._part.position]
        self._windows.fetch(r.event for r in new)
        for recorded in new:
            self._count(recorded.event)
        if new:
            self._part.position = new[-1].position
            self._changed = True

    def flush(self, *, idle: bool) -> None:
        """Saves the part, then publishes all shards' parts as one: when idle, and every ``PUBLISH_EVERY_S``."""
        if not self._changed or not (idle or time.monotonic() - self._flushed_at > PUBLISH_EVERY_S):
            return
        self._flushed_at = time.monotonic()
        self._store.save(self._shard, statistics.encode_part(self._part))
        digest = self._publish()
        self._changed, self._saved = False, self._part.position
        self._published(digest)

    def stored(self, position: int) -> int:
        """Up to where counts are saved and published."""
        return min(position, self._saved) if self._changed else position

    def restart(self) -> None:
        """Goes back to the part as it was saved."""
        saved = self._store.load(self._shard)
        self._part = statistics.decode_part(saved) if saved else Part()
        self._windows.clear()
        self._changed, self._saved = False, self._part.position

    def _publish(self) -> str:
        """Again where another shard's part was saved meanwhile: its projector may have published before, and without
        what was not in this one's part yet."""
        others = [s for s in range(self._shards) if s != self._shard]
        found = self._store.parts(others)
        while True:
            parts = [statistics.decode_part(part) for part in found]
            digest = publish(self._store, [self._part, *parts], self._least)
            used, found = found, self._store.parts(others)
            if found == used:
                return digest

    def _count(self, event: Event) -> None:
        if isinstance(event, Customer.ProductViewed):
            new, around = self._windows.add(event)
            count_look(self._part, new, around, person_number(event.originator_id), self._least)
        else:
            count(self._part, event, (), self._least)


def publish(store: StatisticsStore, parts: Iterable[Part], least: int) -> str:
    """Publishes all shards' parts as one generation; its digest."""
    whole = statistics.encode(statistics.merge(parts, least))
    digest = sha256(whole).hexdigest()
    store.publish(digest, whole)
    return digest


class _Windows:
    """Each stream's latest views, so that a new one meets those around it; older ones are looked up in the log."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._looks: dict[int, list[Look]] = {}  # by the stream's number: a UUID computes its hash in Python
        self._dropped: dict[int, int] = {}
        self._whole: dict[int, list[Look]] = {}

    def clear(self) -> None:
        self._looks.clear()
        self._dropped.clear()
        self._whole.clear()

    def fetch(self, events: Iterable[Event]) -> None:
        """Begins a batch: loads the past of streams that are not new and not remembered, their views before these
        events."""
        self._whole.clear()
        first: dict[UUID, int] = {}
        for event in events:
            if isinstance(event, Customer.ProductViewed):
                looks = self._looks.pop(event.originator_id.int, None)
                if looks is not None:
                    self._looks[event.originator_id.int] = looks  # the last to be forgotten
                else:
                    first.setdefault(event.originator_id, event.originator_version)
        old = [stream for stream, version in first.items() if version > 2]
        for stream, history in self._history.streams(old) if old else ():
            for fact in history:
                if isinstance(fact, Customer.ProductViewed) and fact.originator_version < first[stream]:
                    self._remember(stream.int, look(fact))

    def add(self, fact: Customer.ProductViewed) -> tuple[Look, list[Look]]:
        """This view, which is remembered, and the stream's other ones: at least those around it."""
        new, stream = look(fact), fact.originator_id.int
        since = new[0] - WINDOW_MS
        if self._dropped and self._dropped.get(stream, since) > since:
            around = list(self._whole.get(stream) or self._from_log(fact))
        else:
            around = list(self._looks.get(stream, ()))
        if stream in self._whole:
            self._whole[stream].append(new)
        self._remember(stream, new)
        return new, around

    def _from_log(self, fact: Customer.ProductViewed) -> list[Look]:
        """All views of the stream before this one, read once a batch: whole uploads may come late."""
        ((_, history),) = self._history.streams([fact.originator_id])
        before = (e for e in history if e.originator_version < fact.originator_version)
        whole = self._whole[fact.originator_id.int] = [look(e) for e in before if isinstance(e, Customer.ProductViewed)]
        return whole

    def _remember(self, stream: int, new: Look) -> None:
        looks = self._looks.get(stream)
        if looks is None:
            self._looks[stream] = [new]
            if len(self._looks) > STREAMS:
                gone = next(iter(self._looks))
                del self._looks[gone]
                self._dropped.pop(gone, None)
            return
        looks.append(new)
        if len(looks) > LOOKS:
            looks.sort(reverse=True)
            self._dropped[stream] = max(looks.pop()[0], self._dropped.get(stream, 0))
