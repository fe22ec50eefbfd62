"""The clothing shop's clicks as payloads."""

import gzip
import json
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import pytest

from adapters.channels.channel import Delivery, Trust
from adapters.channels.segment import Segment
from adapters.channels.shopify import Shopify
from app.demo import eshop

SECRET = "a secret of the shop"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
HEADER = ",".join(eshop.Row._fields)
GOOD = "2008,4,1,1,29,1,1,5,1,5,1,28,2,1"


def test_the_file_is_whole() -> None:
    rows = list(eshop.csv_rows(eshop.DATA))
    assert len(rows) == 132_768
    assert len({row.session_id for row in rows}) == 19_477
    assert {eshop.sku(row) for row in rows} == {item.sku for item in eshop.catalogue()}
    assert eshop.last_day(rows) == date(2008, 7, 15)


def test_every_product_has_a_photo_and_a_few_are_sold_out() -> None:
    items = eshop.catalogue()
    assert len(items) == 217
    assert all((eshop.PHOTOS / f"{item.sku}.jpg").is_file() for item in items)
    assert 0 < sum(item.stock == 0 for item in items) < 20


def test_clicks_of_a_session_keep_their_order_and_stay_on_their_day() -> None:
    times: dict[str, list[str]] = {}
    for message in islice(eshop.segment_messages(eshop.csv_rows(eshop.DATA), shift_days=0), 20_000):
        times.setdefault(message["anonymousId"], []).append(message["timestamp"])
    assert all(sorted(moments) == moments and len(set(moments)) == len(moments) for moments in times.values())
    assert {moment[:10] for moments in times.values() for moment in moments} <= {
        f"2008-04-{d:02}" for d in range(1, 31)
    }


@pytest.mark.parametrize("today", [date(2026, 11, 23), date(2026, 11, 24), date(2027, 1, 1)])
def test_the_shift_is_of_whole_weeks_and_ends_yesterday_or_within_the_week_before(today: date) -> None:
    last = date(2008, 7, 15)
    shift = eshop.week_shift(last, today)
    assert shift % 7 == 0
    assert 1 <= (today - last).days - shift <= 7


def test_batches_are_small_enough_and_lose_nothing() -> None:
    messages = list(islice(eshop.segment_messages(eshop.csv_rows(eshop.DATA), shift_days=0), 2_345))
    bodies = list(eshop.batches(messages))
    assert all(len(body) <= 500 * 1024 for body in bodies)
    assert [m for body in bodies for m in json.loads(body)["batch"]] == messages


def test_all_of_it_is_taken_by_the_adapters() -> None:
    segment, shopify = Segment(), Shopify(SECRET.encode())
    body = next(eshop.batches(eshop.segment_messages(eshop.csv_rows(eshop.DATA), shift_days=0)))
    parsed = segment.parse(Delivery({}, body, NOW), Trust(True, True))
    assert len(parsed.commands) == 500 and not parsed.problems
    for sent in (*eshop.shopify_products(secret=SECRET), *eshop.shopify_inventory(secret=SECRET)):
        delivery = Delivery({name.lower(): value for name, value in sent.headers.items()}, sent.body, NOW)
        shopify.verify(delivery)
        taken = shopify.parse(delivery, Trust(True, True))
        assert taken.commands and not taken.problems


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (GOOD.replace("29", "Poland"), "line 3: country is not a whole number"),
        (GOOD.replace("2008,4", "2008,13"), "line 3: month is not within 1 … 12"),
        ("2008,4", "line 3: day is not a whole number"),
    ],
)
def test_a_bad_line_is_named_by_line_and_column(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "clicks.csv.gz"
    file.write_bytes(gzip.compress("\n".join([HEADER, GOOD, line]).encode()))
    with pytest.raises(ValueError, match=complaint):
        list(eshop.csv_rows(file))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text("year,month\n2008,4\n")
    with pytest.raises(ValueError, match="no column clothing_model"):
        list(eshop.csv_rows(file))
