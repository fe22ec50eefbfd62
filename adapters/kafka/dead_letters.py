"""What could not be taken from the topic: kept encrypted for 30 days, so that it can be looked into and replayed."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
from pydantic import ValidationError

from adapters.kafka.envelope import NONCE, TYPES, Envelope, PoisonError, parse
from adapters.keys import KeyDestroyedError
from adapters.keys.daily import DailyKeys, day_of
from adapters.postgres import Database
from commands.command import Command

KEPT = timedelta(days=30)
TABLE = """CREATE TABLE IF NOT EXISTS dead_letter (
    id uuid PRIMARY KEY, source text NOT NULL, partition int NOT NULL, "offset" bigint NOT NULL, type text NOT NULL,
    reason text NOT NULL, at timestamptz NOT NULL, day int NOT NULL, sealed bytea NOT NULL,
    reported boolean NOT NULL DEFAULT false, replayed timestamptz, UNIQUE (source, partition, "offset"))"""
ADD = """INSERT INTO dead_letter (id, source, partition, "offset", type, reason, at, day, sealed)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
COLUMNS = 'id, source, partition, "offset", type, reason, at, replayed'
LIST = f"SELECT {COLUMNS} FROM dead_letter WHERE replayed IS NULL OR %s ORDER BY at DESC, id LIMIT %s"
UNREPORTED = f"SELECT {COLUMNS} FROM dead_letter WHERE NOT reported ORDER BY at LIMIT %s"
ONE = f"SELECT {COLUMNS}, day, sealed FROM dead_letter WHERE id = %s"
REPORTED = "UPDATE dead_letter SET reported = true WHERE id = ANY(%s)"
REPLAYED = "UPDATE dead_letter SET replayed = %s WHERE id = %s"
ALL = 'SELECT id, source, partition, "offset", type, day, sealed FROM dead_letter'
FORGET = "DELETE FROM dead_letter WHERE id = %s"
PURGE = "DELETE FROM dead_letter WHERE at < %s"


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The record, and what its value opened to, where it did: the topic's own key is gone before the letter is."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that could not be taken, where it stood, and why."""

    source: str
    partition: int
    offset: int
    type: str
    reason: str
    kept: Kept


@dataclass(frozen=True, slots=True)
class Listed:
    """A letter without its content: nothing here is personal."""

    id: UUID
    source: str
    partition: int
    offset: int
    type: str
    reason: str
    at: datetime
    replayed: datetime | None


class DeadLetters:
    """The table, in a database of its own."""

    def __init__(self, database: Database, keys: DailyKeys) -> None:
        self._database = database
        self._keys = keys

    def create_table(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            connection.execute(TABLE)

    def keep(self, letters: Sequence[Letter]) -> None:
        """Stores each once, however often it is delivered. Raises UnavailableError."""
        if not letters:
            return
        now = datetime.now(UTC)
        day = day_of(now)
        cipher = self._keys.make(day)
        with self._database.connection() as connection, connection.transaction():
            for letter in letters:
                nonce, where = os.urandom(NONCE), (letter.source, letter.partition, letter.offset)
                sealed = nonce + cipher.encrypt(nonce, msgspec.msgpack.encode(letter.kept), _bound(*where))
                connection.execute(ADD, (uuid4(), *where, letter.type, letter.reason, now, day, sealed))

    def latest(self, limit: int, *, replayed: bool = False) -> list[Listed]:
        """The latest, also those replayed if wanted. Raises UnavailableError."""
        with self._database.connection() as connection:
            return [Listed(*row) for row in connection.execute(LIST, (replayed, limit)).fetchall()]

    def unreported(self, limit: int) -> list[Listed]:
        """The oldest that nobody was told of. Raises UnavailableError."""
        with self._database.connection() as connection:
            return [Listed(*row) for row in connection.execute(UNREPORTED, (limit,)).fetchall()]

    def reported(self, ids: Sequence[UUID]) -> None:
        """Marks letters as told of. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(REPORTED, (list(ids),))

    def open(self, id_: UUID, envelope: Envelope) -> Command:
        """The letter's command, as it can be read today. Raises PoisonError, KeyError, KeyDestroyedError,
        UnavailableError."""
        with self._database.connection() as connection:
            row = connection.execute(ONE, (id_,)).fetchone()
        if row is None:
            raise KeyError(id_)
        listed, day, sealed = Listed(*row[:-2]), row[-2], row[-1]
        bound = _bound(listed.source, listed.partition, listed.offset)
        opened = self._keys.cipher(day).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
        kept = msgspec.msgpack.decode(opened, type=Kept)
        if kept.data is None:
            return envelope.open(kept.key, kept.value, kept.headers)
        try:
            return parse(TYPES[listed.type.encode()], kept.data)
        except ValidationError:
            raise PoisonError(listed.reason) from None

    def forget(self, pseudonyms: Mapping[bytes, UUID], envelope: Envelope) -> list[UUID]:
        """Deletes the letters that are about these identifiers (HMAC → stream); the stream of each that was. A letter
        that cannot be opened is about nobody any more. Raises UnavailableError."""
        gone: list[UUID] = []
        with self._database.connection() as connection:
            rows = connection.execute(ALL).fetchall() if pseudonyms else []
            for id_, source, partition, offset, type_, day, sealed in rows:
                stream = self._about(pseudonyms, envelope, (source, partition, offset), type_, day, sealed)
                if stream is not None:
                    connection.execute(FORGET, (id_,))
                    gone.append(stream)
        return gone

    def _about(
        self,
        pseudonyms: Mapping[bytes, UUID],
        envelope: Envelope,
        where: tuple[str, int, int],
        type_: str,
        day: int,
        sealed: bytes,
    ) -> UUID | None:
        """The erased stream that a letter is about, if any."""
        try:
            opened = self._keys.cipher(day).decrypt(sealed[:NONCE], sealed[NONCE:], _bound(*where))
        except KeyDestroyedError:
            return None
        kept = msgspec.msgpack.decode(opened, type=Kept)
        if kept.key in pseudonyms:
            return pseudonyms[kept.key]
        try:
            command = envelope.open(kept.key, kept.value, kept.headers) if kept.data is None else None
            command = command or parse(TYPES[type_.encode()], kept.data or b"")
        except (PoisonError, ValidationError, KeyError):
            return None
        named = map(envelope.pseudonym, getattr(command, "identifiers", ()))
        return next((pseudonyms[each] for each in named if each in pseudonyms), None)

    def replayed(self, id_: UUID) -> None:
        """Marks a letter as taken. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(REPLAYED, (datetime.now(UTC), id_))

    def purge(self, now: datetime) -> int:
        """Deletes what is older than 30 days, and destroys the keys; how many. Raises UnavailableError."""
        with self._database.connection() as connection:
            gone = connection.execute(PURGE, (now - KEPT,)).rowcount
        self._keys.expire(now)
        return gone


def _bound(source: str, partition: int, offset: int) -> bytes:
    return f"{source}\n{partition}\n{offset}".encode()
