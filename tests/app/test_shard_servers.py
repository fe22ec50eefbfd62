"""Shards on PostgreSQL servers of their own."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from psycopg import connect
from pydantic import SecretStr

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.sockets import socket_folder
from adapters.eventlog.topology import begin
from app.projecting import folding, runners
from app.settings import Settings, SettingsError
from app.sharding.reshard import abort, reshard
from app.wiring import Wiring
from tests.app.looking import wait_for
from tests.app.test_cli import answered, bespoke
from tests.app.test_rebuild import assert_as_rebuilt
from tests.app.test_reshard import Writer, assert_once, write
from tests.namespaces import namespace


@pytest.fixture(scope="module")
def urls() -> Iterator[list[str]]:
    """Two servers beside the one of all tests."""
    with TemporaryDirectory(prefix="bespoke-shards-") as folder, ExitStack() as stack:
        found = []
        for name in ("a", "b"):
            above = Path(folder) / name
            above.mkdir()
            server = EmbeddedPostgres(above / "postgres", socket_folder(above))
            server.start()
            stack.callback(server.stop)
            found.append(server.url)
        yield found


@pytest.fixture
def apart(servers: Wiring, settings: Settings, urls: list[str]) -> Iterator[Wiring]:
    """A namespace whose four shards lie on two servers in turn."""
    with namespace(settings, shards=4, shard_urls=SecretStr(", ".join(urls))) as built:
        yield built


def events_on(url: str, wiring: Wiring) -> list[int]:
    """How many events each shard on a server has."""
    with connect(url, dbname=wiring.database("log")) as connection:
        found = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname ~ 'shard_[0-9]+$' ORDER BY nspname"
        ).fetchall()
        counts = [connection.execute(f"SELECT count(*) FROM {name}.log_events").fetchone() for (name,) in found]
    return [int(count[0]) for count in counts if count]


def test_a_new_log_lies_on_the_servers_in_turn(apart: Wiring, urls: list[str]) -> None:
    write(apart, range(200))
    assert_once(apart, 200)
    assert [len(events_on(url, apart)) for url in urls] == [2, 2]
    assert all(count for url in urls for count in events_on(url, apart))
    assert events_on(apart.postgres_url, apart) == []
    runners.catch_up(apart, folding.start_generation(apart))
    assert_as_rebuilt(apart)


def test_a_log_moves_to_other_servers_and_back_under_load(wiring: Wiring, urls: list[str]) -> None:
    spread = wiring.settings.model_copy(update={"shard_urls": SecretStr(",".join(urls))})
    with Wiring(spread) as apart:
        with apart.shards.watched(), Writer(apart).writing() as writer:
            with Wiring(spread) as elsewhere:
                assert reshard(elsewhere, 3, drop_old=True).moved
            wait_for(lambda: len(apart.customers) == 3)
            before = writer.acknowledged
            wait_for(lambda: writer.acknowledged > before + 100)
        assert_once(apart, writer.acknowledged)
        assert [len(events_on(url, apart)) for url in urls] == [2, 1]
        runners.catch_up(apart, folding.start_generation(apart))
        assert_as_rebuilt(apart)
        reshard_back(wiring, apart, writer.acknowledged)


def reshard_back(wiring: Wiring, apart: Wiring, acknowledged: int) -> None:
    """Without the setting the shards cannot be read, let alone moved; with it, a number of them can be."""
    with pytest.raises(SettingsError, match="BESPOKE_SHARD_URLS"):
        reshard(wiring, 1)
    assert reshard(apart, 1, drop_old=True).dropped == 3
    assert_once(apart, acknowledged)


def test_servers_in_another_order_are_noticed(apart: Wiring, urls: list[str]) -> None:
    write(apart, range(50))
    other = apart.settings.model_copy(update={"shard_urls": SecretStr(",".join(reversed(urls)))})
    with Wiring(other) as confused, pytest.raises(SettingsError, match="BESPOKE_SHARD_URLS"):
        confused.provision()


def test_a_new_server_that_is_gone_again_is_forgotten(wiring: Wiring, urls: list[str]) -> None:
    write(wiring, range(20))
    with connect(wiring.place(wiring.layout(), 0).url, autocommit=True) as connection:
        begin(connection, (0, 1))
    assert abort(wiring) is True
    assert reshard(wiring, 2).moved
    assert_once(wiring, 20)


def test_the_command(wiring: Wiring) -> None:
    settings = wiring.settings
    write(wiring, range(20))
    done = answered(bespoke("reshard", "--to", "2", "--drop-old", "--json", settings=settings))
    assert done.pop("closed_s") >= 0
    events, generation = done.pop("events"), done.pop("generation")
    assert (events > 20, generation > 0) == (True, True)
    assert done == {"epoch": 2, "shards": 2, "moved": True, "mended": 0, "dropped": 1}
    again = bespoke("reshard", "--to", "2", settings=settings)
    assert again.stdout == "The log has 2 shards already, on these servers.\n"
    assert answered(bespoke("reshard", "--abort", "--json", settings=settings)) == {"aborted": False}
    assert bespoke("reshard", settings=settings).returncode == 2
    hint = bespoke("project", "--json", settings=settings, BESPOKE_SHARDS="5")
    assert hint.returncode == 0
    assert "BESPOKE_SHARDS is 5, but this log has 2 shards. To change that: bespoke reshard --to 5" in hint.stderr
    assert_after(wiring)
    away = bespoke("reshard", "--to", "3", settings=settings, BESPOKE_SHARD_URLS="postgresql:///x?host=/nowhere")
    assert (away.returncode, away.stdout) == (1, "")
    assert away.stderr.strip() == "bespoke: server 1 of BESPOKE_SHARD_URLS does not answer"
    assert_after(wiring)


def assert_after(wiring: Wiring) -> None:
    """The log is open, with all that was in it."""
    wiring.shards.refresh()
    write(wiring, range(40))
    assert_once(wiring, 20)
