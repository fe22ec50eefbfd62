"""Long histories in bounded records, and a store that fails while it is written to."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.customer import Customer
from domain.identity import IdentifierKind
from domain.values import Details, Line
from readmodels.customer import CART_ENTRIES, ORDERS_KEPT, RECENT, combine, encode
from tests.projections.facts import folded, recorded, shuffle
from tests.projections.memory import DiedError, MemoryCustomerStore, MemoryLog, projected, projection
from tests.projections.test_customer_fold import fact, order

#: A minute, and what is done to the cart in it: so many pieces of a SKU, a whole new cart, or an order.
ACT = st.tuples(st.integers(0, 30), st.sampled_from(["add", "add", "add", "remove", "replace", "order"]))
RANDOMS = st.randoms(use_true_random=False)
SOME = settings(max_examples=60, deadline=None)


def acts(done: Sequence[tuple[int, str]]) -> list[dict[str, Any]]:
    return [_act(number, minute, what) for number, (minute, what) in enumerate(done)]


def _act(number: int, minute: int, what: str) -> dict[str, Any]:
    sku, source = f"S{number % 5}", f"s{number}"
    if what == "add":
        return fact(Customer.AddedToCart, minute, source, line=Line(sku=sku, quantity=1 + number % 3))
    if what == "remove":
        return fact(Customer.RemovedFromCart, minute, source, sku=sku, quantity=1)
    if what == "replace":
        return fact(Customer.CartReplaced, minute, source, lines=tuple(Line(sku=f"R{n}") for n in range(number % 9)))
    return order(f"o{number}", minute, source)


@SOME
@given(st.lists(ACT, max_size=40), st.integers(1, 6), RANDOMS)
def test_carts_longer_than_their_bound_end_the_same_in_any_order(
    done: list[tuple[int, str]], times: int, chance: random.Random
) -> None:
    happened = acts(done * times)
    ordered = folded(recorded(happened))
    assert encode(folded(recorded(shuffle(happened, chance)))) == encode(ordered)
    assert len(ordered.cart) <= CART_ENTRIES


def test_a_cart_of_more_than_its_bound_keeps_the_latest_changes() -> None:
    happened = acts([(minute, "add") for minute in range(CART_ENTRIES + 30)])
    record = folded(recorded(shuffle(happened, random.Random(3))))
    assert [entry.at for entry in record.cart] == [
        entry.at for entry in reversed([_entry(each) for each in happened][30:])
    ]


def _entry(happened: dict[str, Any]) -> Any:
    (entry,) = folded(recorded([happened])).cart
    return entry


@pytest.mark.parametrize("seed", range(3))
def test_more_orders_than_are_kept_still_count(seed: int) -> None:
    happened = [order(f"o{n}", n, f"s{n}") for n in range(ORDERS_KEPT + 50)]
    record = folded(recorded(shuffle(happened, random.Random(seed))))
    (spend,) = record.spend
    assert (spend.orders, spend.total) == (ORDERS_KEPT + 50, 300 * (ORDERS_KEPT + 50))
    assert len(record.orders) == ORDERS_KEPT and len(record.purchases) == RECENT
    assert record.orders[-1].at == folded(recorded([happened[50]])).last_at


@SOME
@given(st.lists(ACT, max_size=30), st.integers(1, 6), RANDOMS)
def test_bounded_records_make_the_same_person_in_any_order(
    done: list[tuple[int, str]], times: int, chance: random.Random
) -> None:
    parts: list[list[dict[str, Any]]] = [[], [], []]
    for each in acts(done * times):
        chance.choice(parts).append(each)
    records = [folded(recorded(part)) for part in parts]
    assert encode(combine(shuffle(records, chance))) == encode(combine(records))


@pytest.mark.parametrize(
    ("details", "band"),
    [
        ({"age": 17}, "16-17"),
        ({"age": 15}, "under 16"),
        ({"age": 18}, "18-24"),
        ({"age": 64}, "55-64"),
        ({"age": 65}, "65+"),
        ({"birth_date": "2008-03-01"}, "18-24"),
        ({"birth_date": "2008-03-02"}, "16-17"),
        ({"birth_date": "1961-03-01", "age": 20}, "65+"),
    ],
)
def test_ages_are_bands_as_of_the_day_they_were_told(details: dict[str, Any], band: str) -> None:
    record = folded(recorded([fact(Customer.DetailsGiven, 0, "d", details=Details(**details))]))
    assert record.context["age_range"].value == band


def test_nothing_that_names_somebody_is_kept() -> None:
    told = Details(name="Ann", birth_date="1990-02-28", city="Rome", country="IT", postcode="00184", street="Via Nova")
    stored = encode(folded(recorded([fact(Customer.DetailsGiven, 0, "d", details=told)])))
    assert b"Rome, IT" in stored
    assert not [word for word in (b"Ann", b"1990", b"00184", b"Via") if word in stored]


@pytest.mark.parametrize("steps", range(6))
def test_a_store_that_fails_once_loses_nothing_when_the_same_projection_goes_on(steps: int) -> None:
    log = MemoryLog([IdentifierKind.USER, IdentifierKind.EMAIL])
    for who in (0, 1, 0, 1):
        log.view(who)
    log.link(0, 1)
    store = MemoryCustomerStore()
    projector = projection(store, log)
    store.steps = steps
    try:
        projector.apply(log.recorded)
    except DiedError:
        store.steps = None
        projector.apply(log.recorded)
    assert store.content(log.ids) == projected(log, 1).content(log.ids)
