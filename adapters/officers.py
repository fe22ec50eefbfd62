"""Officers and their sessions in PostgreSQL: of keys their digests, of sessions an HMAC of their token."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from psycopg.errors import UniqueViolation

from adapters.http.compliance.officers import ID, IDLE, LONGEST, Officer, Role
from adapters.postgres import Database

TABLES = (
    """CREATE TABLE IF NOT EXISTS officer (
    id text PRIMARY KEY, digest bytea NOT NULL UNIQUE, roles text[] NOT NULL,
    made timestamptz NOT NULL DEFAULT now(), revoked timestamptz)""",
    """CREATE TABLE IF NOT EXISTS officer_session (
    token bytea PRIMARY KEY, officer text NOT NULL REFERENCES officer, began timestamptz NOT NULL,
    seen timestamptz NOT NULL)""",
)
ADD = "INSERT INTO officer (id, digest, roles) VALUES (%s, %s, %s)"
LIST = "SELECT id, roles, made, revoked FROM officer ORDER BY made, id"
REVOKE = "UPDATE officer SET revoked = now() WHERE id = %s AND revoked IS NULL"
KNOWN = "SELECT id, roles FROM officer WHERE digest = %s AND revoked IS NULL"
BEGIN = "INSERT INTO officer_session VALUES (%s, %s, %s, %s)"
CLEAN = "DELETE FROM officer_session WHERE seen < %s OR began < %s"
END = "DELETE FROM officer_session WHERE token = %s"
SESSION = """SELECT o.id, o.roles, s.seen FROM officer_session s JOIN officer o ON o.id = s.officer
    WHERE s.token = %s AND s.seen >= %s AND s.began >= %s AND o.revoked IS NULL"""
SEEN = "UPDATE officer_session SET seen = %s WHERE token = %s"
#: How exactly it is kept when a session was used last.
EXACT = timedelta(seconds=15)
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class MadeOfficer:
    """An officer with their history; ``revoked`` None: they may log in."""

    officer: Officer
    made: datetime
    revoked: datetime | None


class PostgresOfficers:
    """Implements adapters.http.compliance.officers.Officers. ``secret`` is the installation's."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database, self._secret = database, secret

    def create_tables(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            for table in TABLES:
                connection.execute(table)

    def add(self, id_: str, roles: Iterable[Role]) -> str:
        """A new officer's key, 256 random bits, which is kept nowhere. Raises ValueError for an id that is taken, or is
        none."""
        if not ID.fullmatch(id_):
            raise ValueError("id: 1 to 40 letters, digits and . _ -")
        key = f"bof_{secrets.token_urlsafe(32)}"
        try:
            with self._database.connection() as connection:
                connection.execute(ADD, (id_, _digest(key), sorted(roles)))
        except UniqueViolation:
            raise ValueError("id: there is or was an officer with this id") from None
        return key

    def revoke(self, id_: str) -> bool:
        """Whether there was such an officer; their sessions end at once."""
        with self._database.connection() as connection:
            return connection.execute(REVOKE, (id_,)).rowcount == 1

    def all(self) -> list[MadeOfficer]:
        """Those that there ever were, the oldest first."""
        with self._database.connection() as connection:
            rows = connection.execute(LIST).fetchall()
        return [MadeOfficer(_officer(id_, roles), made, revoked) for id_, roles, made, revoked in rows]

    def known(self, key: str) -> Officer | None:
        """See Officers. Found by the digest of 256 random bits, so that time tells nothing."""
        if len(key) > _LONGEST_KEY:
            return None
        with self._database.connection() as connection:
            row = connection.execute(KNOWN, (_digest(key),)).fetchone()
        return _officer(*row) if row else None

    def begin(self, officer: Officer, now: datetime) -> str:
        """See Officers."""
        token = secrets.token_urlsafe(32)
        with self._database.connection() as connection, connection.transaction():
            connection.execute(CLEAN, (now - IDLE, now - LONGEST))
            connection.execute(BEGIN, (self._kept(token), officer.id, now, now))
        return token

    def session(self, token: str, now: datetime) -> Officer | None:
        """See Officers."""
        kept = self._kept(token)
        with self._database.connection() as connection:
            row = connection.execute(SESSION, (kept, now - IDLE, now - LONGEST)).fetchone()
            if row is not None and now - row[2] > EXACT:
                connection.execute(SEEN, (now, kept))
        return _officer(row[0], row[1]) if row else None

    def end(self, token: str) -> None:
        """See Officers."""
        with self._database.connection() as connection:
            connection.execute(END, (self._kept(token),))

    def csrf(self, token: str) -> str:
        """See Officers."""
        return hmac.digest(self._secret, b"csrf " + token.encode("utf-8", "replace"), "sha256").hex()

    def _kept(self, token: str) -> bytes:
        return hmac.digest(self._secret, b"session " + token.encode("utf-8", "replace"), "sha256")


def _officer(id_: str, roles: Iterable[str]) -> Officer:
    return Officer(id_, frozenset(role for role in Role if role in set(roles)))


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "replace")).digest()
