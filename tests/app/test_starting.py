"""A process that stays waits for servers at its start, but not for ever, and not for what is wrong for good."""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from psycopg.errors import InsufficientPrivilege

from adapters.embedded import EmbeddedServerError, EmbeddedServers, NoAnswerError
from app.settings import Settings, SettingsError
from app.starting import started
from app.wiring import Wiring
from commands.ports import UnavailableError
from tests.app.looking import wait_for


class Away:
    """A server that does not answer so many times."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left, self.error, self.asked = times, error, 0

    def __call__(self, wiring: Wiring) -> None:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise self.error


def test_a_server_that_is_away_is_waited_for(wiring: Wiring) -> None:
    away = Away(2, UnavailableError("PostgreSQL does not answer"))
    with started(wiring.settings, away) as ready:
        assert ready.customers[0].head() == 0
    assert away.asked == 3


def test_in_the_end_it_says_what_is_wrong(wiring: Wiring) -> None:
    with (
        pytest.raises(UnavailableError, match="does not answer"),
        started(wiring.settings, Away(1_000, UnavailableError("Redis does not answer")), limit_s=0.5),
    ):
        raise AssertionError


@pytest.mark.parametrize(
    "wrong",
    [SettingsError("BESPOKE_KAFKA_BOOTSTRAP is not set"), InsufficientPrivilege("no CREATEDB"), PermissionError()],
)
def test_what_is_wrong_for_good_is_told_at_once(wiring: Wiring, wrong: Exception) -> None:
    away = Away(1, wrong)
    with pytest.raises(type(wrong)), started(wiring.settings, away):
        raise AssertionError
    assert away.asked == 1


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", postgres_url=None, redis_url=None)


def revive(owner: Wiring) -> None:
    """As ``up`` does: a server that was killed may need more than one attempt."""

    def revived() -> bool:
        with suppress(EmbeddedServerError):
            owner.revive_servers()
        return owner.servers.postgres.running

    wait_for(revived, limit_s=100)  # what was written is flushed first, which takes long on a busy disk


def test_a_server_that_is_restarted_is_waited_for(alone: Settings) -> None:
    with Wiring(alone) as owner:
        owner.provision()
        os.kill(owner.servers.postgres.pid or 0, signal.SIGKILL)
        with pytest.raises(NoAnswerError):
            EmbeddedServers(alone.var).start()
        restarting = threading.Thread(target=revive, args=(owner,))
        restarting.start()
        with started(alone, Wiring.bus, limit_s=120) as wiring:
            assert wiring.catalogue.head() == 0
        restarting.join()


def test_servers_that_stay_away_are_an_error_in_the_end(alone: Settings) -> None:
    with Wiring(alone) as owner:
        os.kill(owner.servers.valkey.pid or 0, signal.SIGKILL)
        with pytest.raises(NoAnswerError, match="do not answer"), started(alone, limit_s=0.5):
            pass
