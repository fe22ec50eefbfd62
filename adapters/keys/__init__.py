"""Data keys of streams and keys of retention periods, wrapped, in a database of their own."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import LiteralString, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys.wrapping import WrappingKeyError, WrappingKeys, current_epoch, derive
from adapters.lru import Lru
from adapters.postgres import Connection, Database
from domain.event import Retention

TABLES = (
    "CREATE TABLE IF NOT EXISTS stream_key (stream uuid PRIMARY KEY, epoch int NOT NULL, wrapped bytea NOT NULL)",
    """CREATE TABLE IF NOT EXISTS period_key (
    period serial PRIMARY KEY, retention smallint NOT NULL, month int NOT NULL,
    epoch int NOT NULL, wrapped bytea NOT NULL, UNIQUE (retention, month))""",
    """CREATE TABLE IF NOT EXISTS day_key (
    purpose smallint NOT NULL, day int NOT NULL, epoch int NOT NULL, wrapped bytea NOT NULL,
    PRIMARY KEY (purpose, day))""",
    "CREATE INDEX IF NOT EXISTS stream_key_epoch ON stream_key (epoch)",
    """CREATE TABLE IF NOT EXISTS wrapping_epoch (
    epoch int PRIMARY KEY, opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz, service text, final_at timestamptz)""",
    """CREATE TABLE IF NOT EXISTS key_rotation (
    epoch int PRIMARY KEY, begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    rewrapped bigint NOT NULL DEFAULT 0, ended_at timestamptz)""",
    """CREATE TABLE IF NOT EXISTS destroyed_key (
    stream uuid PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY UNIQUE, epoch int NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp())""",
    """CREATE TABLE IF NOT EXISTS destroyed_period (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, retention smallint NOT NULL, month int NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp())""",
)
ADD = """INSERT INTO stream_key SELECT * FROM unnest(%b::uuid[], %b::int[], %b::bytea[]) AS new (stream, epoch, wrapped)
    WHERE NOT EXISTS (SELECT 1 FROM destroyed_key d WHERE d.stream = new.stream) ON CONFLICT DO NOTHING"""
GET = "SELECT stream, epoch, wrapped FROM stream_key WHERE stream = ANY(%b)"
ADD_PERIOD = "INSERT INTO period_key (retention, month, epoch, wrapped) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
PERIOD = "SELECT period, epoch, wrapped, retention, month FROM period_key WHERE "

DESTROY_LOCK = 0x64657374  # "dest": numbers of destroyed keys are given in the order in which they can be seen
DESTROYING = "SELECT pg_advisory_xact_lock(%s)"
DESTROY = "DELETE FROM stream_key WHERE stream = ANY(%b) RETURNING stream, epoch"
DESTROYED = """INSERT INTO destroyed_key (stream, epoch)
    SELECT wanted.stream, coalesce(found.epoch, %b) FROM unnest(%b::uuid[]) AS wanted (stream)
    LEFT JOIN unnest(%b::uuid[], %b::int[]) AS found (stream, epoch) USING (stream) ON CONFLICT DO NOTHING"""
EPOCHS = "SELECT stream, epoch FROM destroyed_key WHERE stream = ANY(%b)"
DESTRUCTIONS = "SELECT stream, epoch, at FROM destroyed_key WHERE stream = ANY(%b)"
NEWLY = "SELECT number, stream FROM destroyed_key WHERE number > %b ORDER BY number"
NEWEST = "SELECT coalesce(max(number), 0) FROM destroyed_key"

NEWEST_PERIOD = "SELECT coalesce(max(number), 0) FROM destroyed_period"

ROTATION_LOCK = 0x726F7461  # "rota": nothing is wrapped for an epoch while its key is being destroyed
WHILE_WRAPPING = "SELECT pg_advisory_xact_lock_shared(%s)"
OPENED = "SELECT max(epoch) FROM wrapping_epoch"

_UUID_BITS = 128
T = TypeVar("T")


class KeyDestroyedError(Exception):
    """The key was destroyed: what it encrypted is gone for ever, and it encrypts nothing more. ``stream``: whose
    it was, None for a period's."""

    def __init__(self, what: str, stream: UUID | None = None) -> None:
        super().__init__(what)
        self.stream = stream


def epoch_now(connection: Connection) -> int:
    """What is wrapped for: this month's first epoch, or a later one that was opened on request."""
    row = connection.execute(OPENED).fetchone()
    return max(current_epoch(), (row and row[0]) or 0)


class Keyring:
    """Event key = HKDF(data key of the stream, period key of (retention class, month)); see docs/encryption.md."""

    def __init__(self, database: Database, wrapping: WrappingKeys, *, cache: int = 200_000) -> None:
        self.database = database
        self.wrapping = wrapping
        self._streams: Lru[int, bytes] = Lru(cache)
        self._periods: dict[int, bytes] = {}
        self._period_ids: dict[tuple[Retention, int], int] = {}
        self._ciphers: Lru[int, AESGCM] = Lru(cache)

    def create_tables(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self.database.connection() as connection:
            for table in TABLES:
                connection.execute(table)

    def prefetch(self, streams: Iterable[UUID]) -> None:
        """Loads the data keys of many streams in one round trip."""
        missing = [s for s in set(streams) if self._streams.get(s.int) is None]
        if missing:
            self._load(missing)

    def add_streams(self, streams: Collection[UUID]) -> None:
        """A data key for each new stream. Must be stored before the first event that it encrypts."""
        new = sorted(s for s in streams if self._streams.get(s.int) is None)  # in one order, so that no two deadlock
        if not new:
            return
        with self.wrapping_for_now() as (connection, epoch):
            wrapped = [self.wrapping.wrap(os.urandom(32), epoch, s.bytes) for s in new]
            connection.execute(ADD, (new, [epoch] * len(new), wrapped))
        self._load(new)

    def period(self, retention: Retention, month: int) -> int:
        """The number of a retention period; numbers tell nothing, the month stands here alone."""
        if (retention, month) not in self._period_ids:
            self._add_period(retention, month)
        return self._period_ids[retention, month]

    def cipher(self, stream: UUID, period: int) -> AESGCM:
        """The cipher of a stream's events of one period. Raises KeyDestroyedError."""
        name = stream.int | period << _UUID_BITS
        cipher = self._ciphers.get(name)
        if cipher is None:
            data_key, period_key = self._stream_key(stream), self._period_key(period)
            cipher = AESGCM(derive(data_key, "bespoke event", salt=period_key))
            self._ciphers.put(name, cipher)
        return cipher

    def record_cipher(self, stream: UUID, periods: Sequence[int]) -> AESGCM:
        """The cipher of a record that holds facts of these periods. Raises KeyDestroyedError when any key is gone."""
        period_keys = b"".join(self._period_key(period) for period in periods)
        return AESGCM(derive(self._stream_key(stream), "bespoke record", salt=period_keys))

    def key_for(self, stream: UUID, purpose: str) -> bytes:
        """A key of this use that is gone with the stream's data key. Raises KeyDestroyedError."""
        return derive(self._stream_key(stream), purpose)

    def destroy(self, streams: Collection[UUID]) -> int:
        """Destroys the data keys of streams for ever; how many there were. That they are destroyed is kept: none
        gets a new one, and other processes learn of it. Idempotent. Raises UnavailableError."""
        wanted = sorted(set(streams))
        with self.database.connection() as connection, connection.transaction():
            connection.execute(DESTROYING, (DESTROY_LOCK,))
            rows = connection.execute(DESTROY, (wanted,)).fetchall()
            there, now = set(self.wrapping.epochs()), epoch_now(connection)
            # An older copy of a row, which nothing opens any more, may have come back.
            epochs = [epoch if epoch in there else now for _, epoch in rows]
            connection.execute(DESTROYED, (now, wanted, [stream for stream, _ in rows], epochs))
        self.wipe(wanted)
        return len(rows)

    def destroyed(self, streams: Collection[UUID]) -> dict[UUID, int]:
        """Those of them whose key was destroyed, each with the epoch that it was last wrapped for."""
        with self.database.connection() as connection:
            return dict(connection.execute(EPOCHS, (list(streams),)).fetchall())

    def destructions(self, streams: Collection[UUID]) -> dict[UUID, tuple[int, datetime]]:
        """Those of them whose key was destroyed: the epoch that it was last wrapped for, and when it was destroyed."""
        with self.database.connection() as connection:
            rows = connection.execute(DESTRUCTIONS, (list(streams),)).fetchall()
        return {stream: (epoch, at) for stream, epoch, at in rows}

    def living(self, streams: Collection[UUID]) -> set[UUID]:
        """Those of them that have a data key, as the database says. Raises UnavailableError."""
        with self.database.connection() as connection:
            return {row[0] for row in connection.execute(GET, (list(streams),)).fetchall()}

    def destroyed_since(self, number: int) -> list[tuple[int, UUID]]:
        """Streams whose keys were destroyed after that number, each with its own."""
        with self.database.connection() as connection:
            return connection.execute(NEWLY, (number,)).fetchall()

    def newest_destroyed(self) -> int:
        """The number of what was destroyed last, 0 where nothing was."""
        with self.database.connection() as connection:
            return int((connection.execute(NEWEST).fetchone() or (0,))[0])

    def newest_period(self) -> int:
        """The number of the period that was destroyed last, 0 where none was."""
        with self.database.connection() as connection:
            return int((connection.execute(NEWEST_PERIOD).fetchone() or (0,))[0])

    def wipe(self, streams: Iterable[UUID]) -> None:
        """This process keeps no key of these streams, nor any cipher made of one."""
        for stream in streams:
            self._streams.drop(stream.int)
            for period in list(self._periods):
                self._ciphers.drop(stream.int | period << _UUID_BITS)

    def alive(self, stream: UUID) -> bool:
        """Whether the stream's data key is there. Raises UnavailableError."""
        try:
            return bool(self._stream_key(stream))
        except KeyDestroyedError:
            return False

    def wipe_periods(self) -> None:
        """This process keeps no period's key: they are few, and soon read again."""
        self._periods.clear()
        self._period_ids.clear()
        self._ciphers.clear()

    def wipe_all(self) -> None:
        """This process keeps no key: it cannot be known any more which of them are destroyed."""
        self._periods.clear()
        self._period_ids.clear()
        self._streams.clear()
        self._ciphers.clear()

    @property
    def holds(self) -> int:
        """How many streams' keys this process keeps."""
        return len(self._streams)

    @contextmanager
    def wrapping_for_now(self) -> Iterator[tuple[Connection, int]]:
        """A transaction and the epoch to wrap for, which no rotation ends before the transaction has."""
        with self.database.connection() as connection, connection.transaction():
            connection.execute(WHILE_WRAPPING, (ROTATION_LOCK,))
            yield connection, epoch_now(connection)

    def _stream_key(self, stream: UUID) -> bytes:
        key = self._streams.get(stream.int)
        if key is None:
            self._load([stream])
            key = self._streams.get(stream.int)
        if key is None:
            raise KeyDestroyedError(f"stream {stream}", stream)
        return key

    def _load(self, streams: list[UUID]) -> None:
        self.twice(lambda connection: self._read_streams(connection, streams))

    def _read_streams(self, connection: Connection, streams: list[UUID]) -> None:
        rows = connection.execute(GET, (streams,)).fetchall()
        for stream, epoch, wrapped in rows:
            self._streams.put(stream.int, self.wrapping.unwrap(wrapped, epoch, stream.bytes))

    def _add_period(self, retention: Retention, month: int) -> None:
        with self.wrapping_for_now() as (connection, epoch):
            wrapped = self.wrapping.wrap(os.urandom(32), epoch, f"{retention.value}:{month}".encode())
            connection.execute(ADD_PERIOD, (retention.value, month, epoch, wrapped))
        self._load_period("retention = %s AND month = %s", (retention.value, month))

    def _period_key(self, period: int) -> bytes:
        if period not in self._periods:
            self._load_period("period = %s", (period,))
        if period not in self._periods:
            raise KeyDestroyedError(f"period {period}")
        return self._periods[period]

    def _load_period(self, where: LiteralString, values: tuple[int, ...]) -> None:
        self.twice(lambda connection: self._read_period(connection, where, values))

    def _read_period(self, connection: Connection, where: LiteralString, values: tuple[int, ...]) -> None:
        row = connection.execute(PERIOD + where, values).fetchone()
        if row:
            period, epoch, wrapped, retention, month = row
            self._periods[period] = self.wrapping.unwrap(wrapped, epoch, f"{retention}:{month}".encode())
            self._period_ids[Retention(retention), month] = period

    def twice(self, read: Callable[[Connection], T]) -> T:
        """Reads again where a rotation destroyed the wrapping key after its row was read: the row has a new one now."""
        with self.database.connection() as connection:
            try:
                return read(connection)
            except WrappingKeyError:
                return read(connection)
