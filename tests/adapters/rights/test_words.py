"""Facts as people read them."""

from adapters.rights.as_html import plain, told_time
from adapters.rights.in_words import EVENTS, event_name
from domain.customer import Customer
from domain.event import Event


def test_amounts_stand_in_their_currency_and_what_says_nothing_is_left_out() -> None:
    facts = {
        "total_cents": 12_900,
        "tax_cents": 0,
        "currency": "EUR",
        "lines": [{"sku": "S-1", "price_cents": 12_900, "brand": None}],
        "gift": True,
    }
    assert plain(facts) == "Total: 129.00 EUR, Lines: SKU: S-1, Price: 129.00 EUR, Gift: yes"
    assert plain({"total_cents": 500, "currency": "JPY"}) == "Total: 500 JPY"
    assert plain({"total_cents": 500}) == "Total: 500"
    assert plain({"currency": "EUR"}) == "Currency: EUR"


def test_times_are_in_utc_to_the_second() -> None:
    assert plain("2026-03-01T12:00:00+00:00") == told_time(1_772_366_400_000) == "2026-03-01 12:00:00"
    assert told_time(None) == "" and plain(None) == ""


def test_every_event_has_a_name_that_people_use() -> None:
    topics = {
        c.TOPIC for c in vars(Customer).values() if isinstance(c, type) and issubclass(c, Event) and "TOPIC" in vars(c)
    }
    assert {topic for topic in topics if topic not in EVENTS} == set()
    assert event_name("customer.something_new") == "Something new"
