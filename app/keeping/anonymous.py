"""Visitors without a name who stay away: their streams' keys, claims and records go, as if they were erased."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from adapters.eventlog.log import PostgresLog, translated
from adapters.eventlog.scan import position_at
from app.erasing.close import close
from app.erasing.directory import directory
from app.erasing.receipts import receipts
from app.erasing.records import records
from app.erasing.redis import redis
from app.wiring import Wiring
from domain.customer import Customer
from domain.identity import SHARED_KINDS

#: Of streams that have begun by a position, those to which nothing was added after it.
QUIET = SQL(
    """SELECT first.originator_id FROM {0} AS first
    WHERE first.originator_id > %s AND first.originator_version = 1 AND first.notification_id <= %s
    AND NOT EXISTS (SELECT 1 FROM {0} AS later
        WHERE later.originator_id = first.originator_id AND later.notification_id > %s)
    ORDER BY first.originator_id LIMIT %s"""
)
BATCH = 500
#: After the keys nothing of them can be read, whatever comes then.
STEPS = (directory, records, redis, receipts)


def stale(wiring: Wiring, now: datetime) -> Iterator[list[UUID]]:
    """Streams of devices, carts and anonymous visitors that are nobody's and to which nothing was added for
    ``keep_anonymous_months``, some at a time. Raises UnavailableError."""
    since = months_before(now, wiring.settings.keep_anonymous_months)
    for log in tuple(wiring.customers):
        until = position_at(log, since)
        for some in _quiet(log, until):
            alive = wiring.keyring.living(some)
            found = log.load([stream for stream in some if stream in alive])
            if nobodys := [stream for stream, customer in found.items() if _is_nobodys(customer)]:
                yield nobodys


def forget(wiring: Wiring, streams: Sequence[UUID]) -> int:
    """Forgets these streams for ever; how many. Can be done again. Raises UnavailableError, ConflictError."""
    todo = {uuid4(): tuple(streams)}
    close(wiring, todo)
    wiring.keyring.destroy(streams)
    for step in STEPS:
        step(wiring, todo)
    return len(streams)


def months_before(now: datetime, months: int) -> datetime:
    """The first of a month, so many months before this one."""
    month = now.year * 12 + now.month - 1 - months
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _is_nobodys(customer: Customer) -> bool:
    known = getattr(customer, "kind", None)  # none where the stream's beginning has expired
    return known in SHARED_KINDS and not customer.linked and not customer.erased


def _quiet(log: PostgresLog, until: int) -> Iterator[list[UUID]]:
    after, datastore = UUID(int=0), log.recorder.datastore
    query = QUIET.format(Identifier(datastore.schema, log.recorder.events_table_name))
    while True:
        with (
            translated(),
            datastore.get_connection() as connection,
            connection.cursor(row_factory=tuple_row) as cursor,
        ):
            found = [row[0] for row in cursor.execute(query, (after, until, until, BATCH)).fetchall()]
        if not found:
            return
        yield found
        after = found[-1]
