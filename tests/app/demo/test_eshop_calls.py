"""The shop's clicks as Segment calls: by time, each once, as the code book says."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from adapters.channels.channel import Delivery, Trust
from adapters.channels.segment import Segment
from app.demo import eshop

NOW = datetime(2008, 7, 16, tzinfo=UTC)
ROW = eshop.Row(2008, 4, 1, 1, 29, 1, 1, 5, 1, 5, 1, 28, 2, 1)


def messages(*rows: eshop.Row, shift_days: int = 0, click_s: int = eshop.CLICK_S) -> list[dict[str, Any]]:
    return list(eshop.segment_messages(rows, shift_days=shift_days, click_s=click_s))


def moment(message: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(message["timestamp"])


def bodies() -> Iterator[bytes]:
    return eshop.batches(eshop.segment_messages(eshop.csv_rows(eshop.DATA), shift_days=0))


@pytest.fixture(scope="module")
def rows() -> list[eshop.Row]:
    return list(eshop.csv_rows(eshop.DATA))


def test_every_click_is_a_call_of_its_own_by_time(rows: list[eshop.Row]) -> None:
    sent = messages(*rows)
    assert len({message["messageId"] for message in sent}) == len(rows)
    assert all(one["timestamp"] <= other["timestamp"] for one, other in pairwise(sent))


def test_clicks_stay_on_their_day_and_in_their_order(rows: list[eshop.Row]) -> None:
    days = {f"eshop-{row.session_id}-{row.order}": date(*row[:3]) for row in rows}
    last: dict[str, int] = {}
    for message in messages(*rows):
        assert moment(message).date() == days[message["messageId"]]
        order = int(message["messageId"].rpartition("-")[2])
        assert last.get(message["anonymousId"], 0) < order
        last[message["anonymousId"]] = order


def test_clicks_of_a_session_are_so_many_seconds_apart() -> None:
    first, second = messages(ROW, ROW._replace(order=2), click_s=30)
    assert timedelta(seconds=30) <= moment(second) - moment(first) < timedelta(seconds=31)


def test_the_longest_session_still_ends_on_its_day() -> None:
    orders = (1, 700, 701, eshop.MOST_CLICKS - 1, eshop.MOST_CLICKS)
    times = [moment(message) for message in messages(*(ROW._replace(order=order) for order in orders))]
    assert times == sorted(set(times))
    assert {time.date() for time in times} == {date(2008, 4, 1)}


def test_a_call_says_all_that_the_file_knows() -> None:
    (message,) = messages(ROW)
    assert (message["type"], message["event"]) == ("track", "Product Viewed")
    assert message["context"]["location"] == {"country": "Poland"}
    assert message["properties"] == {
        "product_id": "7000000000005",
        "sku": "M005",
        "name": "Beige trousers 5",
        "category": "Trousers",
        "variant": "beige",
        "price": 28,
        "currency": "USD",
        "position": 5,
    }


@pytest.mark.parametrize(
    ("code", "country"),
    [(1, "Australia"), (3, "Belgium"), (11, "Estonia"), (13, "Faroe Islands"), (31, "Romania"), (42, "USA")],
)
def test_a_country_goes_by_its_name_in_the_code_book(code: int, country: str) -> None:
    assert messages(ROW._replace(country=code))[0]["context"]["location"] == {"country": country}


@pytest.mark.parametrize("code", [12, 43, 44, 47, 999])
def test_where_the_code_book_names_no_country_none_is_said(code: int) -> None:
    assert "location" not in messages(ROW._replace(country=code))[0]["context"]


def test_names_are_those_of_the_code_book(shared: Path) -> None:
    book = (shared / "data/eshop_clothing_2008/UPSTREAM_description.txt").read_text(encoding="utf-8").splitlines()
    named = {f"{code}-{name}" for code, name in eshop.COUNTRIES.items()}
    assert named <= set(book) and len(named) == 41


def test_a_visitor_is_the_same_every_time_and_shows_no_session_number() -> None:
    assert eshop.visitor(19_463) == eshop.visitor(19_463) != eshop.visitor(19_464)
    assert len(eshop.visitor(19_463)) == 36 and "19463" not in eshop.visitor(19_463)


def test_a_shift_moves_the_clock_and_nothing_else() -> None:
    (here,), (moved,) = messages(ROW), messages(ROW, shift_days=700)
    assert moment(moved) - moment(here) == timedelta(days=700)
    assert {**here, "timestamp": None} == {**moved, "timestamp": None}


@pytest.mark.parametrize("days", range(15))
def test_whole_weeks_bring_the_end_to_yesterday_or_at_most_six_days_before(days: int) -> None:
    last, today = date(2008, 7, 15), date(2026, 11, 1) + timedelta(days=days)
    ends = last + timedelta(days=eshop.week_shift(last, today))
    assert 1 <= (today - ends).days <= 7
    assert ends.weekday() == last.weekday()


def test_a_set_that_ends_tomorrow_moves_back() -> None:
    assert eshop.week_shift(date(2026, 11, 2), date(2026, 11, 1)) == -7
    assert eshop.week_shift(date(2026, 10, 31), date(2026, 11, 1)) == 0


def test_batches_hold_every_call_once_and_keep_within_half_a_megabyte(rows: list[eshop.Row]) -> None:
    bodies = list(eshop.batches(eshop.segment_messages(rows, shift_days=0)))
    assert max(map(len, bodies)) < 500_000
    sizes = [len(json.loads(body)["batch"]) for body in bodies]
    assert set(sizes[:-1]) == {500} and sum(sizes) == len(rows)


def test_long_calls_make_short_batches() -> None:
    long = [{"text": "x" * 200_000, "number": number} for number in range(5)]
    bodies = [json.loads(body)["batch"] for body in eshop.batches(iter(long))]
    assert [len(body) for body in bodies] == [2, 2, 1]
    assert [message for body in bodies for message in body] == long
    assert list(eshop.batches([])) == []


def test_batches_are_made_as_they_are_asked_for() -> None:
    def endless() -> Iterator[eshop.Row]:
        for day in range(1, 31):
            yield from (ROW._replace(day=day, session_id=session) for session in range(1, 601))
        raise AssertionError("read to the end")

    assert len(list(islice(eshop.batches(eshop.segment_messages(endless(), shift_days=0)), 3))) == 3


def test_two_readings_agree_to_the_byte() -> None:
    one, two = (list(islice(bodies(), 8)) for _ in range(2))
    assert one == two


def test_the_segment_channel_takes_all_of_it() -> None:
    for body in islice(bodies(), 8):
        parsed = Segment().parse(Delivery({}, body, NOW), Trust(known_identifiers=False, backfill=True))
        assert (parsed.problems, parsed.skipped) == ([], 0)
        assert {index for index, _ in parsed.commands} == set(range(500))


def test_the_picked_visitors_are_what_their_labels_say(rows: list[eshop.Row]) -> None:
    said = {1: "trousers", 2: "skirts", 3: "blouses", 4: "on sale"}
    for session, label in eshop.PICKED.items():
        clicks = [row for row in rows if row.session_id == session]
        (category, most), *_ = Counter(row.main_category for row in clicks).most_common()
        assert f", {len(clicks)} clicks, " in label and label.endswith(said[category])
        assert ("mostly" in label) == (most < len(clicks)) or category == 4
        assert eshop.COUNTRIES[clicks[0].country] in label
