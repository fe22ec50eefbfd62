"""Who the servers run as, and what that account is let into."""

import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.embedded import EmbeddedServerError, EmbeddedServers
from adapters.embedded.account import Account
from adapters.embedded.sockets import socket_folder

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="changes users, which only root may")


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A folder of the user `nobody`, which can reach it."""
    with tempfile.TemporaryDirectory(prefix="bespoke test ") as folder:
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        yield Path(folder)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@root_only
def test_root_lends_an_account_without_rights_and_lets_it_pass_only(var: Path) -> None:
    var.parent.mkdir(mode=0o700)
    with EmbeddedServers(var) as servers:
        for pid in (servers.postgres.pid, servers.valkey.pid):
            assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert mode(var.parent) == 0o701
        assert (mode(var), mode(var / "postgres"), mode(var / "valkey")) == (0o701, 0o700, 0o700)
        assert (mode(servers.postgres.log_file), mode(servers.valkey.log_file)) == (0o600, 0o600)


@root_only
def test_a_normal_user_serves_as_itself_and_root_serves_its_data_as_that_user(
    theirs: Path, hold: Callable[..., Any]
) -> None:
    user = pwd.getpwnam("nobody").pw_uid
    for name in ("nobody", "-", "nobody"):
        holder = hold(theirs / "var", user=name)
        said = holder.says()
        assert Path(f"/proc/{said['postgres']}").stat().st_uid == user
        assert Path(f"/proc/{said['valkey']}").stat().st_uid == user
        assert holder.stop() == "stopped\n"


@root_only
def test_a_socket_folder_of_another_user_is_refused(var: Path) -> None:
    planted = socket_folder(var)
    planted.mkdir()
    os.chown(planted, 54321, 54321)
    try:
        with pytest.raises(EmbeddedServerError, match="belongs to another user"):
            EmbeddedServers(var).start()
    finally:
        planted.rmdir()


@root_only
def test_a_folder_that_cannot_be_opened_up_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    def refuse(self: Path, rights: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    account = Account.serving(closed / "postgres")
    account.reach(closed)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(EmbeddedServerError, match=f"chmod o\\+x '{closed}'"):
        account.reach(closed / "postgres")


@root_only
def test_programs_installed_for_root_alone_are_opened_to_the_account(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir(mode=0o700)
    for name, rights in (("bin/server", 0o700), ("bin/data", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(rights)
    Account.serving(tmp_path / "none").use_programs(tmp_path / "bin")
    assert [mode(tmp_path / name) for name in ("bin", "bin/server", "bin/data")] == [0o705, 0o705, 0o604]


def test_a_process_that_has_the_number_of_a_dead_server_is_left_alone(var: Path) -> None:
    with EmbeddedServers(var):
        pass
    account = Account.serving(var / "postgres")
    other = subprocess.Popen(
        ["cat"],
        stdin=subprocess.PIPE,
        user=account.user,
        group=account.group,
        extra_groups=account.extra_groups,
    )
    (var / "postgres" / "postmaster.pid").write_text(f"{other.pid}\n{var / 'postgres'}\n1700000000\n5432\n")
    (var / "valkey" / "valkey.pid").write_text(f"{other.pid}\n")
    with EmbeddedServers(var) as servers:
        assert servers.postgres.running and servers.valkey.running
        assert other.poll() is None
    other.communicate()
