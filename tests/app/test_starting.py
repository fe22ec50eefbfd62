"""A process that stays waits for servers that are away when it starts."""

import os
import signal
import threading
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedServers, NoAnswerError
from app.settings import Settings
from app.starting import started
from app.wiring import Wiring


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", postgres_url=None, redis_url=None)


def test_a_server_that_is_restarted_is_waited_for(alone: Settings) -> None:
    with Wiring(alone) as owner:
        owner.provision()
        os.kill(owner.servers.postgres.pid or 0, signal.SIGKILL)
        with pytest.raises(NoAnswerError):
            EmbeddedServers(alone.var).start()
        restarting = threading.Thread(target=owner.revive_servers)
        restarting.start()
        with started(alone, Wiring.bus, limit_s=60) as wiring:
            assert wiring.catalogue.head() == 0
        restarting.join()


def test_servers_that_stay_away_are_an_error_in_the_end(alone: Settings) -> None:
    with Wiring(alone) as owner:
        os.kill(owner.servers.valkey.pid or 0, signal.SIGKILL)
        with pytest.raises(NoAnswerError, match="do not answer"), started(alone, limit_s=0.5):
            pass
