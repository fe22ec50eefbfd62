"""Receipts in PostgreSQL. In clear: the decision's id, the day, the stream whose key it is; the rest is sealed under
the person's key, or under the day's for a stranger. So whoever erases a person erases their receipts' content."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys import KeyDestroyedError, Keyring
from adapters.keys.daily import DailyKeys
from adapters.postgres import Connection, Database
from adapters.receipts.form import Head, decode, head
from domain.event import Retention
from queries.decisions import GONE, LAST, Gone
from queries.recommend.decision import Decision

TABLES = (
    """CREATE TABLE IF NOT EXISTS receipt (
    decision uuid PRIMARY KEY, day int NOT NULL, key uuid, period int NOT NULL, sealed bytea)""",
    "CREATE INDEX IF NOT EXISTS receipt_key ON receipt (key) WHERE key IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS receipt_day ON receipt (day)",
)
ADD = """INSERT INTO receipt (decision, day, key, period, sealed)
    SELECT * FROM unnest(%s::uuid[], %s::int[], %s::uuid[], %s::int[], %s::bytea[])
    ON CONFLICT DO NOTHING"""
COLUMNS = "decision, day, key, period, sealed"
ONE = f"SELECT {COLUMNS} FROM receipt WHERE decision = %s"
SOME = f"SELECT {COLUMNS} FROM receipt WHERE decision = ANY(%s)"
OF_PERSON = f"SELECT {COLUMNS} FROM receipt WHERE key = ANY(%s) ORDER BY decision DESC LIMIT %s"
BEFORE = f"SELECT {COLUMNS} FROM receipt WHERE key = ANY(%s) AND decision < %s ORDER BY decision DESC LIMIT %s"
BETWEEN = f"SELECT {COLUMNS} FROM receipt WHERE key = ANY(%s) AND decision > %s AND decision < %s ORDER BY decision"
COUNT = "SELECT count(*) FROM receipt WHERE key = ANY(%s) AND decision < %s"
LATEST = f"SELECT {COLUMNS} FROM receipt WHERE day >= %s ORDER BY decision LIMIT %s"
COUNTS = "SELECT count(*), count(*) FILTER (WHERE sealed IS NULL), min(day), max(day) FROM receipt"
FORGET = "UPDATE receipt SET sealed = NULL WHERE key = ANY(%s) AND sealed IS NOT NULL"
EMPTY = "SELECT key, count(*) FROM receipt WHERE key = ANY(%s) GROUP BY key"
READABLE = "SELECT count(*) FROM receipt WHERE key = ANY(%s) AND sealed IS NOT NULL"
EXPIRE = "DELETE FROM receipt WHERE decision IN (SELECT decision FROM receipt WHERE day < %s LIMIT %s)"
EXPIRED = "SELECT count(*) FROM receipt WHERE day < %s"
BATCH = 10_000
DAY_MS = 86_400_000
NONCE = 12
PAGE = 500


def create_tables(connection: Connection) -> None:
    """Idempotent; call under the provisioning lock."""
    for table in TABLES:
        connection.execute(table)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are, how many of persons who were erased before they were stored, and of which days."""

    receipts: int
    erased: int
    first_day: int | None
    last_day: int | None


class PostgresReceipts:
    """Implements queries.decisions.Receipts."""

    def __init__(self, database: Database, keyring: Keyring, days: DailyKeys) -> None:
        self._database, self._keyring, self._days = database, keyring, days

    def add(self, receipts: Sequence[bytes]) -> None:
        """Stores each once, whoever brings it again. Raises UnavailableError, ValueError for what is no receipt."""
        heads = [head(receipt) for receipt in receipts]
        self._keyring.prefetch([UUID(bytes=each.person) for each in heads if each.person])
        columns: list[list[object]] = [list(column) for column in zip(*map(self._row, heads, receipts), strict=True)]
        if columns:
            with self._database.connection() as connection:
                connection.execute(ADD, columns)

    def find(self, decision: UUID) -> Decision | Gone | None:
        """The decision; ``GONE`` where its key is destroyed; None where there is none. Raises UnavailableError."""
        with self._database.connection() as connection:
            row = connection.execute(ONE, (decision,)).fetchone()
        return None if row is None else self._opened(*row)

    def some(self, decisions: Sequence[UUID]) -> dict[UUID, Decision | Gone]:
        """Those of them that there are. Raises UnavailableError."""
        with self._database.connection() as connection:
            rows = connection.execute(SOME, (list(decisions),)).fetchall()
        return {row[0]: self._opened(*row) for row in rows}

    def of_person(self, streams: Sequence[UUID], limit: int) -> list[Decision | Gone]:
        """Those for a person, under whichever of their streams' ids they were answered, the latest first."""
        with self._database.connection() as connection:
            rows = connection.execute(OF_PERSON, (list(streams), limit)).fetchall()
        return [self._opened(*row) for row in rows]

    def between(
        self, streams: Sequence[UUID], after: UUID, before: UUID, limit: int, *, oldest: bool
    ) -> list[tuple[UUID, Decision | Gone]]:
        """Of those for a person that came after one id and before another, the ``oldest`` or the latest, in that order.
        Raises UnavailableError."""
        query = f"{BETWEEN} {'ASC' if oldest else 'DESC'} LIMIT %s"
        with self._database.connection() as connection:
            rows = connection.execute(query, (list(streams), after, before, limit)).fetchall()
        return [(row[0], self._opened(*row)) for row in rows]

    def count(self, streams: Sequence[UUID], before: UUID) -> int:
        """How many there are for a person before an id. Raises UnavailableError."""
        with self._database.connection() as connection:
            row = connection.execute(COUNT, (list(streams), before)).fetchone()
        return int(row[0]) if row else 0

    def all_of_person(self, streams: Sequence[UUID]) -> Iterator[Decision | Gone]:
        """All of them, the latest first, some hundred in memory at a time. Raises UnavailableError."""
        before: UUID | None = LAST
        while before is not None:
            with self._database.connection() as connection:
                rows = connection.execute(BEFORE, (list(streams), before, PAGE)).fetchall()
            yield from (self._opened(*row) for row in rows)
            before = rows[-1][0] if len(rows) == PAGE else None

    def since(self, day: int, limit: int) -> Iterator[tuple[UUID, Decision | Gone]]:
        """From a day on (days since 1970), the oldest first. Raises UnavailableError."""
        with self._database.connection() as connection:
            rows = connection.execute(LATEST, (day, limit)).fetchall()
        for row in rows:
            yield row[0], self._opened(*row)

    def forget(self, streams: Sequence[UUID]) -> dict[UUID, int]:
        """Empties the receipts of erased streams; how many each has. Idempotent. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(FORGET, (list(streams),))
            return dict(connection.execute(EMPTY, (list(streams),)).fetchall())

    def readable(self, streams: Sequence[UUID]) -> int:
        """How many receipts of these streams still have a content. Raises UnavailableError."""
        with self._database.connection() as connection:
            row = connection.execute(READABLE, (list(streams),)).fetchone()
        return int(row[0]) if row else 0

    def counts(self) -> Counted:
        """Raises UnavailableError."""
        with self._database.connection() as connection:
            row = connection.execute(COUNTS).fetchone()
        return Counted(*row) if row else Counted(0, 0, None, None)

    def expire(self, day: int) -> int:
        """Deletes what is older than a day, in batches; how many. Raises UnavailableError."""
        gone = 0
        while True:
            with self._database.connection() as connection:
                count = connection.execute(EXPIRE, (day, BATCH)).rowcount
            gone += count
            if count < BATCH:
                return gone

    def older(self, day: int) -> int:
        """How many are older than a day. Raises UnavailableError."""
        with self._database.connection() as connection:
            row = connection.execute(EXPIRED, (day,)).fetchone()
        return int(row[0]) if row else 0

    def _row(self, of: Head, receipt: bytes) -> tuple[object, ...]:
        """The receipt's own bytes are sealed: it is neither read nor written anew."""
        day, who, decision = of.at_ms // DAY_MS, UUID(bytes=of.person) if of.person else None, UUID(bytes=of.decision)
        period, sealed = 0, None
        try:
            if who is None:
                cipher = self._days.make(day)
            else:
                at = datetime.fromtimestamp(of.at_ms / 1000, UTC)
                period = self._keyring.period(Retention.BEHAVIOUR, at.year * 12 + at.month - 1)
                cipher = self._keyring.record_cipher(who, (period,))
            nonce = os.urandom(NONCE)
            sealed = nonce + cipher.encrypt(nonce, receipt, _bound(decision))
        except KeyDestroyedError:  # erased meanwhile: that there was an answer is all that may stay
            pass
        return decision, day, who, period, sealed

    def _opened(self, decision: UUID, day: int, who: UUID | None, period: int, sealed: bytes | None) -> Decision | Gone:
        if sealed is None:
            return GONE
        try:
            cipher: AESGCM = self._days.cipher(day) if who is None else self._keyring.record_cipher(who, (period,))
        except KeyDestroyedError:
            return GONE
        return decode(cipher.decrypt(sealed[:NONCE], sealed[NONCE:], _bound(decision)))


def _bound(decision: UUID) -> bytes:
    return b"receipt" + decision.bytes
