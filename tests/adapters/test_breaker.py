"""Circuit breakers, by a clock of their own."""

import pytest

from adapters.breaker import Breaker, State


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, pause_s=1.0, clock=clock)


def test_it_opens_after_failures_in_a_row_only(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert (breaker.state, breaker.allows(), breaker.opened) == (State.CLOSED, True, 0)
    for _ in range(3):
        breaker.failed()
    assert (breaker.state, breaker.allows(), breaker.opened) == (State.OPEN, False, 1)


def test_after_the_pause_one_tries_for_all(breaker: Breaker, clock: Clock) -> None:
    breaker.trip()
    clock.now += 1.0
    assert breaker.state == State.HALF_OPEN
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.failed()
    assert (breaker.state, breaker.opened) == (State.OPEN, 1)
    clock.now += 1.0
    assert breaker.allows()
    breaker.succeeded()
    assert (breaker.state, breaker.allows()) == (State.CLOSED, True)


def test_a_trial_of_which_nothing_is_heard_is_followed_by_another(breaker: Breaker, clock: Clock) -> None:
    breaker.trip()
    clock.now += 1.0
    assert breaker.allows()
    clock.now += 1.0
    assert breaker.allows()
