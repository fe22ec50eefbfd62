"""When jobs are due: once each time, and what was missed once."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.jobs import Times
from app.jobs.clock import tick
from app.jobs.schedule import DAY_MS, FULL, HOUR_MS, INCREMENT, schedules
from app.wiring import Wiring

NOW = st.integers(0, 2**42)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


DUE = schedules(3, 20)


@settings(max_examples=60, deadline=None)
@given(NOW, st.integers(0, 23), st.integers(0, 59))
def test_due_at_the_hour_and_the_minute(now: int, hour: int, minute: int) -> None:
    daily, hourly = schedules(hour, minute)
    for each, every in ((daily, DAY_MS), (hourly, HOUR_MS)):
        assert now - every < each.latest(now) <= now < each.next(now) <= now + every
        at = datetime.fromtimestamp(each.latest(now) / 1000, UTC)
        assert (at.minute, at.second, at.microsecond) == (minute, 0, 0)
    assert datetime.fromtimestamp(daily.latest(now) / 1000, UTC).hour == hour


class Sent(list[tuple[str, int]]):
    """What was sent, by job and time."""

    def __call__(self, job: str, due_ms: int) -> None:
        self.append((job, due_ms))


@pytest.fixture
def times(wiring: Wiring) -> Times:
    return Times(wiring.redis, wiring.settings.namespace)


def test_each_is_sent_once_when_it_is_due(times: Times) -> None:
    sent = Sent()
    for clock in ("02:59", "03:19", "03:20", "03:21", "04:19", "04:20", "04:59", "05:20"):
        tick(DUE, ms(f"2026-03-29T{clock}"), times, sent)
    assert [job for job, _ in sent] == [FULL, FULL, INCREMENT, INCREMENT]
    assert [due for _, due in sent[1:]] == [ms(f"2026-03-29T0{hour}:20") for hour in (3, 4, 5)]


def test_what_was_missed_is_made_up_for_once(times: Times) -> None:
    sent = Sent()
    tick(DUE, ms("2026-03-01T12:00"), times, sent)
    sent.clear()
    assert tick(DUE, ms("2026-03-01T18:00"), times, sent) == [INCREMENT]
    assert sent == [(INCREMENT, ms("2026-03-01T17:20"))]
    assert tick(DUE, ms("2026-03-20T18:00"), times, sent) == [FULL]
    assert sent[1:] == [(FULL, ms("2026-03-20T03:20"))]
    assert tick(DUE, ms("2026-03-20T18:00"), times, sent) == []


def test_a_clock_that_goes_back_sends_nothing_again(times: Times) -> None:
    sent = Sent()
    tick(DUE, ms("2026-03-01T12:00"), times, sent)
    assert tick(DUE, ms("2026-02-28T12:00"), times, sent) == []


def test_what_could_not_be_sent_is_sent_the_next_time(times: Times) -> None:
    def refuse(job: str, due_ms: int) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        tick(DUE, ms("2026-03-01T12:00"), times, refuse)
    sent = Sent()
    assert tick(DUE, ms("2026-03-01T12:00"), times, sent) == [FULL]
