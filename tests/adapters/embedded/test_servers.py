"""The embedded servers on one folder: start, join, stop, and what a kill leaves behind."""

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from adapters.embedded import EmbeddedServerError, EmbeddedServers
from adapters.embedded.sockets import socket_folder

Hold = Callable[..., Any]
Gone = Callable[[int | None], bool]


def write(servers: EmbeddedServers) -> None:
    with psycopg.connect(servers.postgres_url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('kept')")
    with redis.Redis.from_url(servers.redis_url) as client:
        client.set("kept", "kept")
        assert client.waitaof(1, 0, 5000)[0] == 1


def read(postgres_url: str, redis_url: str) -> tuple[Any, Any]:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    with redis.Redis.from_url(redis_url) as client:
        return row, client.get("kept")


def ask(servers: EmbeddedServers, setting: str) -> str:
    with psycopg.connect(servers.postgres_url) as connection:
        row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("above", ["plain", "with a space", "x" * 200 + "/" + "y" * 200])
def test_starts_on_any_path_and_leaves_nothing(tmp_path: Path, above: str, gone: Gone) -> None:
    with EmbeddedServers(tmp_path / above / "var") as servers:
        assert servers.owned
        assert servers.postgres.running and servers.valkey.running
        pids, sockets = (servers.postgres.pid, servers.valkey.pid), servers.postgres.socket_dir
        assert ask(servers, "server_version_num").startswith("18")
    assert all(gone(pid) for pid in pids)
    assert not sockets.exists()


def test_data_survives_restarts(var: Path) -> None:
    with EmbeddedServers(var) as servers:
        write(servers)
    for _ in range(2):
        with EmbeddedServers(var) as servers:
            assert read(servers.postgres_url, servers.redis_url) == (("kept",), b"kept")


def test_nothing_listens_on_the_network_and_nothing_is_lost(var: Path) -> None:
    with EmbeddedServers(var) as servers, redis.Redis.from_url(servers.redis_url) as client:
        assert (ask(servers, "listen_addresses"), ask(servers, "fsync")) == ("", "on")
        wanted = {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        assert client.config_get(*wanted) == wanted
        for name in ("valkey.sock", ".s.PGSQL.5432"):
            assert stat.S_IMODE((servers.postgres.socket_dir / name).stat().st_mode) == 0o700
        assert stat.S_IMODE(servers.postgres.socket_dir.stat().st_mode) == 0o700


def test_an_error_does_not_put_the_row_into_the_log(var: Path) -> None:
    with EmbeddedServers(var) as servers:
        with psycopg.connect(servers.postgres_url) as connection, pytest.raises(psycopg.Error):
            connection.execute("SELECT 'canary@example.org'::int")
        assert "canary" not in servers.postgres.log_file.read_text()


def test_a_second_process_joins_and_does_not_stop_what_it_joined(var: Path, hold: Hold, gone: Gone) -> None:
    owner = hold()
    said = owner.says()
    with EmbeddedServers(var) as joined:
        assert said["owned"] and not joined.owned
        assert (joined.postgres.pid, joined.valkey.pid) == (said["postgres"], said["valkey"])
        write(joined)
    assert read(said["postgres_url"], said["redis_url"]) == (("kept",), b"kept")
    assert owner.stop() == "stopped\n"
    assert gone(said["postgres"]) and gone(said["valkey"])


def test_of_two_that_start_together_one_owns(hold: Hold) -> None:
    holders = [hold(), hold()]
    said = [holder.says() for holder in holders]
    assert sorted(one["owned"] for one in said) == [False, True]
    assert said[0]["postgres"] == said[1]["postgres"] and said[0]["valkey"] == said[1]["valkey"]


def test_attaching_waits_for_an_owner(var: Path, hold: Hold) -> None:
    with pytest.raises(EmbeddedServerError, match="bespoke servers"):
        EmbeddedServers(var).attach(limit_s=0)
    owner, servers = hold(), EmbeddedServers(var)
    servers.attach()
    assert servers.postgres.pid == owner.says()["postgres"] and not servers.owned
    servers.stop()


def test_killed_owner_takes_its_servers_along_and_the_next_finds_the_data(var: Path, hold: Hold, gone: Gone) -> None:
    with EmbeddedServers(var) as servers:
        write(servers)
    owner = hold()
    said = owner.says()
    owner.kill()
    assert gone(said["postgres"]) and gone(said["valkey"])
    with EmbeddedServers(var) as servers:
        assert servers.owned
        assert read(servers.postgres_url, servers.redis_url) == (("kept",), b"kept")


def test_servers_that_outlive_their_owner_are_replaced(var: Path, hold: Hold, gone: Gone) -> None:
    owner = hold(where="thread")
    said = owner.says()
    owner.kill()
    assert Path(f"/proc/{said['postgres']}").exists() and Path(f"/proc/{said['valkey']}").exists()
    with EmbeddedServers(var) as servers:
        assert servers.owned and servers.postgres.running and servers.valkey.running
        assert servers.postgres.pid != said["postgres"] and servers.valkey.pid != said["valkey"]
        assert gone(said["postgres"]) and gone(said["valkey"])


def test_killed_servers_recover(var: Path) -> None:
    servers = EmbeddedServers(var)
    servers.start()
    write(servers)
    for pid in (servers.postgres.pid, servers.valkey.pid):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    servers.stop()
    with servers:
        assert read(servers.postgres_url, servers.redis_url) == (("kept",), b"kept")


def test_a_killed_server_starts_although_others_have_its_number_now(var: Path) -> None:
    with EmbeddedServers(var) as servers:
        postgres = servers.postgres
        os.kill(postgres.pid or 0, signal.SIGKILL)
        while postgres.pid is not None:
            pass
        for lock_file in (postgres.data_dir / "postmaster.pid", postgres.socket_dir / ".s.PGSQL.5432.lock"):
            _, rest = lock_file.read_text().split("\n", 1)
            lock_file.write_text(f"{servers.valkey.pid}\n{rest}")
        postgres.start()
        assert postgres.running


def test_ctrl_c_in_the_terminal_reaches_the_owner_alone(hold: Hold) -> None:
    owner = hold()
    said = owner.says()
    os.killpg(owner.process.pid, signal.SIGINT)
    for name in ("postgres", "valkey"):
        assert os.getpgid(said[name]) != os.getpgid(owner.process.pid)
        assert os.getsid(said[name]) != os.getsid(owner.process.pid)
    with psycopg.connect(said["postgres_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert owner.stop() == "stopped\n"


def test_a_forked_child_neither_owns_nor_stops(var: Path) -> None:
    with EmbeddedServers(var) as servers:
        child = os.fork()
        if child == 0:
            owned = servers.owned
            servers.stop()
            os._exit(int(owned))
        assert os.waitpid(child, 0)[1] == 0
        assert servers.owned and servers.postgres.running and servers.valkey.running


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(var: Path) -> None:
    (var / "postgres").mkdir(parents=True)
    (var / "postgres" / "letter.txt").write_text("dear")
    servers = EmbeddedServers(var)
    with pytest.raises(EmbeddedServerError, match="not PostgreSQL's"):
        servers.start()
    assert (var / "postgres" / "letter.txt").read_text() == "dear"
    assert not servers.owned and not (var / "valkey" / "valkey.pid").exists()


def test_a_link_planted_for_the_sockets_is_refused(var: Path, tmp_path: Path) -> None:
    planted = socket_folder(var)
    planted.symlink_to(tmp_path)
    try:
        with pytest.raises(EmbeddedServerError, match="Cannot use the folder"):
            EmbeddedServers(var).start()
    finally:
        planted.unlink()


def test_using_servers_before_their_start_is_an_error(var: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="not been started"):
        _ = EmbeddedServers(var).postgres_url
