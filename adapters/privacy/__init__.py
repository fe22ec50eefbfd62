"""The erasure ledger: requests to erase, as events of a log of their own, in a database that no backup takes along."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from adapters.eventlog.log import PostgresLog
from adapters.postgres import Connection, Database
from domain.event import Event
from domain.privacy import ErasureRequest
from projections.erasure import fold, next_ms
from readmodels.erasure import ErasureStatus

TABLES = (
    """CREATE TABLE IF NOT EXISTS erasure (
    request uuid PRIMARY KEY, asked_ms bigint NOT NULL, state text NOT NULL, next_ms bigint,
    status bytea NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS erasure_state ON erasure (state, asked_ms)",
    "CREATE INDEX IF NOT EXISTS erasure_next ON erasure (next_ms) WHERE next_ms IS NOT NULL",
    """CREATE TABLE IF NOT EXISTS erasure_stream (
    stream uuid NOT NULL, request uuid NOT NULL, PRIMARY KEY (stream, request))""",
    """CREATE TABLE IF NOT EXISTS erasure_neighbour (
    request uuid NOT NULL, stream uuid NOT NULL, PRIMARY KEY (request, stream))""",
    "CREATE TABLE IF NOT EXISTS erasure_position (one boolean PRIMARY KEY, position bigint NOT NULL)",
    "INSERT INTO erasure_position VALUES (true, 0) ON CONFLICT DO NOTHING",
)
LOCKED = "SELECT position FROM erasure_position FOR UPDATE"
MOVED = "UPDATE erasure_position SET position = %s"
PUT = """INSERT INTO erasure SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bigint[], %s::bytea[])
    ON CONFLICT (request) DO UPDATE SET state = excluded.state, next_ms = excluded.next_ms, status = excluded.status"""
PUT_STREAMS = "INSERT INTO erasure_stream SELECT * FROM unnest(%s::uuid[], %s::uuid[]) ON CONFLICT DO NOTHING"
SOME = "SELECT status FROM erasure WHERE request = ANY(%s)"
LATEST = "SELECT status FROM erasure ORDER BY asked_ms DESC, request LIMIT %s"
IN_STATE = "SELECT status FROM erasure WHERE state = ANY(%s) AND request > %s ORDER BY request LIMIT %s"
DUE = "SELECT request FROM erasure WHERE next_ms <= %s ORDER BY next_ms, request LIMIT %s"
OF_STREAMS = """SELECT status FROM erasure WHERE request IN
    (SELECT request FROM erasure_stream WHERE stream = ANY(%s)) ORDER BY asked_ms, request"""
ERASED = """SELECT s.stream FROM erasure_stream s JOIN erasure e USING (request)
    WHERE s.stream = ANY(%s) AND e.state IN ('begun', 'unreadable', 'done')"""
PUT_NEIGHBOURS = "INSERT INTO erasure_neighbour SELECT * FROM unnest(%s::uuid[], %s::uuid[]) ON CONFLICT DO NOTHING"
NEIGHBOURS = "SELECT DISTINCT stream FROM erasure_neighbour WHERE request = ANY(%s)"
DROP_NEIGHBOURS = "DELETE FROM erasure_neighbour WHERE request = ANY(%s)"
BATCH = 2_000
ZERO = UUID(int=0)
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(ErasureStatus)


class ErasureLedger:
    """Requests by id. Statuses are kept beside the log, folded from it, and up to date when they are read. Raises
    UnavailableError."""

    def __init__(self, log: PostgresLog, database: Database) -> None:
        self.log = log
        self._database = database

    def create_tables(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            for table in TABLES:
                connection.execute(table)

    def load(self, requests: Sequence[UUID]) -> dict[UUID, ErasureRequest]:
        """Those that there are."""
        return self.log.load(requests)

    def save(self, requests: Iterable[ErasureRequest]) -> int:
        """What was decided on them, in one transaction; how many events. Raises ConflictError."""
        return self.log.save(requests)

    def events(self, request: UUID) -> list[Event]:
        """All of a request, none where there is no such request."""
        return [event for _, events in self.log.streams([request]) for event in events]

    def find(self, request: UUID) -> ErasureStatus | None:
        """What became of a request."""
        return next(iter(self.some([request])), None)

    def some(self, requests: Sequence[UUID]) -> list[ErasureStatus]:
        """What became of requests."""
        return self._read(SOME, (list(requests),))

    def latest(self, limit: int) -> list[ErasureStatus]:
        """The latest requests first."""
        return self._read(LATEST, (limit,))

    def in_state(self, *states: str) -> Iterator[ErasureStatus]:
        """All in one of these states."""
        after = ZERO
        while page := self._read(IN_STATE, (list(states), after, BATCH)):
            yield from page
            after = page[-1].request

    def due(self, now_ms: int, limit: int) -> list[UUID]:
        """Requests for which there is something to do by now, the longest due first."""
        self.refresh()
        with self._database.connection() as connection:
            return [row[0] for row in connection.execute(DUE, (now_ms, limit)).fetchall()]

    def of_streams(self, streams: Iterable[UUID]) -> list[ErasureStatus]:
        """All requests that are about one of these streams, the oldest first."""
        return self._read(OF_STREAMS, (list(streams),))

    def erased(self, streams: Iterable[UUID]) -> set[UUID]:
        """Those of them whose erasure has begun."""
        self.refresh()
        with self._database.connection() as connection:
            return {row[0] for row in connection.execute(ERASED, (list(streams),)).fetchall()}

    def keep_neighbours(self, neighbours: Mapping[UUID, Iterable[UUID]]) -> None:
        """Of requests under way: streams of others that were linked with the person's, until ``drop_neighbours``."""
        pairs = [(request, stream) for request, streams in neighbours.items() for stream in streams]
        with self._database.connection() as connection:
            connection.execute(PUT_NEIGHBOURS, ([p[0] for p in pairs], [p[1] for p in pairs]))

    def neighbours(self, requests: Iterable[UUID]) -> set[UUID]:
        """All that are kept of these requests."""
        with self._database.connection() as connection:
            return {row[0] for row in connection.execute(NEIGHBOURS, (list(requests),)).fetchall()}

    def drop_neighbours(self, requests: Iterable[UUID]) -> None:
        """Who was linked with whom is known no more."""
        with self._database.connection() as connection:
            connection.execute(DROP_NEIGHBOURS, (list(requests),))

    def refresh(self) -> None:
        """Folds what is new in the log; whoever comes first does it."""
        with self._database.connection() as connection, connection.transaction():
            (position,) = connection.execute(LOCKED).fetchone() or (0,)
            while batch := self.log.read(position, BATCH):
                self._fold(connection, [self.log.decode(stored) for stored in batch])
                position = batch[-1].id
                connection.execute(MOVED, (position,))

    def _fold(self, connection: Connection, events: Sequence[Event]) -> None:
        by_request: dict[UUID, list[Event]] = {}
        for event in events:
            by_request.setdefault(event.originator_id, []).append(event)
        rows = connection.execute(SOME, (list(by_request),)).fetchall()
        before = {status.request: status for status in (_DECODER.decode(row[0]) for row in rows)}
        after = [fold(before.get(r, ErasureStatus(r)), told) for r, told in by_request.items()]
        columns: list[list[Any]] = [
            [s.request for s in after],
            [s.requested_ms for s in after],
            [s.state for s in after],
            [next_ms(s) for s in after],
            [_ENCODER.encode(s) for s in after],
        ]
        connection.execute(PUT, columns)
        pairs = [(stream, s.request) for s in after for stream in s.streams]
        connection.execute(PUT_STREAMS, ([p[0] for p in pairs], [p[1] for p in pairs]))

    def _read(self, query: str, values: tuple[Any, ...]) -> list[ErasureStatus]:
        self.refresh()
        with self._database.connection() as connection:
            rows = connection.execute(query, values).fetchall()
        return [_DECODER.decode(row[0]) for row in rows]


def now_ms(now: datetime) -> int:
    """Milliseconds since 1970."""
    return int(now.timestamp() * 1000)
