"""PostgreSQL, as all stores on it use it: databases made on demand, pooled connections, one error for "down"."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from commands.ports import UnavailableError

Connection = psycopg.Connection[tuple[Any, ...]]
#: A pool that keeps trying waits longer each time; one that gives up soon tries at once for the next caller.
RECONNECT_S = 1.0
CONNECTION_PARTS = {"host": "localhost", "port": "5432", "user": "postgres", "password": "", "dbname": "postgres"}
PROVISION_LOCK = 0x62657370  # "besp": one process at a time creates tables


def database_url(server: str, database: str) -> str:
    """The same server, another database."""
    return make_conninfo(server, dbname=database)


def connection_parts(url: str) -> dict[str, str]:
    """All parts of a connection string; those of ``CONNECTION_PARTS`` are always there."""
    return CONNECTION_PARTS | {k: str(v) for k, v in conninfo_to_dict(url).items() if v is not None}


@contextmanager
def provisioning(server: str) -> Iterator[Connection]:
    """A connection that holds the one lock under which databases and tables are made. Raises UnavailableError."""
    try:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (PROVISION_LOCK,))
            yield connection
    except psycopg.OperationalError as error:
        raise UnavailableError("PostgreSQL does not answer") from error


def ensure_database(connection: Connection, name: str) -> None:
    """Creates a database unless it exists. The role needs CREATEDB, or an administrator creates it beforehand."""
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


class Database:
    """A small pool on one database."""

    def __init__(self, url: str, *, size: int = 4, timeout: float = 3.0) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=1,
            max_size=size,
            timeout=timeout,
            reconnect_timeout=RECONNECT_S,
            open=False,
            kwargs={"autocommit": True},
            check=ConnectionPool.check_connection,  # so that a restarted server costs no request
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A pooled connection in autocommit mode. Raises UnavailableError when the server is down."""
        try:
            self._pool.open()
            with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise UnavailableError("PostgreSQL does not answer") from error

    def close(self) -> None:
        """Gives all connections back."""
        self._pool.close()
