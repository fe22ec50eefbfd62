"""The library's PostgreSQL recorder with two things added: many streams in one read, and batches in a subscription."""

from collections.abc import Sequence
from queue import Empty
from typing import Any
from uuid import UUID

from eventsourcing.persistence import InterfaceError, Notification, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresSubscription
from eventsourcing.utils import retry
from psycopg.sql import SQL, Identifier

from adapters.postgres import RECONNECT_S

BATCH = 2_000
#: Tries twice, not ten times: a caller is waiting, and wants to hear soon that the server is down.
twice = retry((InterfaceError, OperationalError), max_attempts=2, wait=0.05)


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
        self._select_streams = SQL(
            "SELECT * FROM {}.{} WHERE originator_id = ANY(%s) ORDER BY originator_id, originator_version"
        ).format(Identifier(datastore.schema), Identifier(self.events_table_name))

    insert_events = twice(PostgresApplicationRecorder.insert_events.__wrapped__)
    select_notifications = twice(PostgresApplicationRecorder.select_notifications.__wrapped__)
    max_notification_id = twice(PostgresApplicationRecorder.max_notification_id.__wrapped__)

    @twice
    def select_streams(self, streams: Sequence[UUID]) -> Sequence[StoredEvent]:
        """All events of many streams, stream by stream, each in the order of its versions."""
        with self.datastore.get_connection() as connection, connection.cursor() as cursor:
            cursor.execute(self._select_streams, (list(streams),), prepare=True)
            return [
                StoredEvent(row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"]))
                for row in cursor.fetchall()
            ]

    def follow(self, gt: int) -> BatchSubscription:
        """A subscription to what is recorded after position ``gt``; use it as a context manager."""
        return BatchSubscription(self, gt)
