"""The library's PostgreSQL recorder with more speed: appends by COPY, many streams in one read, batches in a
subscription. What the library guarantees stays: (stream, version) is unique, positions become visible in their order,
subscribers are notified."""

from collections.abc import Mapping, Sequence
from queue import Empty
from struct import Struct
from typing import Any
from uuid import UUID

from eventsourcing.persistence import InterfaceError, Notification, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresSubscription
from eventsourcing.utils import retry
from psycopg import Connection
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Identifier, Literal

from adapters.eventlog.fence import told
from adapters.eventlog.offsets import ConsumedOffsets, Known
from adapters.postgres import RECONNECT_S
from commands.ports import Progress

BATCH = 2_000
_FOREVER = 2**63 - 1
#: Tries twice, not ten times: a caller is waiting, and wants to hear soon that the server is down.
twice = retry((InterfaceError, OperationalError), max_attempts=2, wait=0.05)


# PostgreSQL's binary COPY: a header; then for each row the number of columns, and for each column its length and bytes.
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_ROW = Struct(">hi16siqi")
_LENGTH = Struct(">i")


def rows(stored_events: Sequence[StoredEvent]) -> bytes:
    """Events as binary COPY takes them: stream, version, topic, state."""
    parts = [HEADER]
    for event in stored_events:
        topic, state = event.topic.encode(), event.state
        stream: Any = event.originator_id
        parts.append(_ROW.pack(4, 16, stream.bytes, 8, event.originator_version, len(topic)))
        parts.append(topic)
        parts.append(_LENGTH.pack(len(state)))
        parts.append(state)
    parts.append(TRAILER)
    return b"".join(parts)


class BatchSubscription(PostgresSubscription):
    """Notifications as they were pulled, many at a time, instead of one by one."""

    @property
    def _select_limit(self) -> int:
        """The base class sets it and starts pulling at once, so it can't be set afterwards."""
        return BATCH

    @_select_limit.setter
    def _select_limit(self, limit: int) -> None:
        pass

    def next_batch(self, timeout_s: float) -> Sequence[Notification]:
        """The next notifications in order, or none when ``timeout_s`` has passed. Raises what stopped the threads.

        Having waited in vain it looks once more: what was recorded just before LISTEN took effect sent no notice.
        """
        try:
            batch: Sequence[Notification] = self._notifications_queue.get(timeout=timeout_s)
        except Empty:
            self._has_been_notified.set()
            batch = ()
        except Exception:
            if self._thread_error is not None:
                raise self._thread_error from None
            raise
        if self._thread_error is not None:
            raise self._thread_error
        return batch


class BatchRecorder(PostgresApplicationRecorder):
    """Keeps the library's table lock, so that positions never become visible out of order."""

    def __init__(self, datastore: PostgresDatastore, **names: Any) -> None:
        datastore.pool.reconnect_timeout = RECONNECT_S
        super().__init__(datastore, **names)
        self.offsets = ConsumedOffsets(datastore)
        self.sql_create_statements.append(self.offsets.create_statement)
        table = Identifier(datastore.schema, self.events_table_name)
        self._begin = SQL("SET LOCAL lock_timeout = '{0}s'; LOCK TABLE {1} IN EXCLUSIVE MODE; NOTIFY {2}").format(
            datastore.lock_timeout, table, Identifier(self.channel_name)
        )
        self._copy = SQL("COPY {} (originator_id, originator_version, topic, state) FROM STDIN (FORMAT BINARY)").format(
            table
        )
        self._sequence = SQL("SELECT currval(pg_get_serial_sequence({}, 'notification_id')) AS last").format(
            Literal(f'"{datastore.schema}"."{self.events_table_name}"')
        )
        columns = "originator_id, originator_version, topic, state"
        self._select_after = SQL(
            f"SELECT {columns}, notification_id FROM {{}}"
            " WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id LIMIT %s"
        ).format(table)
        self._select_streams = SQL(
            f"SELECT {columns} FROM {{}} WHERE originator_id = ANY(%b) ORDER BY originator_id, originator_version"
        ).format(table)
        self._select_streams_after = SQL(
            f"SELECT {columns} FROM {{}} JOIN unnest(%b::uuid[], %b::bigint[]) AS known (stream, version)"
            " ON originator_id = stream AND originator_version > version ORDER BY originator_id, originator_version"
        ).format(table)
        self._select_topics = SQL(
            f"SELECT {columns} FROM {{}} WHERE originator_id = ANY(%b) AND topic = ANY(%b)"
            " ORDER BY originator_id, originator_version"
        ).format(table)

    @twice
    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, progress: Progress | None = None, **_: Any
    ) -> Sequence[int]:
        """All events in one transaction, with the consumer's progress; their positions.

        Raises IntegrityError when a version is there already, FencedError, MovedError.
        """
        with self.datastore.get_connection() as connection:
            with told(), connection.transaction():
                positions = self._append(connection, stored_events) if stored_events else []
                moved = self.offsets.move(connection.cursor(), progress) if progress else Known()
            self.offsets.remember(moved)
        return positions

    def _append(self, connection: "Connection[DictRow]", stored_events: Sequence[StoredEvent]) -> Sequence[int]:
        """The table's lock is held to the end of the transaction, so positions have no gap and no other writer."""
        with connection.cursor() as cursor:
            cursor.execute(self._begin)
            with cursor.copy(self._copy) as copy:
                copy.write(rows(stored_events))
            found = cursor.execute(self._sequence).fetchone()
        last = int(found["last"]) if found else 0
        return list(range(last - len(stored_events) + 1, last + 1))

    @twice
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """At most ``limit`` events from ``start`` to ``stop`` in order, in PostgreSQL's binary form: half the time."""
        if topics:
            found: Sequence[Notification] = super().select_notifications(
                start, limit, stop, topics, inclusive_of_start=inclusive_of_start
            )
            return found
        after = (start or 0) - inclusive_of_start if start is not None else 0
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(self._select_after, (after, _FOREVER if stop is None else stop, limit), prepare=True)
            return [Notification(*row) for row in cursor.fetchall()]

    max_notification_id = twice(PostgresApplicationRecorder.max_notification_id.__wrapped__)

    @twice
    def select_streams(self, streams: Sequence[UUID], topics: Sequence[str] | None = None) -> Sequence[StoredEvent]:
        """All events of many streams, or those of some topics: stream by stream, each in the order of its versions."""
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            if topics is None:
                cursor.execute(self._select_streams, (list(streams),), prepare=True)
            else:
                cursor.execute(self._select_topics, (list(streams), list(topics)), prepare=True)
            return [StoredEvent(*row) for row in cursor.fetchall()]

    @twice
    def select_streams_after(self, versions: Mapping[UUID, int]) -> Sequence[StoredEvent]:
        """The events of many streams that are beyond a version, stream by stream, each in the order of its versions."""
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(self._select_streams_after, (list(versions), list(versions.values())), prepare=True)
            return [StoredEvent(*row) for row in cursor.fetchall()]

    def follow(self, gt: int) -> BatchSubscription:
        """A subscription to what is recorded after position ``gt``; use it as a context manager."""
        return BatchSubscription(self, gt)
