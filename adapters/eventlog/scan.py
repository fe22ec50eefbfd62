"""The log by stream, for folding all of it: slices of streams, each stream whole and in one piece.

Ids of streams begin with the time of their making, so a range of ids lies together on the disk as well.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from adapters.eventlog.log import PostgresLog, translated
from adapters.eventlog.mapper import split
from domain.event import Event
from projections.ports import Fact

T = TypeVar("T")
Row = tuple[UUID, int, str, bytes]
ROWS = 4_000
SAMPLES = 2_000
FIRST, LAST = UUID(int=0), UUID(int=(1 << 128) - 1)
_SAMPLE = SQL("SELECT originator_id FROM {} WHERE notification_id = ANY(%s)")
_SLICE = SQL(
    "SELECT originator_id, originator_version, topic, state FROM {} WHERE originator_id >= %s AND originator_id < %s"
    " AND notification_id <= %s ORDER BY originator_id, originator_version"
)
_STREAMS = SQL(
    "SELECT originator_id, originator_version, topic, state FROM {} WHERE originator_id = ANY(%s)"
    " AND notification_id <= %s ORDER BY originator_id, originator_version"
)


def boundaries(log: PostgresLog, until: int, slices: int) -> list[UUID]:
    """``slices`` + 1 ids or fewer, between which about as many events lie, by a sample. Raises UnavailableError."""
    chance = random.Random(until)
    wanted = list(range(1, until + 1)) if until <= SAMPLES else [chance.randint(1, until) for _ in range(SAMPLES)]
    with _cursor(log) as cursor:
        found = sorted(row[0] for row in cursor.execute(_SAMPLE.format(_table(log)), (wanted,)).fetchall())
    inner = {found[len(found) * n // slices] for n in range(1, slices)} if found else set()
    return [FIRST, *sorted(inner - {FIRST}), LAST]


def position_at(log: PostgresLog, moment: datetime) -> int:
    """The position of the last event that was recorded before then; positions have no gaps and follow the clock of
    whoever records, so this is as exact as those clocks. Raises UnavailableError."""
    low, high, us = 0, log.head(), int(moment.timestamp() * 1_000_000)
    while low < high:
        middle = (low + high) // 2
        (event,) = log.read(middle, 1)
        low, high = (event.id, high) if split(event.state)[0].recorded_us < us else (low, middle)
    return low


def streams_between(log: PostgresLog, low: UUID, high: UUID, until: int) -> Iterator[tuple[UUID, list[Event]]]:
    """All streams of a slice, each with its events up to position ``until``. Raises UnavailableError."""
    for rows in _whole_streams(log, low, high, until):
        yield from _decoded(log, rows, _events(log))


def facts_between(log: PostgresLog, low: UUID, high: UUID, until: int) -> Iterator[tuple[UUID, list[Fact]]]:
    """The same for folding them, in half the time. Raises UnavailableError."""
    for rows in _whole_streams(log, low, high, until):
        yield from _decoded(log, rows, log.mapper.facts)


def streams_until(log: PostgresLog, streams: Sequence[UUID], until: int) -> Iterator[tuple[UUID, list[Event]]]:
    """Those of the streams that have events up to position ``until``, each with these. Raises UnavailableError."""
    with _cursor(log) as cursor:
        rows = cursor.execute(_STREAMS.format(_table(log)), (list(streams), until)).fetchall()
    yield from _decoded(log, rows, _events(log))


def _whole_streams(log: PostgresLog, low: UUID, high: UUID, until: int) -> Iterator[Sequence[Row]]:
    """Rows of a slice, as many at a time as the network likes, and never a part of a stream."""
    with _cursor(log, "scan") as cursor:
        cursor.execute(_SLICE.format(_table(log)), (low, high, until))
        rest: list[Row] = []
        while rows := cursor.fetchmany(ROWS):
            rows = rest + rows
            last = rows[-1][0]
            whole = len(rows)
            while whole and rows[whole - 1][0] == last:  # the last stream may go on in the next rows
                whole -= 1
            rest = rows[whole:]
            yield rows[:whole]
        yield rest


def _events(log: PostgresLog) -> Callable[[UUID, Iterable[Row]], list[Event]]:
    read = log.mapper.read
    return lambda stream, rows: [read(*row) for row in rows]


def _decoded(
    log: PostgresLog, rows: Sequence[Row], decode: Callable[[UUID, Iterable[Row]], list[T]]
) -> Iterator[tuple[UUID, list[T]]]:
    streams = [(stream, list(found)) for stream, found in groupby(rows, itemgetter(0))]
    log.prefetch(stream for stream, _ in streams)
    for stream, found in streams:
        yield stream, decode(stream, found)


def _table(log: PostgresLog) -> Identifier:
    return Identifier(log.recorder.datastore.schema, log.recorder.events_table_name)


@contextmanager
def _cursor(log: PostgresLog, name: str = "") -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """In PostgreSQL's binary form; with a name, on the server."""
    with translated(), log.recorder.datastore.get_connection() as connection, connection.transaction():
        if name:
            with connection.cursor(name=name, row_factory=tuple_row) as on_server:
                on_server.format = psycopg.pq.Format.BINARY
                yield on_server
        else:
            with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
                yield cursor
