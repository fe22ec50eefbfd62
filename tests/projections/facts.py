"""Random histories of one customer, and their events numbered in any order."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from domain.customer import Customer
from domain.event import Event
from domain.values import Channel, Details, LawfulBasis, Line, Purpose
from projections.customer import apply
from readmodels.customer import CustomerRecord

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SKUS = st.sampled_from(["A", "B", "C"])
WHENS = st.integers(0, 40)
CHANNELS = st.sampled_from(list(Channel))
LINES = st.builds(Line, sku=SKUS, quantity=st.integers(1, 3), price_cents=st.sampled_from([None, 100, 250]))

FACTS: dict[type[Customer.Event], dict[str, Any]] = {
    Customer.ProductViewed: {"sku": SKUS, "category": st.sampled_from([None, "Skirts"]), "price_cents": st.just(100)},
    Customer.AddedToCart: {"line": LINES},
    Customer.RemovedFromCart: {"sku": SKUS, "quantity": st.integers(1, 3)},
    Customer.CartReplaced: {"lines": st.lists(LINES, max_size=3).map(tuple)},
    Customer.CheckoutStarted: {},
    Customer.Searched: {"query": st.just("q")},
    Customer.CategoryBrowsed: {"category": st.sampled_from(["Skirts", "Sale"])},
    Customer.Seen: {"device": st.sampled_from([None, "ios"]), "location": st.sampled_from([None, "Berlin"])},
    Customer.DetailsGiven: {"details": st.builds(Details, age=st.integers(10, 90), city=st.just("Rome"))},
    Customer.LoyaltyJoined: {},
    Customer.RecommendationShown: {"placement": st.just("home"), "skus": st.just(("A",))},
    Customer.RecommendationClicked: {"placement": st.just("home"), "sku": SKUS},
    Customer.ConsentGiven: {
        "purpose": st.sampled_from(list(Purpose)),
        "basis": st.just(LawfulBasis.CONSENT),
        "policy_version": st.just("1"),
    },
    Customer.ConsentWithdrawn: {
        "purpose": st.sampled_from(list(Purpose)),
        "basis": st.just(LawfulBasis.CONSENT),
        "policy_version": st.just("1"),
    },
    Customer.LinesReturned: {"refund_cents": st.just(5), "currency": st.just("USD"), "order_id": st.just("o")},
    Customer.OrderPlaced: {
        "total_cents": st.just(300),
        "currency": st.sampled_from(["USD", "EUR"]),
        "lines": st.lists(LINES, max_size=2).map(tuple),
    },
}


@st.composite
def histories(draw: st.DrawFn, most: int = 30) -> list[dict[str, Any]]:
    """What happened: an event's class and fields, each with a source of its own. Times collide."""
    kinds = draw(st.lists(st.sampled_from(list(FACTS)), max_size=most))
    return [_fact(draw, number, kind) for number, kind in enumerate(kinds)]


def _fact(draw: st.DrawFn, number: int, kind: type[Customer.Event]) -> dict[str, Any]:
    fields = {name: draw(values) for name, values in FACTS[kind].items()}
    if kind is Customer.OrderPlaced:
        fields["order_id"] = f"order {number}"
    if kind is Customer.LinesReturned:
        fields["return_id"] = f"return {number}"
    when = START + timedelta(minutes=draw(WHENS))
    return {"class": kind, "occurred_at": when, "channel": draw(CHANNELS), "source_id": f"s{number}", **fields}


def recorded(happened: Sequence[dict[str, Any]], stream: UUID | None = None) -> list[Event]:
    """The events, numbered as they arrive."""
    stream = stream or uuid4()
    return [
        fact["class"](
            originator_id=stream,
            originator_version=version,
            timestamp=START,
            **{name: value for name, value in fact.items() if name != "class"},
        )
        for version, fact in enumerate(happened, 1)
    ]


def folded(events: Sequence[Event]) -> CustomerRecord:
    """The record that the events make."""
    record = CustomerRecord()
    for event in events:
        record = apply(record, event)
    return record


def shuffle(items: Sequence[Any], chance: random.Random) -> list[Any]:
    """The same in another order."""
    return chance.sample(list(items), len(items))
