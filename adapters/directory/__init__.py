"""The identifier directory: HMAC(secret, kind:value) → stream id, in a database of its own."""

import hmac
import os
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from adapters.lru import Lru
from adapters.postgres import Database
from domain.identity import Identifier

TABLE = """CREATE TABLE IF NOT EXISTS claim (
    identifier bytea PRIMARY KEY, stream uuid NOT NULL UNIQUE)"""
FORGOTTEN = """CREATE TABLE IF NOT EXISTS forgotten (
    identifier bytea NOT NULL, stream uuid NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (identifier, stream))"""
FORGOTTEN_STREAM = "CREATE INDEX IF NOT EXISTS forgotten_stream ON forgotten (stream)"
RETAINED = "CREATE TABLE IF NOT EXISTS retained_order (pseudonym bytea PRIMARY KEY, stream uuid NOT NULL)"
RELEASE = """WITH gone AS (DELETE FROM claim WHERE stream = ANY(%b) RETURNING identifier, stream)
    INSERT INTO forgotten (identifier, stream) SELECT identifier, stream FROM gone ON CONFLICT DO NOTHING"""
OF_STREAMS = "SELECT identifier, stream FROM forgotten WHERE stream = ANY(%b)"
OF_IDENTIFIERS = "SELECT identifier, max(at) FROM forgotten WHERE identifier = ANY(%b) GROUP BY identifier"
CLAIMED = "SELECT stream FROM claim WHERE stream = ANY(%b)"
PURGE = "DELETE FROM forgotten WHERE stream = ANY(%b)"
RETAIN = "INSERT INTO retained_order SELECT * FROM unnest(%b::bytea[], %b::uuid[]) ON CONFLICT DO NOTHING"
ORDERS = "SELECT pseudonym, stream FROM retained_order WHERE pseudonym = ANY(%b)"
CLAIM = """INSERT INTO claim SELECT * FROM unnest(%b::bytea[], %b::uuid[]) ON CONFLICT DO NOTHING"""
FIND = "SELECT identifier, stream FROM claim WHERE identifier = ANY(%b)"
FORGET = "DELETE FROM claim WHERE identifier = ANY(%b)"


def new_stream_id() -> UUID:
    """A random id that begins with the time of its making (UUID version 7, RFC 9562)."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    return UUID(int=millis << 80 | 0x7 << 76 | (random >> 68) << 64 | 0b10 << 62 | random & (1 << 62) - 1)


class Cache(Protocol):
    """Where else it is remembered."""

    def put(self, streams: Mapping[bytes, UUID]) -> None:
        """Soon, or never."""

    def forget(self, pseudonyms: Iterable[bytes]) -> None:
        """Before this returns. Raises UnavailableError."""


class PostgresDirectory:
    """Every identifier has a stream of its own; a claim never moves until erasure."""

    def __init__(self, database: Database, secret: bytes, *, cache: int = 200_000, cached: Cache | None = None) -> None:
        self._database = database
        self._cached_elsewhere = cached
        self._hmac = hmac.new(secret, b"", "sha256")
        self._cache: Lru[bytes, UUID] = Lru(cache)

    def create_table(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            for table in (TABLE, FORGOTTEN, FORGOTTEN_STREAM, RETAINED):
                connection.execute(table)

    def pseudonym(self, identifier: Identifier) -> bytes:
        """HMAC-SHA256 of an identifier, 32 bytes: what stands for it wherever it is stored or cached."""
        keyed = self._hmac.copy()
        keyed.update(f"{identifier.kind}:{identifier.value}".encode())
        return keyed.digest()

    def claim(self, identifiers: Iterable[Identifier]) -> dict[Identifier, UUID]:
        """Each identifier's stream; unknown ones get a new random id, and the first claim wins."""
        wanted = {identifier: self.pseudonym(identifier) for identifier in identifiers}
        known = self._cached(wanted.values())
        missing = sorted({p for p in wanted.values() if p not in known})
        if missing:
            known |= self._claim(missing)
        return {identifier: known[pseudonym] for identifier, pseudonym in wanted.items()}

    def find(self, identifier: Identifier) -> UUID | None:
        """The stream of an identifier that was claimed before; never claims."""
        pseudonym = self.pseudonym(identifier)
        return (self._cached([pseudonym]) or self._select([pseudonym])).get(pseudonym)

    def forget(self, identifiers: Iterable[Identifier]) -> None:
        """Of erased persons: a later claim gets a new stream. Idempotent; to be called again if it raises
        UnavailableError. Other processes learn of it by the cache."""
        pseudonyms = [self.pseudonym(identifier) for identifier in identifiers]
        with self._database.connection() as connection:
            connection.execute(FORGET, (pseudonyms,))
        self._forgotten(pseudonyms)

    def release(self, stale: Mapping[Identifier, UUID]) -> None:
        """These identifiers led to streams that are erased: a later claim gets a new stream. Idempotent. Raises
        UnavailableError."""
        self.forget_streams(stale.values())
        self._forgotten([self.pseudonym(identifier) for identifier in stale])

    def forget_streams(self, streams: Iterable[UUID]) -> dict[UUID, int]:
        """No identifier leads to these streams any more; how many did, by stream. Their HMACs are kept for
        as long as messages of theirs may lie on a topic, see ``forgotten_at``. Idempotent. Raises UnavailableError."""
        wanted = list(streams)
        with self._database.connection() as connection:
            connection.execute(RELEASE, (wanted,))
            rows = connection.execute(OF_STREAMS, (wanted,)).fetchall()
        self._forgotten([bytes(pseudonym) for pseudonym, _ in rows])
        counts = dict.fromkeys(wanted, 0)
        for _, stream in rows:
            counts[stream] += 1
        return counts

    def claimed(self, streams: Iterable[UUID]) -> set[UUID]:
        """Those of the streams that an identifier leads to. Raises UnavailableError."""
        with self._database.connection() as connection:
            return {row[0] for row in connection.execute(CLAIMED, (list(streams),)).fetchall()}

    def pseudonyms(self, streams: Iterable[UUID]) -> dict[bytes, UUID]:
        """HMACs of the identifiers that led to these streams before they were forgotten. Raises UnavailableError."""
        with self._database.connection() as connection:
            return {bytes(p): stream for p, stream in connection.execute(OF_STREAMS, (list(streams),)).fetchall()}

    def forgotten_at(self, pseudonyms: Iterable[bytes]) -> dict[bytes, datetime]:
        """When identifiers were forgotten last, of those that were lately. Raises UnavailableError."""
        with self._database.connection() as connection:
            rows = connection.execute(OF_IDENTIFIERS, (list(pseudonyms),)).fetchall()
        return {bytes(pseudonym): at for pseudonym, at in rows}

    def purge(self, streams: Iterable[UUID]) -> int:
        """What is known of forgotten identifiers goes too; how many that were. Raises UnavailableError."""
        with self._database.connection() as connection:
            return connection.execute(PURGE, (list(streams),)).rowcount

    def retain_orders(self, orders: Mapping[str, UUID]) -> None:
        """Where refunds of these orders go, whose customers are erased. Idempotent. Raises UnavailableError."""
        names = sorted((self._order(order), stream) for order, stream in orders.items())
        with self._database.connection() as connection:
            connection.execute(RETAIN, ([name for name, _ in names], [stream for _, stream in names]))

    def retained(self, orders: Iterable[str]) -> dict[str, UUID]:
        """Those of the orders whose customers are erased, with their streams. Raises UnavailableError."""
        names = {self._order(order): order for order in orders}
        with self._database.connection() as connection:
            rows = connection.execute(ORDERS, (list(names),)).fetchall() if names else []
        return {names[bytes(name)]: stream for name, stream in rows}

    def _order(self, order: str) -> bytes:
        keyed = self._hmac.copy()
        keyed.update(f"order\0{order}".encode())
        return keyed.digest()

    def _forgotten(self, pseudonyms: list[bytes]) -> None:
        for pseudonym in pseudonyms:
            self._cache.drop(pseudonym)
        if self._cached_elsewhere is not None and pseudonyms:
            self._cached_elsewhere.forget(pseudonyms)

    def drop(self, pseudonym: bytes) -> None:
        """This process remembers it no more."""
        self._cache.drop(pseudonym)

    def _cached(self, pseudonyms: Iterable[bytes]) -> dict[bytes, UUID]:
        return {p: stream for p in pseudonyms if (stream := self._cache.get(p)) is not None}

    def _claim(self, pseudonyms: list[bytes]) -> dict[bytes, UUID]:
        found = self._select(pseudonyms)
        new = [p for p in pseudonyms if p not in found]
        if not new:
            return found
        with self._database.connection() as connection:
            connection.execute(CLAIM, (new, [new_stream_id() for _ in new]))
        return found | self._select(new)

    def _select(self, pseudonyms: list[bytes]) -> dict[bytes, UUID]:
        with self._database.connection() as connection:
            rows = connection.execute(FIND, (pseudonyms,)).fetchall()
        found: dict[bytes, UUID] = {bytes(pseudonym): stream for pseudonym, stream in rows}
        for pseudonym, stream in found.items():
            self._cache.put(pseudonym, stream)
        if found and self._cached_elsewhere is not None:
            self._cached_elsewhere.put(found)
        return found
