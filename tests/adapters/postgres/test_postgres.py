"""Databases made once however many make them, and a server that is down told as such."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from adapters.embedded import EmbeddedPostgres
from adapters.embedded.sockets import socket_folder
from adapters.postgres import Database, connection_parts, database_url, ensure_database, provisioning
from app.wiring import Wiring
from commands.ports import UnavailableError

NOWHERE = "postgresql://nobody:secretword@127.0.0.1:1/none"


@pytest.fixture
def name(servers: Wiring) -> Iterator[str]:
    """A database's name, dropped afterwards."""
    made = f"test_{uuid4().hex[:12]}"
    yield made
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(made)))


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that the test may stop."""
    sockets = socket_folder(tmp_path)
    sockets.mkdir(mode=0o700)
    server = EmbeddedPostgres(tmp_path / "postgres", sockets)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        sockets.rmdir()


def test_eight_at_once_make_one_database(servers: Wiring, name: str) -> None:
    together = threading.Barrier(8)

    def make(_: int) -> None:
        together.wait(10)
        with provisioning(servers.postgres_url) as connection:
            ensure_database(connection, name)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make, range(8)))
    with psycopg.connect(database_url(servers.postgres_url, name)) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (name,)


def test_provisioning_twice_is_once(wiring: Wiring) -> None:
    stream = wiring.directory.claim([])
    wiring.provision()
    wiring.provision()
    assert (stream, wiring.customers[0].head(), wiring.catalogue.head()) == ({}, 0, 0)


def test_another_database_of_the_same_server() -> None:
    url = database_url("postgresql://me:word@db.example:6000/one?connect_timeout=3", "two words")
    parts = connection_parts(url)
    expected = {"host": "db.example", "port": "6000", "user": "me", "password": "word", "dbname": "two words"}
    assert parts.items() >= expected.items()


def test_what_a_url_leaves_out_is_as_libpq_has_it() -> None:
    assert connection_parts("postgresql:///x")["port"] == "5432"
    assert connection_parts("")["dbname"] == "postgres"


def test_no_server_is_one_error_that_tells_no_password() -> None:
    database = Database(NOWHERE, timeout=0.5)
    began = time.monotonic()
    with pytest.raises(UnavailableError) as pooled, database.connection():
        raise AssertionError
    with pytest.raises(UnavailableError) as single, provisioning(NOWHERE):
        raise AssertionError
    assert time.monotonic() - began < 10
    assert not any("secretword" in str(error.value) for error in (pooled, single))
    database.close()


def test_a_restarted_server_costs_no_request(own_server: EmbeddedPostgres) -> None:
    database = Database(own_server.url, timeout=1.0)
    with database.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    own_server.stop()
    with pytest.raises(UnavailableError), database.connection() as connection:
        connection.execute("SELECT 1")
    own_server.start()
    for _ in range(5):
        with database.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    database.close()


def test_an_error_of_the_statement_is_not_a_server_that_is_down(servers: Wiring) -> None:
    database = Database(servers.postgres_url)
    with pytest.raises(psycopg.errors.UndefinedTable), database.connection() as connection:
        connection.execute("SELECT * FROM nowhere")
    with database.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    database.close()
