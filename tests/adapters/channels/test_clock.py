"""Which times are believed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.clock import Clock, parse
from adapters.channels.items import BadItemError

NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
CLOCK = Clock(NOW, backfill=False)


def refused(clock: Clock, text: str, *, history: bool = False) -> BadItemError:
    with pytest.raises(BadItemError) as bad:
        clock.read(text, "timestamp", history=history)
    assert bad.value.field == "timestamp"
    assert text not in str(bad.value)
    return bad.value


def test_nothing_said_is_the_time_of_receipt() -> None:
    assert CLOCK.read(None, "timestamp") == NOW


@pytest.mark.parametrize(
    "text",
    [
        "2025-06-15T10:00:00Z",
        "2025-06-15T12:00:00+02:00",
        "2025-06-15T10:00:00.000000",
        " 2025-06-15T10:00Z ",
    ],
)
def test_iso_8601_in_utc(text: str) -> None:
    read = CLOCK.read(text, "timestamp")
    assert read == NOW - timedelta(hours=2)
    assert read.tzinfo is UTC


def test_a_time_without_a_zone_is_in_the_clocks_own() -> None:
    clock = Clock(NOW, backfill=False, zone=ZoneInfo("America/New_York"))
    assert clock.read("2025-06-15T06:00:00", "timestamp") == NOW - timedelta(hours=2)


@pytest.mark.parametrize("text", ["1994-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "1900-06-01"])
def test_before_1995(text: str) -> None:
    assert refused(Clock(NOW, backfill=True), text).reason == "before 1995"


@pytest.mark.parametrize("text", ["2025-06-16T12:00:01Z", "9999-12-31T23:59:59-14:00", "2026-01-01"])
def test_more_than_a_day_ahead(text: str) -> None:
    assert refused(CLOCK, text).reason == "more than 24 hours ahead"


def test_a_day_ahead_is_believed() -> None:
    assert CLOCK.read("2025-06-16T12:00:00Z", "timestamp") == NOW + timedelta(days=1)


def test_older_than_30_days_needs_the_backfill_scope() -> None:
    old = "2025-05-16T11:59:59Z"
    assert refused(CLOCK, old).status == 403
    assert Clock(NOW, backfill=True).read(old, "timestamp").year == 2025
    assert CLOCK.read(old, "timestamp", history=True).year == 2025
    assert CLOCK.read("2025-05-16T12:00:00Z", "timestamp").day == 16


def test_history_is_not_believed_when_impossible() -> None:
    assert refused(CLOCK, "1994-01-01", history=True).reason == "before 1995"


@given(st.text(max_size=60))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        assert parse(text, "timestamp").tzinfo is UTC
    except BadItemError as bad:
        assert bad.field == "timestamp"
