"""API keys that were made on the command line: their digests, in PostgreSQL. A revoked one stays listed, and its id is
never given again, since the audit log names keys by it."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import UniqueViolation

from adapters.http.keys import ApiKey, Scope, rate_of
from adapters.postgres import Database

TABLE = """CREATE TABLE IF NOT EXISTS api_key (
    id text PRIMARY KEY, digest bytea NOT NULL UNIQUE, scopes text[] NOT NULL, public boolean NOT NULL,
    per_s int, burst int, made timestamptz NOT NULL DEFAULT now(), revoked timestamptz)"""
ADD = "INSERT INTO api_key (id, digest, scopes, public, per_s, burst) VALUES (%s, %s, %s, %s, %s, %s)"
LIST = "SELECT id, digest, scopes, public, per_s, burst, made, revoked FROM api_key ORDER BY made, id"
REVOKE = "UPDATE api_key SET revoked = now() WHERE id = %s AND revoked IS NULL"


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key with its history; ``revoked`` None: it is good."""

    key: ApiKey
    made: datetime
    revoked: datetime | None


class PostgresKeys:
    """The table. All raise UnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_table(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            connection.execute(TABLE)

    def add(self, key: ApiKey) -> None:
        """Keeps what is to be kept of a key. Raises ValueError where its id was given before."""
        rate = (None, None) if key.rate is None else (key.rate.per_s, key.rate.burst)
        try:
            with self._database.connection() as connection:
                connection.execute(ADD, (key.id, key.digest, sorted(key.scopes), key.public, *rate))
        except UniqueViolation:
            raise ValueError("id: there is or was a key with this id") from None

    def revoke(self, id_: str) -> bool:
        """Whether there was a good key with this id."""
        with self._database.connection() as connection:
            return connection.execute(REVOKE, (id_,)).rowcount == 1

    def all(self) -> list[MadeKey]:
        """Those that were ever made, the oldest first."""
        with self._database.connection() as connection:
            rows = connection.execute(LIST).fetchall()
        return [MadeKey(_key(*row[:6]), *row[6:]) for row in rows]

    def good(self) -> list[ApiKey]:
        """Those that are not revoked."""
        return [each.key for each in self.all() if each.revoked is None]


def _key(id_: str, digest: bytes, scopes: list[str], public: bool, per_s: int | None, burst: int | None) -> ApiKey:
    """A scope of a later version than this one is none that this one knows of."""
    known = frozenset(scope for scope in Scope if scope in scopes)
    return ApiKey(id_, bytes(digest), known, public, rate_of(per_s, burst))
