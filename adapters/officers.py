"""Officers in PostgreSQL: of their keys the digests."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from psycopg.errors import UniqueViolation

from adapters.http.compliance.officers import ID, Officer, Role
from adapters.postgres import Database
from adapters.sessions import StoredSessions

TABLE = """CREATE TABLE IF NOT EXISTS officer (
    id text PRIMARY KEY, digest bytea NOT NULL UNIQUE, roles text[] NOT NULL,
    made timestamptz NOT NULL DEFAULT now(), revoked timestamptz)"""
ADD = "INSERT INTO officer (id, digest, roles) VALUES (%s, %s, %s)"
LIST = "SELECT id, roles, made, revoked FROM officer ORDER BY made, id"
REVOKE = "UPDATE officer SET revoked = now() WHERE id = %s AND revoked IS NULL"
KNOWN = "SELECT id, roles FROM officer WHERE digest = %s AND revoked IS NULL"
NAMED = "SELECT id, roles FROM officer WHERE id = %s AND revoked IS NULL"
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class MadeOfficer:
    """An officer with their history; ``revoked`` None: they may log in."""

    officer: Officer
    made: datetime
    revoked: datetime | None


class PostgresOfficers:
    """Implements adapters.http.compliance.officers.Officers."""

    def __init__(self, database: Database, sessions: StoredSessions) -> None:
        self._database, self._sessions = database, sessions
        self.end, self.csrf = sessions.end, sessions.csrf

    def create_tables(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            connection.execute(TABLE)
        self._sessions.create_tables()

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
        """See People. Found by the digest of 256 random bits, so that time tells nothing."""
        if len(key) > _LONGEST_KEY:
            return None
        with self._database.connection() as connection:
            row = connection.execute(KNOWN, (_digest(key),)).fetchone()
        return _officer(*row) if row else None

    def begin(self, who: Officer, now: datetime) -> str:
        """See People."""
        return self._sessions.begin(who.id, now)

    def session(self, token: str, now: datetime) -> Officer | None:
        """See People."""
        named = self._sessions.who(token, now)
        if named is None:
            return None
        with self._database.connection() as connection:
            row = connection.execute(NAMED, (named,)).fetchone()
        return _officer(*row) if row else None


def _officer(id_: str, roles: Iterable[str]) -> Officer:
    return Officer(id_, frozenset(role for role in Role if role in set(roles)))


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "replace")).digest()
