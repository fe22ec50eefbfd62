"""Requests for access of all persons, found by an index of these few events alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from adapters.eventlog.log import PostgresLog, translated
from domain.customer import Customer
from domain.event import Event
from domain.privacy import DEADLINE

TOPICS = f"('{Customer.AccessRequested.TOPIC}', '{Customer.AccessGranted.TOPIC}')"
INDEX = f"CREATE INDEX IF NOT EXISTS access_requests ON {{}} (notification_id) WHERE topic IN {TOPICS}"
LATEST = f"""SELECT originator_id, originator_version, topic, state FROM {{}} WHERE topic IN {TOPICS}
    ORDER BY notification_id DESC LIMIT %s"""
MOST = 500


@dataclass(frozen=True, slots=True)
class AccessCase:
    """Somebody who asked for what is known. ``granted``: when it was handed out."""

    stream: UUID
    request_id: str
    asked: datetime
    granted: datetime | None = None

    @property
    def due(self) -> datetime:
        """By when an answer must be given."""
        return self.asked + DEADLINE


def create_index(log: PostgresLog) -> None:
    """Idempotent; call under the provisioning lock."""
    with translated(), log.recorder.datastore.get_connection() as connection:
        connection.execute(SQL(INDEX).format(_table(log)))


def access_cases(logs: Sequence[PostgresLog]) -> list[AccessCase]:
    """The latest of each shard; those that wait come first, by when they are due. Of erased persons there are none.
    Raises UnavailableError."""
    asked: dict[tuple[UUID, str], datetime] = {}
    granted: dict[str, datetime] = {}
    for log in logs:
        for event in _events(log):
            if isinstance(event, Customer.AccessRequested):
                asked[event.originator_id, event.request_id] = event.occurred_at
            elif isinstance(event, Customer.AccessGranted) and event.request_id:
                granted[event.request_id] = event.occurred_at
    found = [AccessCase(stream, name, at, granted.get(name)) for (stream, name), at in asked.items()]
    return sorted(found, key=lambda case: (case.granted is not None, case.asked))


def _events(log: PostgresLog) -> list[Event]:
    with (
        translated(),
        log.recorder.datastore.get_connection() as connection,
        connection.cursor(binary=True, row_factory=tuple_row) as cursor,
    ):
        cursor.execute(SQL(LATEST).format(_table(log)), (MOST,))
        stored = [StoredEvent(*row) for row in cursor.fetchall()]
    return log.decode_all(stored)


def _table(log: PostgresLog) -> Identifier:
    return Identifier(log.recorder.datastore.schema, log.recorder.events_table_name)
