"""The unified profile: worked examples."""

from queries.customer import (
    behaviour,
    cart_of,
    discount_affinity,
    enrich,
    favourites,
    intent,
    price_sensitivity,
    sizes,
)
from readmodels.catalogue import Product
from readmodels.customer import CartEntry, CustomerRecord, Latest, Purchase, Spend, View, latest

HOUR = 3_600_000


def test_a_cart_never_holds_less_than_nothing() -> None:
    entries = (
        CartEntry(1, 0, 0, "A", -2),
        CartEntry(2, 0, 0, "A", 1),
        CartEntry(3, 0, 0, "B", 2),
        CartEntry(4, 0, 0, "B", -2),
    )
    assert cart_of(CustomerRecord(cart=latest(entries, 10))) == {"A": 1}


def test_intent_follows_the_latest_session() -> None:
    looked = CustomerRecord(last_at=HOUR, views=(View(HOUR, 0, "A", "Summer Dresses"), View(HOUR - 9, 0, "B", "Sale")))
    assert intent(looked) in ("browsing_summer_dresses", "browsing_sale")
    assert intent(CustomerRecord(last_at=HOUR, browsed=Latest(HOUR, 0, "Sale"))) == "browsing_sale"
    assert intent(CustomerRecord(last_at=HOUR, searched_at=HOUR)) == "searching"
    assert intent(CustomerRecord(last_at=HOUR, checkout_at=HOUR)) == "checking_out"
    assert intent(CustomerRecord(last_at=HOUR, cart=(CartEntry(HOUR, 0, 0, "A", 1),))) == "buying"
    assert intent(CustomerRecord(last_at=HOUR, views=(View(1, 0, "A", "Sale"),))) == "none"
    assert intent(CustomerRecord()) == "none"


def test_a_purchase_tells_more_than_a_view() -> None:
    views = tuple(View(n, 0, "A", "Skirts") for n in range(4))
    record = CustomerRecord(views=views, purchases=(Purchase(9, 0, 0, "B", 1, "Trousers", "Acme", "M"),))
    assert favourites(record, "category") == ["Trousers", "Skirts"]
    assert favourites(record, "brand") == ["Acme"]
    assert sizes(record) == {"Trousers": "M"}


def test_discounts_and_price_sensitivity() -> None:
    record = CustomerRecord(
        spend=(Spend("USD", orders=2, total=600, refunded=100, listed=800, discount=200),),
        views=(View(1, 0, "A", cents=1000),),
        purchases=(Purchase(2, 0, 0, "B", 1, cents=700),),
    )
    assert discount_affinity(record) == 0.25
    assert price_sensitivity(record) == "high"
    told = behaviour(record)
    assert told["lifetime_value"] == {"USD": "5.00"}
    assert told["avg_order_value"] == {"USD": "3.00"}
    assert told["order_count"] == 2


def test_nothing_is_claimed_of_a_stranger() -> None:
    assert discount_affinity(CustomerRecord()) is None
    assert price_sensitivity(CustomerRecord()) == "unknown"
    assert behaviour(CustomerRecord())["lifetime_value"] == {}


def test_the_catalogue_fills_in_what_the_channel_did_not_say() -> None:
    product = Product("A", "Thing", "Skirts", "Acme", None, None, 100, "USD", None, 1)
    (known, other) = enrich(CustomerRecord(views=(View(1, 0, "A"), View(2, 0, "Z"))), {"A": product}).views
    assert (known.category, known.brand, known.cents) == ("Skirts", "Acme", 100)
    assert other == View(2, 0, "Z")
