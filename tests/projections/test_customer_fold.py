"""The customer fold: the order of arrival is of no matter, repetition changes nothing."""

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.customer import Customer
from domain.values import Channel, Line
from projections.customer import apply
from projections.versions import GapError
from readmodels.customer import CustomerRecord, combine, decode, encode
from readmodels.features import cart_of
from tests.projections.facts import START, folded, histories, recorded, shuffle

RANDOMS = st.randoms(use_true_random=False)
FEW = settings(max_examples=120, deadline=None)


def fact(kind: type[Customer.Event], minute: int, source: str, **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"channel": Channel.WEB, **fields}
    return {"class": kind, "occurred_at": START + timedelta(minutes=minute), "source_id": source, **told}


def put(sku: str, minute: int, quantity: int = 1) -> dict[str, Any]:
    line = Line(sku=sku, quantity=quantity)
    return fact(Customer.AddedToCart, minute, f"{sku}{minute}", line=line)


def order(number: str, minute: int, source: str, channel: Channel = Channel.WEB) -> dict[str, Any]:
    lines = (Line(sku="A", price_cents=400, discount_cents=100),)
    money: dict[str, Any] = {"total_cents": 300, "currency": "USD", "lines": lines}
    return fact(Customer.OrderPlaced, minute, source, order_id=number, channel=channel, **money)


@FEW
@given(histories(), RANDOMS)
def test_shuffled_is_ordered(happened: list[dict[str, Any]], chance: random.Random) -> None:
    assert encode(folded(recorded(shuffle(happened, chance)))) == encode(folded(recorded(happened)))


@FEW
@given(histories())
def test_twice_is_once(happened: list[dict[str, Any]]) -> None:
    events = recorded(happened)
    record = folded(events)
    for event in events:
        assert apply(record, event) is record
    assert decode(encode(record)) == record


def test_a_gap_is_never_guessed() -> None:
    _, _, third = recorded([put("A", 1), put("B", 2), put("C", 3)])
    with pytest.raises(GapError):
        apply(CustomerRecord(), third)


def test_long_histories_keep_what_is_latest_in_whatever_order() -> None:
    views = [fact(Customer.ProductViewed, minute, f"v{minute}", sku=f"S{minute}") for minute in range(50)]
    record = folded(recorded(shuffle(views, random.Random(1))))
    assert [view.sku for view in record.views] == [f"S{minute}" for minute in range(49, 29, -1)]


def test_a_late_line_does_not_return_after_the_cart_was_cleared() -> None:
    assert cart_of(folded(recorded([order("1", 10, "o"), put("A", 5), put("B", 15)]))) == {"B": 1}


def test_a_sale_at_a_till_leaves_the_web_cart_alone() -> None:
    assert cart_of(folded(recorded([put("A", 5), order("1", 10, "o", Channel.STORE)]))) == {"A": 1}


def test_what_the_cart_is_replaced_by_counts_from_its_own_time() -> None:
    whole = fact(Customer.CartReplaced, 10, "c", lines=(Line(sku="X", quantity=2),))
    assert cart_of(folded(recorded([whole, put("A", 5), put("B", 15)]))) == {"X": 2, "B": 1}


def test_totals() -> None:
    back = fact(Customer.LinesReturned, 20, "r", order_id="1", return_id="r", refund_cents=50, currency="USD")
    (spend,) = folded(recorded([order("1", 1, "a"), order("2", 2, "b"), back])).spend
    assert (spend.orders, spend.total, spend.refunded, spend.listed, spend.discount) == (2, 600, 50, 800, 200)


def test_one_order_and_return_that_two_systems_report_count_once() -> None:
    back = fact(Customer.LinesReturned, 20, "r", order_id="1", return_id="r", refund_cents=50, currency="USD")
    web = folded(recorded([order(f"{n}", n, f"a{n}") for n in range(30)] + [back]))
    shop = folded(recorded([order(f"{n}", n, f"b{n}") for n in range(30)] + [{**back, "source_id": "r2"}]))
    (spend,) = combine([web, shop]).spend
    assert (spend.orders, spend.total, spend.refunded) == (30, 9000, 50)


@FEW
@given(histories(), RANDOMS)
def test_a_person_is_the_sum_of_their_streams(happened: list[dict[str, Any]], chance: random.Random) -> None:
    parts: list[list[dict[str, Any]]] = [[], [], []]
    for each in happened:
        chance.choice(parts).append(each)
    records = [folded(recorded(part)) for part in parts]
    whole, together = folded(recorded(happened)), combine(records)
    assert combine(shuffle(records, chance)) == together
    assert together == whole
