"""Times from outside, and what a moment keeps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.customer import Customer
from domain.erased import Erased
from domain.values import Channel
from queries.moment import WRITTEN_AS, Moment, happened_at, read_time
from tests.projections.facts import START, recorded

SEEN = {"class": Customer.Seen, "occurred_at": START, "channel": Channel.WEB, "source_id": "s"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-03-01T12:00:00Z", START),
        ("2026-03-01T14:00:00+02:00", START),
        ("2026-03-01 12:00+00:00", START),
        ("20260301T120000Z", START),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_a_time_is_read_to_utc(text: str, read: datetime) -> None:
    assert read_time(text) == read
    assert read_time(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-03-01",
        "2026-03-01T12:00:00",
        "2026-03-01T12:00:00 02:00",
        "2026-02-30T12:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "10000-01-01T00:00:00Z",
        "1772366400",
        "2026-03-01T12:00:00Z" + " " * 40,
        "\x00",
        "\ud800",
    ],
)
def test_what_is_none_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        read_time(text)
    assert str(refusal.value) == WRITTEN_AS


@given(st.text(max_size=60))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        assert 1970 <= read_time(text).year <= 9999
    except ValueError as refusal:
        assert str(refusal) == WRITTEN_AS


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()))
def test_what_was_written_is_read(when: datetime) -> None:
    try:
        assert read_time(when.isoformat()) == when.astimezone(UTC)
    except ValueError:
        assert len(when.isoformat()) > 32  # offsets of before there were time zones have seconds, and fractions of them


def test_both_times_are_included() -> None:
    (seen,) = recorded([SEEN | {"occurred_at": START - timedelta(days=3)}])
    tick = timedelta(microseconds=1)
    assert Moment(START - timedelta(days=3), START).counts(seen)
    assert not Moment(START - timedelta(days=3) - tick, START).counts(seen)
    assert not Moment(START - timedelta(days=3), START - tick).counts(seen)
    assert Moment().counts(seen)


def test_an_erased_event_happened_when_the_ledger_says_or_else_when_it_was_recorded() -> None:
    (seen,) = recorded([SEEN])
    gone = {"originator_id": seen.originator_id, "originator_version": 1, "timestamp": START, "topic": "customer.seen"}
    assert happened_at(Erased.model_validate(gone | {"ledger": {}})) == START
    kept = Erased.model_validate(gone | {"ledger": {"occurred_at": "2026-02-01T00:00:00.5Z"}})
    assert happened_at(kept) == datetime(2026, 2, 1, 0, 0, 0, 500_000, tzinfo=UTC)
