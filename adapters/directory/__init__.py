"""The identifier directory: HMAC(secret, kind:value) → stream id, in a database of its own."""

import hmac
import os
import time
from collections.abc import Iterable, Mapping
from typing import Protocol
from uuid import UUID

from adapters.lru import Lru
from adapters.postgres import Database
from domain.identity import Identifier

TABLE = """CREATE TABLE IF NOT EXISTS claim (
    identifier bytea PRIMARY KEY, stream uuid NOT NULL UNIQUE)"""
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
            connection.execute(TABLE)

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
        for pseudonym in pseudonyms:
            self._cache.drop(pseudonym)
        if self._cached_elsewhere is not None:
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
