"""The words of the live log."""

from datetime import UTC, datetime

import pytest

from adapters.http.shop.words import clock, event_facts, event_name, money, path, tone
from queries.answers import LoggedEvent
from tests.adapters.http.fakes import PERSON
from tests.adapters.http.shop.world import PRODUCTS


def event(name: str = "customer.seen", facts: dict[str, object] | None = None) -> LoggedEvent:
    return LoggedEvent(PERSON, 1, name, 0, 0, facts or {})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("customer.product_viewed", "Product viewed"),
        ("customer.opened", "First seen"),
        ("customer.loyalty_joined", "Loyalty joined"),
        ("unheard", "Unheard"),
    ],
)
def test_names(name: str, words: str) -> None:
    assert event_name(event(name)) == words


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"sku": "M1"}, "Blue skirt 1"),
        ({"sku": "gone"}, "gone"),
        ({"line": {"sku": "M2", "quantity": 1}}, "Navy blue trousers 2"),
        ({"skus": ["M1"], "placement": "cart"}, "1 product, cart"),
        ({"total_cents": 4200, "currency": "JPY"}, "4,200 JPY"),
        ({"category": "Skirts"}, "Skirts"),
        ({"query": "red"}, "red"),
        ({"erased": True}, ""),
        ({}, ""),
    ],
)
def test_facts(facts: dict[str, object], words: str) -> None:
    assert event_facts(event(facts=facts), PRODUCTS) == words


def test_money() -> None:
    assert money(123_456, "USD") == "$1,234.56"
    assert money(1234, "KWD") == "1.234 KWD"
    assert money(None, "USD") == money(100, None) == ""


def test_the_clock_names_the_day_when_it_is_not_today() -> None:
    today = datetime.now(UTC).replace(microsecond=0)
    assert clock(int(today.timestamp() * 1000)) == today.strftime("%H:%M:%S")
    assert clock(0) == "01 Jan 00:00"


def test_a_name_stays_one_part_of_a_path() -> None:
    assert path("a/b?c#d é") == "a%2Fb%3Fc%23d%20%C3%A9"


def test_the_class_of_a_colour() -> None:
    assert tone("Navy blue") == "tone-navy-blue"
    assert tone(None) == ""
