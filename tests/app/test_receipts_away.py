"""Receipts while PostgreSQL is really stopped: they wait on this machine, and all are stored later."""

from pathlib import Path

import pytest

from app.settings import Settings
from app.wiring import Wiring
from commands.ports import UnavailableError
from tests.adapters.receipts.test_receipts import decision
from tests.app.looking import wait_for


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", postgres_url=None, redis_url=None)


def test_none_is_lost_while_postgresql_is_stopped(alone: Settings) -> None:
    with Wiring(alone) as owner:
        owner.provision()
        keeper, before = owner.keeper(), [decision(5) for _ in range(20)]
        keeper.start()
        assert all(keeper.keep(one) for one in before)
        wait_for(lambda: keeper.waiting == 0)

        owner.servers.postgres.stop()
        meanwhile = [decision(5) for _ in range(200)]
        assert all(keeper.keep(one) for one in meanwhile)
        assert keeper.waiting == len(meanwhile)

        owner.servers.postgres.start()
        wait_for(lambda: keeper.waiting == 0, 60)
        ids = [one.decision_id for one in (*before, *meanwhile)]
        assert owner.receipts.some(ids).keys() == set(ids)
        keeper.close()


def test_who_ends_while_postgresql_is_stopped_leaves_them_to_the_next(alone: Settings) -> None:
    with Wiring(alone) as owner:
        owner.provision()
        owner.servers.postgres.stop()
        keeper, kept = owner.keeper(), [decision(5) for _ in range(30)]
        keeper.start()
        assert all(keeper.keep(one) for one in kept)
        keeper.close()
        with pytest.raises(UnavailableError):
            owner.mover().move()
        owner.servers.postgres.start()
        assert owner.mover().move() == len(kept)
        assert owner.spool().unstored_bytes() == 0
