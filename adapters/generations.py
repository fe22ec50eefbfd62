"""Published generations that answers were made of, kept so that an old answer can be made again: bytes by their hash.

A rebuild could not make them: those who were erased since are in them, as counts of five people or more.
"""

import zlib
from hashlib import sha256

from adapters.postgres import Database

TABLE = """CREATE TABLE IF NOT EXISTS generations_kept (
    kind text NOT NULL, digest text NOT NULL, bytes bytea NOT NULL, since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, digest))"""
SAVE = "INSERT INTO generations_kept (kind, digest, bytes) VALUES (%s, %s, %s) ON CONFLICT (kind, digest) DO NOTHING"
LOAD = "SELECT bytes FROM generations_kept WHERE kind = %s AND digest = %s"
PRUNE = "DELETE FROM generations_kept WHERE since < now() - make_interval(days => %s)"
FAST = 1


class KeptGenerations:
    """A row for each generation, compressed; written once, never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_table(self) -> None:
        """Creates the table unless it is there. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(TABLE)

    def save(self, kind: str, digest: str, content: bytes) -> None:
        """Keeps it from now on; saving it again changes nothing. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(SAVE, (kind, digest, zlib.compress(content, FAST)))

    def load(self, kind: str, digest: str) -> bytes | None:
        """What was saved under the digest; None for what was not, or is not kept any more. Raises ValueError where
        it is damaged, UnavailableError."""
        with self._database.connection() as connection:
            row = connection.execute(LOAD, (kind, digest)).fetchone()
        if row is None:
            return None
        content = zlib.decompress(row[0])
        if sha256(content).hexdigest() != digest:
            raise ValueError(f"{kind}: a kept generation is damaged")
        return content

    def prune(self, days: int) -> int:
        """Lets go of what is older; how many. Raises UnavailableError."""
        with self._database.connection() as connection:
            return connection.execute(PRUNE, (days,)).rowcount
