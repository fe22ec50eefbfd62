"""Records outside Redis (L3): in PostgreSQL beside the events they were folded from, encrypted under their keys.

A record holds facts of all retention classes since its first one. So its key is derived from the stream's data key and
from those classes' period keys of the month of that first fact: it opens neither without the stream's key, nor once
any class has expired up to a month that may be in it.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from struct import Struct
from struct import error as StructError
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from adapters.eventlog.log import PostgresLog, translated
from adapters.keys import KeyDestroyedError, Keyring
from domain.event import Retention
from readmodels import customer, statistics
from readmodels.customer import CustomerRecord

RECORDS = SQL(
    """CREATE TABLE IF NOT EXISTS {} (stream uuid PRIMARY KEY, version int NOT NULL, shape smallint NOT NULL,
    sealed bytea NOT NULL) WITH (fillfactor = 80)"""
)
PARTS = SQL("CREATE TABLE IF NOT EXISTS {} (shape smallint PRIMARY KEY, sealed bytea NOT NULL)")
POSITIONS = SQL("CREATE TABLE IF NOT EXISTS {} (shape smallint PRIMARY KEY, covered bigint NOT NULL)")
SAVE = SQL(
    """INSERT INTO {0} SELECT * FROM unnest(%b::uuid[], %b::int[], %b::smallint[], %b::bytea[])
    ON CONFLICT (stream) DO UPDATE SET version = excluded.version, shape = excluded.shape, sealed = excluded.sealed
    WHERE ({0}.shape, {0}.version) < (excluded.shape, excluded.version)"""
)
HEADS = SQL("SELECT stream, substring(sealed FROM 1 FOR 16) FROM {} WHERE stream > %b ORDER BY stream LIMIT %b")
UNCOVER = SQL("DELETE FROM {}")
LOAD = SQL("SELECT stream, version, sealed FROM {} WHERE stream = ANY(%b) AND shape = %b")
PAGE = SQL("SELECT stream, version, sealed FROM {} WHERE stream > %b AND shape = %b ORDER BY stream LIMIT %b")
SAVE_PART = SQL("INSERT INTO {} VALUES (%b, %b) ON CONFLICT (shape) DO UPDATE SET sealed = excluded.sealed")
LOAD_PART = SQL("SELECT sealed FROM {} WHERE shape = %b")
COVER = SQL(
    """INSERT INTO {0} VALUES (%b, %b) ON CONFLICT (shape) DO UPDATE SET covered = excluded.covered
    WHERE {0}.covered < excluded.covered"""
)
FORGET = SQL("DELETE FROM {} WHERE stream = ANY(%b) RETURNING stream")
COVERED = SQL("SELECT covered FROM {} WHERE shape = %b")
#: A second later is soon enough: what is lost with the server is behind the position that it is covered up to.
RELAXED = SQL("SET LOCAL synchronous_commit TO off")

CLASSES = (Retention.BEHAVIOUR, Retention.IDENTITY, Retention.TRANSACTION, Retention.CONSENT)
PERIODS = Struct(f">{len(CLASSES)}I")
BOUND = Struct(">16sIH")
NONCE = 12
ROWS = 5_000
Row = tuple[UUID, int, bytes]


class PostgresRecords:
    """The tables ``record``, ``record_position`` and ``statistics_part`` of one shard. ``secret`` is the key of parts,
    one for the installation."""

    def __init__(self, log: PostgresLog, keyring: Keyring, secret: bytes, *, create: bool = False) -> None:
        self._datastore = log.recorder.datastore
        self._keyring = keyring
        self._seal_parts = AESGCM(secret)
        self._records = Identifier(self._datastore.schema, "record")
        self._parts = Identifier(self._datastore.schema, "statistics_part")
        self._positions = Identifier(self._datastore.schema, "record_position")
        if create:
            with translated(), self._datastore.transaction(commit=True) as cursor:
                cursor.execute(RECORDS.format(self._records))
                cursor.execute(PARTS.format(self._parts))
                cursor.execute(POSITIONS.format(self._positions))

    def save(self, records: Mapping[UUID, CustomerRecord], *, covered: int = 0) -> None:
        """Stores each record unless a later version is there; those whose key is gone are left out. ``covered``: all
        records are complete up to this position then; a lower one is ignored. Raises UnavailableError.
        """
        rows = iter(sorted(records.items()))  # in one order, so that no two deadlock
        while some := list(islice(rows, ROWS)):
            self._keyring.prefetch(stream for stream, _ in some)
            sealed = [
                (stream, record.version, each) for stream, record in some for each in self._sealed(stream, record)
            ]
            streams, versions, values = map(list, zip(*sealed, strict=True)) if sealed else ([], [], [])
            shapes = [customer.SHAPE] * len(sealed)
            with translated(), self._datastore.get_connection() as connection, connection.transaction():
                connection.execute(RELAXED)
                connection.execute(SAVE.format(self._records), (streams, versions, shapes, values))

        if covered:
            with translated(), self._datastore.get_connection() as connection, connection.transaction():
                connection.execute(RELAXED)
                connection.execute(COVER.format(self._positions), (customer.SHAPE, covered))

    def covered(self) -> int:
        """The position up to which all records are complete, 0 where they are not. Raises UnavailableError."""
        rows = self._rows(COVERED, (customer.SHAPE,), self._positions)
        return int(rows[0][0]) if rows else 0

    def load(self, streams: Sequence[UUID]) -> dict[UUID, CustomerRecord]:
        """Those that there are and can be decrypted. Raises UnavailableError."""
        rows = self._rows(LOAD, (list(streams), customer.SHAPE)) if streams else []
        return self._opened(rows)

    def page(self, after: UUID, limit: int) -> tuple[dict[UUID, CustomerRecord], UUID | None]:
        """The next records in the order of their streams, and where the next page begins, None at the end.

        Raises UnavailableError.
        """
        rows = self._rows(PAGE, (after, customer.SHAPE, limit))
        return self._opened(rows), rows[-1][0] if len(rows) == limit else None

    def forget(self, streams: Sequence[UUID]) -> list[UUID]:
        """Deletes the records of these streams; of which there were some. Raises UnavailableError."""
        with translated(), self._datastore.get_connection() as connection, connection.transaction():
            rows: Any = connection.execute(FORGET.format(self._records), (list(streams),)).fetchall()
        return [row["stream"] if isinstance(row, dict) else row[0] for row in rows]

    def drop_expired(self, living: Collection[int]) -> int:
        """Deletes the records that were made with the key of a period that is not among ``living``; how many. Then
        records are complete no more, until all are folded anew. Raises UnavailableError."""
        after, gone, keep = UUID(int=0), 0, set(living)
        while rows := self._rows(HEADS, (after, ROWS)):
            after = rows[-1][0]
            dead = [stream for stream, head in rows if not keep.issuperset(PERIODS.unpack(head))]
            gone += len(self.forget(dead)) if dead else 0
        if gone:
            with translated(), self._datastore.get_connection() as connection, connection.transaction():
                connection.execute(UNCOVER.format(self._positions))
        return gone

    def save_part(self, part: bytes) -> None:
        """Replaces the shard's part of the statistics. Raises UnavailableError."""
        nonce = os.urandom(NONCE)
        sealed = nonce + self._seal_parts.encrypt(nonce, part, self._part_bound)
        with translated(), self._datastore.get_connection() as connection, connection.transaction():
            connection.execute(RELAXED)
            connection.execute(SAVE_PART.format(self._parts), (statistics.SHAPE, sealed))

    def load_part(self) -> bytes | None:
        """The part as last saved, None where it cannot be read. Raises UnavailableError."""
        for (sealed,) in self._rows(LOAD_PART, (statistics.SHAPE,), self._parts):
            try:
                return self._seal_parts.decrypt(sealed[:NONCE], sealed[NONCE:], self._part_bound)
            except (InvalidTag, ValueError):
                return None
        return None

    @property
    def _part_bound(self) -> bytes:
        return f"{self._datastore.schema}:{statistics.SHAPE}".encode()

    def _rows(self, query: SQL, values: tuple[Any, ...], table: Identifier | None = None) -> list[Any]:
        with (
            translated(),
            self._datastore.get_connection() as connection,
            connection.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            return cursor.execute(query.format(table or self._records), values, prepare=True).fetchall()

    def _sealed(self, stream: UUID, record: CustomerRecord) -> Iterator[bytes]:
        month = _month(record)
        periods = [self._keyring.period(each, month) for each in CLASSES]
        try:
            cipher, nonce = self._keyring.record_cipher(stream, periods), os.urandom(NONCE)
        except KeyDestroyedError:
            return
        sealed = cipher.encrypt(nonce, customer.encode(record), _bound(stream, record.version))
        yield PERIODS.pack(*periods) + nonce + sealed

    def _opened(self, rows: Sequence[Row]) -> dict[UUID, CustomerRecord]:
        self._keyring.prefetch(stream for stream, _, _ in rows)
        return {stream: record for stream, version, sealed in rows for record in self._open(stream, version, sealed)}

    def _open(self, stream: UUID, version: int, sealed: bytes) -> Iterator[CustomerRecord]:
        """The record, or none: the log has it in any case."""
        body = PERIODS.size + NONCE
        try:
            cipher = self._keyring.record_cipher(stream, PERIODS.unpack_from(sealed))
            opened = cipher.decrypt(sealed[PERIODS.size : body], sealed[body:], _bound(stream, version))
            yield customer.decode(opened)
        except (KeyDestroyedError, InvalidTag, ValueError, StructError, msgspec.DecodeError):
            return


def _bound(stream: UUID, version: int) -> bytes:
    return BOUND.pack(stream.bytes, version, customer.SHAPE)


def _month(record: CustomerRecord) -> int:
    """The month of the record's first fact, as the periods of events are numbered; of one without facts, this one."""
    first = datetime.fromtimestamp(record.first_at / 1000, UTC) if record.first_at else datetime.now(UTC)
    return first.year * 12 + first.month - 1
