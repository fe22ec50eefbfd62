"""A process that stays waits for servers at its start, but not for ever, and not for what is wrong for good."""

import pytest

from app.settings import Settings, SettingsError
from app.starting import started
from app.wiring import Wiring
from commands.ports import UnavailableError


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


def test_a_wrong_setting_is_told_at_once(settings: Settings, wiring: Wiring) -> None:
    away = Away(1, SettingsError("BESPOKE_KAFKA_BOOTSTRAP is not set"))
    with pytest.raises(SettingsError), started(wiring.settings, away):
        raise AssertionError
    assert away.asked == 1
