"""A database that is thrown away."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from adapters.postgres import Database, database_url, ensure_database


@contextmanager
def database(server: str) -> Iterator[str]:
    """Its URL; it is dropped afterwards, whoever is still connected."""
    name = f"t_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        ensure_database(connection, name)
        try:
            yield database_url(server, name)
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Connections of its own, as another process has them."""
    pool = Database(url)
    try:
        yield pool
    finally:
        pool.close()
