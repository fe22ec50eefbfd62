"""Sessions of pages in PostgreSQL: of each an HMAC of its token, and whose it is."""

import hmac
import secrets
from datetime import datetime, timedelta

from adapters.http.people import IDLE, LONGEST
from adapters.postgres import Database

TABLES = (
    """CREATE TABLE IF NOT EXISTS page_session (
    token bytea PRIMARY KEY, pages text NOT NULL, who text NOT NULL, began timestamptz NOT NULL,
    seen timestamptz NOT NULL)""",
    "DROP TABLE IF EXISTS officer_session",  # where these were before
)
BEGIN = "INSERT INTO page_session VALUES (%s, %s, %s, %s, %s)"
CLEAN = "DELETE FROM page_session WHERE seen < %s OR began < %s"
END = "DELETE FROM page_session WHERE token = %s"
WHO = "SELECT who, seen FROM page_session WHERE token = %s AND pages = %s AND seen >= %s AND began >= %s"
SEEN = "UPDATE page_session SET seen = %s WHERE token = %s"
#: How exactly it is kept when a session was used last.
EXACT = timedelta(seconds=15)


class StoredSessions:
    """Of one group of ``pages``, whose ``secret`` is its own. All but ``csrf`` raise UnavailableError."""

    def __init__(self, database: Database, pages: str, secret: bytes) -> None:
        self._database, self._pages, self._secret = database, pages, secret

    def create_tables(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            for table in TABLES:
                connection.execute(table)

    def begin(self, who: str, now: datetime) -> str:
        """A new session's token, which is kept nowhere; those that have expired are forgotten."""
        token = secrets.token_urlsafe(32)
        with self._database.connection() as connection, connection.transaction():
            connection.execute(CLEAN, (now - IDLE, now - LONGEST))
            connection.execute(BEGIN, (self._kept(token), self._pages, who, now, now))
        return token

    def who(self, token: str, now: datetime) -> str | None:
        """Whose session it is, and goes on; None for one that is unknown or expired."""
        kept = self._kept(token)
        with self._database.connection() as connection:
            row = connection.execute(WHO, (kept, self._pages, now - IDLE, now - LONGEST)).fetchone()
            if row is not None and now - row[1] > EXACT:
                connection.execute(SEEN, (now, kept))
        return str(row[0]) if row else None

    def end(self, token: str) -> None:
        """The token is good for nothing from now on."""
        with self._database.connection() as connection:
            connection.execute(END, (self._kept(token),))

    def csrf(self, token: str) -> str:
        """What a form of this session must send along."""
        return hmac.digest(self._secret, b"csrf " + token.encode("utf-8", "replace"), "sha256").hex()

    def _kept(self, token: str) -> bytes:
        return hmac.digest(self._secret, b"session " + token.encode("utf-8", "replace"), "sha256")
