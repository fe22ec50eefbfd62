"""The profile at its edges: boundaries of a session, of prices and of carts; what is hidden and how it is ordered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.customer import Customer
from domain.event import Event
from domain.values import Channel, Line
from ml.nextitem.data import SESSION_GAP_MS
from queries.customer import (
    cart_of,
    context,
    demographics,
    discount_affinity,
    favourites,
    intent,
    moment,
    price_sensitivity,
    sizes,
)
from queries.timeline import timeline
from readmodels.customer import CartEntry, Consent, CustomerRecord, Latest, Purchase, Spend, View, latest
from tests.projections.facts import START
from tests.queries.serving import recommend
from tests.queries.test_recommend import SKUS, shop, skus

NOW = 10 * SESSION_GAP_MS
GONE = NOW - SESSION_GAP_MS
CART = (CartEntry(NOW, 0, 0, "A", 1),)
CHANGES = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(-3, 3).filter(bool)), max_size=20)


@settings(max_examples=100, deadline=None)
@given(CHANGES)
def test_a_cart_is_its_changes_in_the_order_they_happened(changes: list[tuple[str, int]]) -> None:
    expected: dict[str, int] = {}
    for sku, pieces in changes:
        expected[sku] = max(expected.get(sku, 0) + pieces, 0)
    entries = [CartEntry(at, 0, 0, sku, pieces) for at, (sku, pieces) in enumerate(changes)]
    found = cart_of(CustomerRecord(cart=latest(entries, 64)))
    assert found == {sku: pieces for sku, pieces in expected.items() if pieces}
    shown = {item.sku for item in recommend(shop(), CustomerRecord(cart=latest(entries, 64)), limit=9)}
    assert shown == set(SKUS) - found.keys()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (CustomerRecord(last_at=NOW, checkout_at=NOW, cart_cleared=(NOW, 5)), "none"),
        (CustomerRecord(last_at=NOW, checkout_at=NOW, cart_cleared=(NOW - 1, 5)), "checking_out"),
        (CustomerRecord(last_at=NOW, checkout_at=GONE), "none"),
        (CustomerRecord(last_at=NOW, checkout_at=GONE + 1), "checking_out"),
        (CustomerRecord(last_at=NOW, checkout_at=NOW, cart=CART), "checking_out"),
        (CustomerRecord(last_at=NOW, searched_at=NOW, cart=CART), "buying"),
        (CustomerRecord(last_at=NOW, cart=(CartEntry(GONE, 0, 0, "A", 1),)), "none"),
        (CustomerRecord(last_at=NOW, cart=(CartEntry(NOW, 0, 0, "A", -1), CartEntry(GONE, 0, 0, "A", 1))), "none"),
        (CustomerRecord(last_at=NOW, views=(View(GONE, 0, "A", "Sale"),)), "none"),
        (CustomerRecord(last_at=NOW, views=(View(GONE + 1, 0, "A", "Sale"),)), "browsing_sale"),
        (CustomerRecord(last_at=NOW, views=(View(NOW, 0, "A"),)), "none"),
        (CustomerRecord(last_at=NOW, browsed=Latest(GONE, 0, "Sale")), "none"),
        (CustomerRecord(last_at=NOW, browsed=Latest(NOW, 0, "Summer Sale"), searched_at=NOW), "browsing_summer_sale"),
        (CustomerRecord(last_at=NOW, searched_at=GONE), "none"),
    ],
)
def test_intent_is_of_the_latest_session_alone(record: CustomerRecord, expected: str) -> None:
    assert intent(record) == expected


@pytest.mark.parametrize(
    ("bought", "told"), [(799, "high"), (800, "medium"), (1000, "medium"), (1001, "low"), (None, "unknown")]
)
def test_price_sensitivity_has_its_limits(bought: int | None, told: str) -> None:
    purchases = (Purchase(1, 0, 0, "B", 1, cents=bought), Purchase(1, 0, 1, "C", 1))
    record = CustomerRecord(views=(View(1, 0, "A", cents=900), View(1, 1, "B", cents=1100)), purchases=purchases)
    assert price_sensitivity(record) == told


def test_favourites_are_three_by_weight_then_by_name() -> None:
    views = tuple(View(n, 0, "A", name) for n, name in enumerate(["Bags", "Tops", "Tops", "Belts", "Caps", None]))
    record = CustomerRecord(views=views, purchases=(Purchase(1, 0, 0, "A", 1, "Caps"),))
    assert favourites(record, "category") == ["Caps", "Tops", "Bags"]
    assert favourites(record, "brand") == []


def test_the_size_bought_last_is_the_size() -> None:
    lines = (Purchase(9, 0, 0, "A", 1, "Tops", size="L"), Purchase(5, 0, 0, "A", 1, "Tops", size="M"))
    assert sizes(CustomerRecord(purchases=(*lines, Purchase(1, 0, 0, "B", 1, None, size="42")))) == {
        "Tops": "L",
        "other": "42",
    }


@pytest.mark.parametrize(("listed", "discount", "share"), [(0, 5, None), (300, 100, 0.33), (100, 250, 1.0), (9, 0, 0)])
def test_a_discount_is_a_share_of_list_prices(listed: int, discount: int, share: float | None) -> None:
    assert discount_affinity(CustomerRecord(spend=(Spend("USD", 1, listed=listed, discount=discount),))) == share


def test_the_moment_s_context_and_bands_are_only_what_was_told() -> None:
    told = {"home": Latest(1, 0, "Rome, IT"), "channel": Latest(1, 0, "web"), "location": Latest(1, 0, "Bari")}
    record = CustomerRecord(context=told, cart=CART)
    assert demographics(record) == {"location": "Rome, IT"}
    found = context(record, {})
    assert (found["location"], found["channel"], "device" in found) == ("Bari", "web", False)
    assert found["cart_items"] == [{"sku": "A", "quantity": 1, "title": None}]
    assert (moment(0), moment(1_772_366_400_999)) == (None, "2026-03-01T12:00:00+00:00")


@pytest.mark.parametrize("medium", ["", "web", "email"])
def test_consent_withdrawn_in_any_medium_is_withdrawn(medium: str) -> None:
    looked = (View(2, 0, "A"),)
    no = Consent("personalisation", medium, 1, 0, False, "consent", "1")
    yes = Consent("personalisation", "mobile", 9, 0, True, "consent", "1")
    assert skus(CustomerRecord(views=looked, consent=(no, yes))) == skus(CustomerRecord())
    assert skus(CustomerRecord(views=looked, consent=(yes,))) != skus(CustomerRecord())
    bag = CustomerRecord(views=looked, cart=(CartEntry(1, 0, 0, "B", 1),), consent=(no,))
    assert skus(bag) == [sku for sku in skus(CustomerRecord()) if sku != "B"], "what is in the cart stays hidden"
    assert skus(bag, item="A")[0] == "E", "the page that is shown is not about the person"


def test_equal_looks_are_one_seed_and_the_latest_counts_first() -> None:
    record = CustomerRecord(views=(View(9, 0, "A"), View(8, 0, "B"), View(7, 0, "A")))
    assert recommend(shop(), record, limit=1)[0].reason == "Because you looked at Thing A"
    later = CustomerRecord(views=(View(9, 0, "B"), View(8, 0, "A"), View(7, 0, "A")))
    assert recommend(shop(), later, limit=1)[0].reason == "Because you looked at Thing B"


def events(stream: UUID, *happened: tuple[int, dict[str, Any]]) -> tuple[UUID, list[Event]]:
    return stream, [
        Customer.AddedToCart(
            originator_id=stream,
            originator_version=version,
            timestamp=START + timedelta(hours=version),
            occurred_at=START + timedelta(minutes=minute),
            source_id=f"s{version}",
            channel=Channel.WEB,
            line=Line(**line),
        )
        for version, (minute, line) in enumerate(happened, 1)
    ]


def test_the_timeline_is_by_when_it_happened_then_by_when_it_was_heard_of() -> None:
    one = events(UUID(int=1), (5, {"sku": "A"}), (1, {"sku": "B"}), (5, {"sku": "C", "size": "M"}))
    two = events(UUID(int=2), (9, {"sku": "D"}))
    found = timeline([one, two], 3)
    assert [event.facts["line"]["sku"] for event in found] == ["D", "C", "A"]
    assert [event.version for event in found] == [1, 3, 1]
    assert found[1].facts.keys() == {"channel", "line"} and found[1].name == "customer.added_to_cart"
    assert found[0].occurred_at_ms == int(START.timestamp() * 1000) + 540_000
    assert found[0].recorded_at_ms == int(START.timestamp() * 1000) + 3_600_000
    assert timeline([one, two], 0) == () and len(timeline([one, two], 99)) == 4
