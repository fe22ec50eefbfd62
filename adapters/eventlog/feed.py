"""The log as projections read it: by position, with decoding; and how far they have come."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from eventsourcing.persistence import IntegrityError, Notification, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from psycopg.sql import SQL, Identifier

from adapters.eventlog.log import PostgresLog, translated
from projections.ports import Recorded


class LiveFeed:
    """Events as they are recorded, from a position on. Use as a context manager."""

    def __init__(self, log: PostgresLog, after: int) -> None:
        self._log = log
        with translated():
            self._subscription = log.recorder.follow(after)

    def __enter__(self) -> Self:
        self._subscription.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscription.__exit__(kind, error, trace)

    def next_batch(self, timeout_s: float) -> Sequence[Recorded]:
        """What was recorded next, or nothing when the time has passed. Raises UnavailableError."""
        with translated():
            batch = self._subscription.next_batch(timeout_s)
        return decoded(self._log, batch)


class ReplayFeed:
    """Events that are recorded already, batch by batch, up to ``until``; then nothing. ``topics``: those alone."""

    def __init__(
        self, log: PostgresLog, after: int, until: int, limit: int = 2_000, topics: Sequence[str] = ()
    ) -> None:
        self._log, self._after, self._until, self._limit, self._topics = log, after, until, limit, topics

    def next_batch(self, timeout_s: float) -> Sequence[Recorded]:
        """The next events in order; none at the end. Raises UnavailableError."""
        batch = [n for n in self._log.read(self._after, self._limit, self._topics) if n.id <= self._until]
        if batch:
            self._after = batch[-1].id
        return decoded(self._log, batch)


def decoded(log: PostgresLog, batch: Sequence[Notification]) -> list[Recorded]:
    """Notifications as typed events with their positions."""
    events = log.decode_all(batch)
    return [Recorded(n.id, event) for n, event in zip(batch, events, strict=True)]


class PostgresPositions:
    """The library's tracking table, in the database of the log that is followed."""

    def __init__(self, log: PostgresLog, *, create: bool = False) -> None:
        self._recorder = PostgresTrackingRecorder(log.recorder.datastore, tracking_table_name="projection_position")
        if create:
            with translated():
                self._recorder.create_table()

    def projections(self) -> list[str]:
        """The names of all projections that have a position. Raises UnavailableError."""
        table = SQL("SELECT application_name FROM {}.{}").format(
            Identifier(self._recorder.datastore.schema), Identifier(self._recorder.tracking_table_name)
        )
        with translated(), self._recorder.datastore.cursor() as cursor:
            names = [str(row["application_name"]) for row in cursor.execute(table).fetchall()]
        return [name for name in names if name != self._recorder.table_migration_identifier]

    def load(self, projection: str) -> int:
        """The last confirmed position, 0 for a new projection. Raises UnavailableError."""
        with translated():
            return self._recorder.max_tracking_id(projection) or 0

    def save(self, projection: str, position: int) -> None:
        """Raises the position; a lower one is ignored. Raises UnavailableError."""
        with translated(), _lower_ignored():
            self._recorder.insert_tracking(Tracking(projection, position))


@contextmanager
def _lower_ignored() -> Iterator[None]:
    with suppress(IntegrityError):
        yield
