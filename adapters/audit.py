"""The log of accesses to persons' records, in PostgreSQL: rows are added, and never changed or deleted.

Nothing personal is in clear. Who read is sealed with a key of the installation; whose record it was, and what for, with
keys derived from the data key of the person's stream, so that destroying that key erases it here as well.
"""

import hmac
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys import KeyDestroyedError, Keyring
from adapters.keys.wrapping import derive
from adapters.postgres import Database
from queries.audit import Access, Entry

TABLES = (
    """CREATE TABLE IF NOT EXISTS audit (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action text NOT NULL, actor bytea NOT NULL, named bytea NOT NULL, person bytea, sealed bytea)""",
    "CREATE INDEX IF NOT EXISTS audit_person ON audit (person, position)",
    "CREATE INDEX IF NOT EXISTS audit_actor ON audit (actor, position)",
    """CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
    """CREATE OR REPLACE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)
ADD = "INSERT INTO audit (action, actor, named, person, sealed) VALUES (%s, %s, %s, %s, %s)"
LATEST = """SELECT position, at, action, named, person, sealed FROM audit
    WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s)
    AND (%(actor)s::bytea IS NULL OR actor = %(actor)s)
    AND (%(persons)s::bytea[] IS NULL OR person = ANY(%(persons)s))
    ORDER BY position DESC LIMIT %(limit)s"""
NONCE, TAG = 12, 16


class PostgresAudit:
    """Implements queries.audit.Audit. ``secret`` is the installation's."""

    def __init__(self, database: Database, keyring: Keyring, secret: bytes) -> None:
        self._database, self._keyring = database, keyring
        self._actors, self._names = derive(secret, "bespoke audit actors"), AESGCM(derive(secret, "bespoke audit"))

    def create_table(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            for statement in TABLES:
                connection.execute(statement)

    def record(self, access: Access) -> None:
        """See queries.audit. Of somebody whose key is destroyed there is no more than that they were read."""
        bound, actor = access.action.encode(), self._actor(access.actor)
        named = _seal(self._names, access.actor.encode(), bound)
        try:
            person, cipher = self._of(access.stream)
        except KeyDestroyedError:
            person, sealed = None, None
        else:
            sealed = _seal(cipher, msgspec.msgpack.encode((access.stream, access.purpose)), bound)
        with self._database.connection() as connection:
            connection.execute(ADD, (access.action, actor, named, person, sealed))

    def latest(
        self,
        limit: int,
        *,
        since: datetime | None = None,
        actor: str | None = None,
        streams: Sequence[UUID] | None = None,
    ) -> list[Entry]:
        """See queries.audit."""
        persons = None if streams is None else self._persons(streams)
        wanted = {
            "limit": limit,
            "since": since,
            "actor": None if actor is None else self._actor(actor),
            "persons": None if persons is None else list(persons),
        }
        with self._database.connection() as connection:
            rows = connection.execute(LATEST, wanted).fetchall()
        return [self._entry(row, persons or {}) for row in rows]

    def _entry(self, row: tuple[Any, ...], persons: dict[bytes, AESGCM]) -> Entry:
        position, at, action, named, person, sealed = row
        bound, purpose = action.encode(), None
        if person in persons:
            _, purpose = msgspec.msgpack.decode(_open(persons[person], sealed, bound), type=tuple[UUID, str | None])
        actor = _open(self._names, named, bound).decode()
        return Entry(position, at, actor, action, person.hex() if person else "", purpose)

    def _persons(self, streams: Sequence[UUID]) -> dict[bytes, AESGCM]:
        found = {}
        for stream in streams:
            try:
                person, cipher = self._of(stream)
            except KeyDestroyedError:
                continue
            found[person] = cipher
        return found

    def _of(self, stream: UUID) -> tuple[bytes, AESGCM]:
        """The pseudonym of a stream, and the cipher of what is said of it. Raises KeyDestroyedError."""
        key = self._keyring.key_for(stream, "bespoke audit")
        return hmac.digest(key, b"person" + stream.bytes, "sha256")[:TAG], AESGCM(derive(key, "sealed"))

    def _actor(self, actor: str) -> bytes:
        return hmac.digest(self._actors, actor.encode(), "sha256")[:TAG]


def _seal(cipher: AESGCM, content: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + cipher.encrypt(nonce, content, bound)


def _open(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], bound)
