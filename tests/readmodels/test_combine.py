"""Streams of one person: summed in any order and grouping; what several systems report of one order counts once."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.customer import Customer
from readmodels.customer import RECENT, CustomerRecord, View, combine, consents, encode, latest
from readmodels.customer import Consent as Said
from tests.projections.facts import folded, histories, recorded, shuffle
from tests.projections.test_customer_fold import fact, order, put

SOME = settings(max_examples=80, deadline=None)
RANDOMS = st.randoms(use_true_random=False)


def parts(happened: list[dict[str, Any]], chance: random.Random, number: int) -> list[CustomerRecord]:
    """The history dealt out to so many streams; each order and return is reported to two of them."""
    dealt: list[list[dict[str, Any]]] = [[] for _ in range(number)]
    for each in happened:
        reports = 2 if each["class"] in (Customer.OrderPlaced, Customer.LinesReturned) else 1
        for part in chance.sample(dealt, reports):
            part.append(each)
    return [folded(recorded(part)) for part in dealt]


@SOME
@given(histories(), RANDOMS)
def test_grouping_and_order_are_of_no_matter(happened: list[dict[str, Any]], chance: random.Random) -> None:
    one, two, three, four = parts(happened, chance, 4)
    whole = combine([one, two, three, four])
    assert combine([combine([three, one]), combine([four, two])]) == whole
    assert combine([combine([combine([four, three]), two]), one]) == whole
    assert combine(shuffle([one, two, three, four], chance)) == whole


@SOME
@given(histories(), RANDOMS)
def test_two_reports_of_each_order_and_return_are_one(happened: list[dict[str, Any]], chance: random.Random) -> None:
    whole, together = folded(recorded(happened)), combine(parts(happened, chance, 3))
    assert together.spend == whole.spend
    assert (together.orders, together.returns, together.cart) == (whole.orders, whole.returns, whole.cart)
    assert (together.views, together.consent, together.context) == (whole.views, whole.consent, whole.context)


def test_nobody_s_streams_are_an_empty_record() -> None:
    assert combine([]) == CustomerRecord()
    one = folded(recorded([put("A", 1)]))
    assert combine([one]) is one
    assert combine(iter([one, CustomerRecord()])).cart == one.cart


def test_an_order_on_one_stream_empties_the_cart_of_the_other() -> None:
    visitor, customer = folded(recorded([put("A", 5), put("B", 20)])), folded(recorded([order("1", 10, "o")]))
    assert [entry.sku for entry in combine([visitor, customer]).cart] == ["B"]


def test_orders_in_two_currencies_stay_apart() -> None:
    euro = {**order("2", 2, "b"), "currency": "EUR"}
    one, two = folded(recorded([order("1", 1, "a")])), folded(recorded([euro, order("3", 3, "c")]))
    assert [(s.currency, s.orders, s.total) for s in combine([one, two]).spend] == [("EUR", 1, 300), ("USD", 2, 600)]


def test_the_later_word_on_consent_wins_whichever_stream_it_was_given_on() -> None:
    facts: dict[str, Any] = {"purpose": "email", "basis": "consent", "policy_version": "1"}
    given_ = folded(recorded([fact(Customer.ConsentGiven, 1, "a", **facts)]))
    withdrawn = folded(recorded([fact(Customer.ConsentWithdrawn, 2, "b", **facts)]))
    assert [consent.given for consent in combine([withdrawn, given_]).consent] == [False]


def test_yes_and_no_in_the_same_moment_of_one_source_end_the_same_way() -> None:
    yes, no = Said("email", "", 1, 7, True, "consent", "1"), Said("email", "", 1, 7, False, "consent", "1")
    assert consents([yes, no]) == consents([no, yes])


@pytest.mark.parametrize("size", [0, 1, RECENT])
def test_latest_keeps_the_latest_first(size: int) -> None:
    views = [View(n // 3, n % 3, "A") for n in range(40)]
    random.Random(4).shuffle(views)
    kept = latest(views, size)
    assert [3 * view.at + view.tag for view in kept] == list(range(39, 39 - size, -1))


def test_lines_of_one_order_that_say_more_or_less_can_be_kept_together() -> None:
    lines = [{"sku": "A", "size": size, "category": kind} for size in (None, "M") for kind in (None, "Skirts")]
    placed = {**order("1", 1, "a"), "lines": tuple(lines)}
    record = folded(recorded([placed]))
    assert len(record.purchases) == 4
    assert len(encode(combine([record, record]))) > 4
