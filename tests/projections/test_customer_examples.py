"""The customer fold, fact by fact: worked examples."""

from typing import Any
from uuid import UUID

import pytest

from domain.customer import Customer
from domain.identity import IdentifierKind
from domain.values import Channel, LawfulBasis, Line, Purpose
from projections.customer import apply
from projections.moment import digest, millis, tag
from projections.versions import GapError
from readmodels.customer import Consent, CustomerRecord, Latest, Order, Purchase, Return, Spend, View, combine
from readmodels.features import cart_of
from tests.projections.facts import START, folded, recorded
from tests.projections.test_customer_fold import fact, put

AT = millis(START)
MINUTE = 60_000
OTHER = UUID(int=7)
CONSENT: dict[str, Any] = {"purpose": Purpose.EMAIL, "basis": LawfulBasis.CONSENT, "policy_version": "1"}


def record(*happened: dict[str, Any]) -> CustomerRecord:
    return folded(recorded(happened))


def test_moments_are_milliseconds_and_numbers_of_a_text_do_not_change() -> None:
    assert AT == 1_772_366_400_000
    assert (tag("segment:m-1"), digest("1001")) == (19_546_665, 19_853_995_762_269)


def test_a_view_keeps_what_the_channel_said() -> None:
    told: dict[str, Any] = {"sku": "A", "category": "Skirts", "brand": "Acme", "price_cents": 900}
    found = record(fact(Customer.ProductViewed, 1, "v", **told, device="ios", location="Rome", channel=Channel.MOBILE))
    when = (AT + MINUTE, tag("v"))
    assert found.views == (View(*when, "A", "Skirts", "Acme", 900),)
    assert found.context == {
        "channel": Latest(*when, "mobile"),
        "device": Latest(*when, "ios"),
        "location": Latest(*when, "Rome"),
    }
    assert (found.version, found.first_at, found.last_at) == (1, when[0], when[0])


def test_impressions_and_clicks_are_counted() -> None:
    shown = [fact(Customer.RecommendationShown, n, f"s{n}", placement="home", skus=("A", "B")) for n in range(3)]
    clicked = fact(Customer.RecommendationClicked, 4, "c", placement="home", sku="A")
    found = record(*shown, clicked, {**clicked, "source_id": "d"})
    assert (found.impressions, found.clicks) == (3, 2)


def test_what_is_removed_is_gone_and_more_than_there_is_means_all() -> None:
    removed = fact(Customer.RemovedFromCart, 6, "r", sku="A", quantity=2)
    assert cart_of(record(put("A", 5, quantity=3), removed)) == {"A": 1}
    assert cart_of(record(put("A", 5), removed, put("A", 7), put("B", 1))) == {"A": 1, "B": 1}


def test_the_latest_search_checkout_category_and_the_first_membership_stay() -> None:
    found = record(
        fact(Customer.Searched, 9, "a", query="q"),
        fact(Customer.Searched, 2, "b", query="q"),
        fact(Customer.CheckoutStarted, 7, "c"),
        fact(Customer.CheckoutStarted, 3, "d"),
        fact(Customer.CategoryBrowsed, 8, "e", category="Skirts"),
        fact(Customer.CategoryBrowsed, 1, "f", category="Sale"),
        fact(Customer.LoyaltyJoined, 5, "g"),
        fact(Customer.LoyaltyJoined, 4, "h", tier="gold"),
    )
    assert (found.searched_at, found.checkout_at, found.loyalty_at) == (
        AT + 9 * MINUTE,
        AT + 7 * MINUTE,
        AT + 4 * MINUTE,
    )
    assert found.browsed == Latest(AT + 8 * MINUTE, tag("e"), "Skirts")
    assert (found.first_at, found.last_at) == (AT + MINUTE, AT + 9 * MINUTE)


@pytest.mark.parametrize(("said", "discount"), [(0, 250), (40, 40)])
def test_an_order_adds_up(said: int, discount: int) -> None:
    lines = (
        Line(sku="A", quantity=2, price_cents=1000, discount_cents=200, category="Skirts", brand="Acme", size="M"),
        Line(sku="B", price_cents=500, discount_cents=50),
        Line(sku="C", quantity=9),
    )
    money: dict[str, Any] = {"total_cents": 2250, "currency": "EUR", "discount_cents": said}
    found = record(put("A", 1), fact(Customer.OrderPlaced, 2, "o", order_id="1001", lines=lines, **money, store="9"))
    when = (AT + 2 * MINUTE, tag("o"))
    assert found.spend == (Spend("EUR", 1, 2250, 0, 2500, discount),)
    assert found.orders == (Order(when[0], digest("1001"), "EUR", 2250, 2500, discount),)
    assert sorted(found.purchases, key=lambda p: p.part) == [
        Purchase(*when, 0, "A", 2, "Skirts", "Acme", "M", 1000),
        Purchase(*when, 1, "B", 1, None, None, None, 500),
        Purchase(*when, 2, "C", 9),
    ]
    assert (found.cart, found.cart_cleared) == ((), when)
    assert found.context["location"].value == "9"


def test_the_latest_word_on_the_moment_stays_in_whatever_order() -> None:
    seen = [fact(Customer.Seen, n, f"s{n}", device=f"d{n}", location=None if n == 3 else "Rome") for n in (2, 3, 1)]
    found = record(*seen)
    assert found.context["device"] == Latest(AT + 3 * MINUTE, tag("s3"), "d3")
    assert found.context["location"].at == AT + 2 * MINUTE
    assert combine([record(seen[0]), record(seen[1]), record(seen[2])]).context == found.context


def test_even_one_missing_event_is_a_gap_and_the_next_one_is_none() -> None:
    first, second, third = recorded([put("A", 1), put("B", 2), put("C", 3)])
    with pytest.raises(GapError) as gap:
        apply(folded([first]), third)
    assert gap.value.stream == first.originator_id
    with pytest.raises(GapError):
        apply(CustomerRecord(), second)
    assert apply(folded([first]), second).version == 2


def test_a_return_may_come_before_its_order() -> None:
    back = fact(Customer.LinesReturned, 3, "r", order_id="1", return_id="r1", refund_cents=50, currency="EUR")
    found = record(back)
    assert found.spend == (Spend("EUR", refunded=50),)
    assert found.returns == (Return(AT + 3 * MINUTE, digest("r1"), "EUR", 50),)


def test_the_later_word_on_a_purpose_in_a_medium_stays() -> None:
    found = record(
        fact(Customer.ConsentWithdrawn, 5, "a", **CONSENT),
        fact(Customer.ConsentGiven, 2, "b", **CONSENT),
        fact(Customer.ConsentGiven, 1, "c", **CONSENT, medium=Channel.EMAIL),
    )
    assert found.consent == (
        Consent("email", "", AT + 5 * MINUTE, tag("a"), False, "consent", "1"),
        Consent("email", "email", AT + MINUTE, tag("c"), True, "consent", "1"),
    )


def test_opening_and_linking_tell_the_kind_and_the_links_and_nothing_of_the_moment() -> None:
    other: dict[str, Any] = {"other": OTHER, "other_kind": IdentifierKind.USER, "evidence": "Identify"}
    opened = fact(Customer.Opened, 1, "open", value="a@b.de", originator_topic="customer")
    opened |= {"kind": IdentifierKind.EMAIL}
    linked = fact(Customer.IdentifierLinked, 2, "l", **other)
    found = record(opened, linked, {**linked, "source_id": "m"})
    assert found == CustomerRecord(version=3, kind="email", links=(OTHER,))
    gone = record(opened, linked, fact(Customer.IdentifierUnlinked, 3, "u", other=OTHER, reason="r"))
    assert gone == CustomerRecord(version=3, kind="email")
