"""The records projection: keeps records outside Redis too, some seconds behind, so that a wiped Redis has them back.

Only what changed since the last time is written, each record once however often it changed, beside the folding. How
far it is complete is a position of its own; whoever begins again begins there.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self
from uuid import UUID

from projections.ports import Recorded
from readmodels.customer import CustomerRecord
from readmodels.stores import RecordStore, StatisticsStore

#: Seldom, since a record that changes often is written once a time; what is behind comes from the log.
EVERY_S = 10.0
PART_EVERY_S = 60.0
#: Records waiting to be written; when there are more, folding waits for the writing.
LIMIT = 50_000


class RecordsProjection:
    """Give ``keep`` to the customers projection, and let it apply batches after that one. Use as a context manager.

    ``start`` is where the shard's projector begins if there is no position yet. If that is not the log's beginning,
    records from before it are not here, so no position is ever saved: a rebuild has to fill them in.
    """

    def __init__(
        self,
        store: RecordStore,
        *,
        start: int,
        limit: int = LIMIT,
        every_s: float = EVERY_S,
        part_every_s: float = PART_EVERY_S,
    ) -> None:
        self._store = store
        covered = store.covered()
        self.complete = bool(covered) or not start
        self.position = min(covered, start) if covered else start
        self._limit, self._every_s, self._part_every_s = limit, every_s, part_every_s
        self._changed: dict[UUID, CustomerRecord] = {}
        self._part: bytes | None = None
        self._part_at = self._begun_at = time.monotonic()
        self._covered = self.position
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.settle()
        self._beside.shutdown(wait=kind is None)

    def keep(self, records: Mapping[UUID, CustomerRecord]) -> None:
        """Takes records that are to be written."""
        self._changed |= records

    def keep_part(self, part: bytes) -> None:
        """Takes the shard's part of the statistics, which is to be written now and then."""
        self._part = part

    def apply(self, batch: Sequence[Recorded]) -> None:
        """What was kept before is complete up to the end of this batch. Raises what the writing raised."""
        self.position = batch[-1].position
        if len(self._changed) > self._limit:
            self._answered()
            self._write()
        elif time.monotonic() - self._begun_at > self._every_s:
            self.flush(idle=False)

    def flush(self, *, idle: bool) -> None:
        """Begins to write, when idle or in turn, unless it is being done. Raises what the writing raised."""
        if self._writing is None or self._writing.done():
            self._answered()
            if idle or time.monotonic() - self._begun_at > self._every_s:
                self._write()

    def stored(self, position: int) -> int:
        """All: what it holds back has a position of its own, from which it goes on."""
        return position

    def restart(self) -> None:
        """What is kept in PostgreSQL stays, whatever becomes of Redis."""

    def settle(self) -> None:
        """Writes all, and waits for it. Raises what the writing raised."""
        self._answered()
        self._part_at = float("-inf")
        self._write()
        self._answered()

    def _answered(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self) -> None:
        self._begun_at = time.monotonic()
        part = self._part_in_turn()
        if self._changed or part is not None or self.position > self._covered:
            changed, self._changed = self._changed, {}
            self._covered = self.position
            self._writing = self._beside.submit(self._store_all, changed, part, self.position)

    def _part_in_turn(self) -> bytes | None:
        if self._part is None or time.monotonic() - self._part_at < self._part_every_s:
            return None
        self._part_at = time.monotonic()
        part, self._part = self._part, None
        return part

    def _store_all(self, changed: Mapping[UUID, CustomerRecord], part: bytes | None, position: int) -> None:
        self._store.save(changed, covered=position if self.complete else 0)
        if part is not None:
            self._store.save_part(part)


class KeptParts:
    """A store of statistics whose parts go outside Redis as well."""

    def __init__(self, store: StatisticsStore, records: RecordsProjection) -> None:
        self._store = store
        self._records = records
        self.load, self.parts, self.publish = store.load, store.parts, store.publish

    def save(self, shard: int, part: bytes) -> None:
        """Replaces the shard's part in both."""
        self._store.save(shard, part)
        self._records.keep_part(part)
