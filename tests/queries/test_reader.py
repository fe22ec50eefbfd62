"""All queries behind one door, over read models and a log in memory."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel, Details, LawfulBasis, Line, Purpose
from projections.customer import fold_all
from queries.moment import Moment
from queries.ports import Person, Shop
from queries.reader import Queries
from queries.recommend.ask import Wanted
from queries.timeline import identity_graph, timeline
from queries.travel import erased
from readmodels.catalogue import Product
from readmodels.customer import CustomerRecord
from readmodels.statistics import Statistics
from tests.projections.facts import START
from tests.queries.serving import recommender, shop_of

ONE, TWO, NOBODY, DECISION = (UUID(int=n) for n in (1, 2, 3, 99))
PRODUCTS = {sku: Product(sku, f"Thing {sku}", "Skirts", "Acme", None, None, 900, "USD", None, 5) for sku in "ABC"}
SHOP = shop_of(PRODUCTS, Statistics.of(("A", "B"), (2, 1), (((1, 4),), ())))
CONSENT: dict[str, Any] = {
    "purpose": Purpose.EMAIL,
    "medium": Channel.EMAIL,
    "basis": LawfulBasis.CONSENT,
    "policy_version": "1",
}
BAG = Line(sku="A", quantity=2, price_cents=1000, discount_cents=500, category="Skirts", brand="Acme", size="M")


class History:
    """A log of one person with an e-mail stream and a telephone stream; ``up`` False when its server is down."""

    def __init__(self, up: bool = True) -> None:
        self.up = up
        mail = _open(ONE, IdentifierKind.EMAIL, "ann@example.com")
        phone = _open(TWO, IdentifierKind.PHONE, "+15550100")
        asked: list[tuple[Customer, int, type[Customer.Event], dict[str, Any]]] = [
            (mail, 1, Customer.ProductViewed, {"sku": "A", "device": "mobile_ios", "location": "New York"}),
            (mail, 2, Customer.DetailsGiven, {"details": Details(name="Ann", age=30, gender="F", city="New York")}),
            (mail, 3, Customer.AddedToCart, {"line": Line(sku="B", quantity=2)}),
            (mail, 4, Customer.ConsentGiven, CONSENT),
            (phone, 5, Customer.ProductViewed, {"sku": "C"}),
            (phone, 0, Customer.LoyaltyJoined, {}),
        ]
        for number, (customer, minute, kind, fields) in enumerate(asked):
            customer.record(kind, source_id=f"s{number}", occurred_at=_at(minute), channel=Channel.MOBILE, **fields)
        money = {"total_cents": 1500, "currency": "USD", "lines": (BAG,)}
        phone.place_order("o1", source_id="o", occurred_at=_at(-9), channel=Channel.STORE, **money)
        self.events = {c.id: [e for e in c.collect_events() if isinstance(e, Event)] for c in (mail, phone)}

    def streams(
        self, streams: Sequence[UUID], topics: Sequence[str] | None = None
    ) -> Iterable[tuple[UUID, list[Event]]]:
        return [(stream, self.events[stream]) for stream in streams if stream in self.events]

    def head(self) -> int:
        if not self.up:
            raise ConnectionError("a secret address")
        return 9


class ReadModels:
    """The two streams as one person."""

    def __init__(self, history: History) -> None:
        self.records = {s: fold_all(CustomerRecord(), events) for s, events in history.events.items()}
        self.asked = 0

    async def shop(self) -> Shop:
        return SHOP

    def peek(self, stream: UUID) -> Person | None:
        return None

    async def person(self, stream: UUID, *, patient: bool = False) -> tuple[Person, Shop]:
        self.asked += 1
        return (Person(ONE, self.records) if stream in self.records else Person(stream, {})), SHOP

    async def person_with(
        self, stream: UUID, reflects: Callable[[Person], bool], *, within_s: float
    ) -> tuple[Person, bool]:
        person, _ = await self.person(stream)
        return person, reflects(person)

    async def ready(self) -> str:
        return "ok"


class Directory:
    async def find(self, identifier: Identifier, *, patient: bool = False) -> UUID | None:
        return ONE if identifier.value == "ann@example.com" else None


def _at(minute: int) -> Any:
    return START + timedelta(minutes=minute)


def _open(stream: UUID, kind: IdentifierKind, value: str) -> Customer:
    return Customer.open(stream, Identifier(kind=kind, value=value), occurred_at=START, channel=Channel.WEB)


def queries(history: History | None = None) -> Queries:
    history = history or History()
    return Queries(ReadModels(history), Directory(), [history], history, recommender(DECISION))


def ask(query: Any) -> Any:
    return asyncio.run(query)


def test_the_profile_is_the_sum_of_the_person_s_streams() -> None:
    found = ask(queries().profile(TWO))
    assert (found.person_id, found.streams, found.version) == (ONE, (ONE, TWO), 9)
    assert found.identity_graph == {"email": ["ann@example.com"], "phone": ["+15550100"]}
    assert found.demographics == {"age_range": "25-34", "gender": "F", "location": "New York"}
    assert found.behavior["lifetime_value"] == {"USD": "15.00"}
    assert found.behavior["avg_order_value"] == {"USD": "15.00"}
    assert (found.behavior["order_count"], found.behavior["discount_affinity"]) == (1, 0.25)
    assert found.behavior["favorite_categories"] == ["Skirts"] and found.behavior["size_profile"] == {"Skirts": "M"}
    assert found.behavior["loyalty_since"] == "2026-03-01T12:00:00+00:00"
    context = found.real_time_context
    assert context["cart_items"] == [{"sku": "B", "quantity": 2, "title": "Thing B"}]
    assert [view["sku"] for view in context["recent_views"]] == ["C", "A"]
    assert (context["current_session_intent"], context["device"]) == ("buying", "mobile_ios")
    assert found.consent == ({"purpose": "email", "medium": "email", "given": True, "basis": "consent"},)


def test_the_profile_has_the_parts_that_the_case_study_names() -> None:
    """All but the names that differ by choice: ids of devices and loyalty cards are kinds of the identity graph."""
    seed = Path(__file__).parents[2].parent / "shared" / "seed"
    texts = [file.read_text() for file in sorted(seed.glob("*.txt"))] if seed.is_dir() else []
    if not texts:
        pytest.skip("needs the case study in ../shared/seed, which a clone alone does not have")
    (told,) = re.findall(r"Unified customer profile:\s*(\{.*?\n\})", texts[0], re.DOTALL)
    study = json.loads(told.replace("[...]", "[]"))
    found = ask(queries().profile(ONE))
    for part in ("demographics", "behavior", "real_time_context"):
        assert study[part].keys() <= getattr(found, part).keys(), part
    kinds = {kind.value for kind in IdentifierKind}
    assert {name.removesuffix("_ids").removesuffix("_id") for name in study["identity_graph"]} <= kinds


def test_nobody_has_no_profile_and_no_events() -> None:
    assert ask(queries().profile(NOBODY)) is None
    assert ask(queries().events(NOBODY, 10)) == ()


def test_recommendations_tell_whose_they_are_and_what_they_reflect() -> None:
    found = ask(queries().recommend(Wanted("home", 2), TWO))
    assert (found.person_id, found.version, found.placement, found.decision_id) == (ONE, 9, "home", DECISION)
    assert len(found.items) == 2 and "B" not in [item.sku for item in found.items]


@pytest.mark.parametrize("stream", [None, NOBODY])
def test_a_stranger_is_answered_without_a_person(stream: UUID | None) -> None:
    found = ask(queries().recommend(Wanted("home", 3), stream))
    assert (found.person_id, found.version) == (None, 0)
    assert [item.sku for item in found.items] == ["A", "B", "C"]


def test_events_are_the_person_s_of_all_streams_newest_first() -> None:
    found = ask(queries().events(TWO, 4))
    assert [event.name for event in found] == [
        "customer.product_viewed",
        "customer.consent_given",
        "customer.added_to_cart",
        "customer.details_given",
    ]
    assert found[0].facts["sku"] == "C" and found[0].stream == TWO
    assert len(ask(queries().events(ONE, 100))) == 9


def test_an_identifier_leads_to_its_stream() -> None:
    assert ask(queries().find(Identifier(kind=IdentifierKind.EMAIL, value="Ann@example.com"))) == ONE
    assert ask(queries().find(Identifier(kind=IdentifierKind.USER, value="42"))) is None


def test_waiting_ends_when_the_version_is_there_or_the_time_is_over() -> None:
    assert ask(queries().wait_for(ONE, 5, timeout_ms=0))
    assert not ask(queries().wait_for(ONE, 6, timeout_ms=5))
    assert not ask(queries().wait_for(NOBODY, 1, timeout_ms=0))


def test_a_server_that_is_down_is_told_without_what_it_said() -> None:
    assert ask(queries().ready()) == {"redis": "ok", "postgres": "ok"}
    assert ask(queries(History(up=False)).ready()) == {"redis": "ok", "postgres": "ConnectionError"}


def test_an_erased_event_says_only_what_law_keeps() -> None:
    erased = Erased(
        originator_id=ONE,
        originator_version=1,
        timestamp=START,
        topic="customer.order_placed",
        ledger={"order_id": "o1"},
    )
    (found,) = timeline([(ONE, [erased])], 5)
    assert (found.name, found.facts) == ("customer.order_placed", {"erased": True, "order_id": "o1"})
    assert identity_graph([(ONE, [erased])]) == {}


def test_the_past_is_read_from_the_log_alone() -> None:
    history = History()
    models = ReadModels(history)
    asked = Queries(models, Directory(), [history], history, recommender(DECISION))
    found = ask(asked.profile(ONE, Moment(as_of=_at(3))))
    assert models.asked == 0
    assert (found.person_id, found.streams, found.version) == (ONE, (ONE,), 4)  # no event links the two streams
    assert [view["title"] for view in found.real_time_context["recent_views"]] == [None]
    assert (found.as_of, found.known_at, found.status) == (_at(3), None, "known")
    assert [e.name for e in ask(asked.events(ONE, 2, Moment(as_of=_at(3))))] == [
        "customer.added_to_cart",
        "customer.details_given",
    ]
    assert ask(asked.profile(NOBODY, Moment())) is None and ask(asked.events(NOBODY, 9, Moment())) == ()


def test_a_record_that_outlived_its_keys_is_not_shown() -> None:
    history = History()
    models = ReadModels(history)
    history.events[TWO] = [erased(event) for event in history.events[TWO]]
    asked = Queries(models, Directory(), [history], history, recommender(DECISION))
    found = ask(asked.profile(ONE))
    assert (found.status, found.ledger_net, found.version) == ("erased", {"USD": "15.00"}, 9)
    assert (found.identity_graph, found.demographics, found.behavior, found.real_time_context) == ({}, {}, {}, {})
    assert {fact for event in ask(asked.events(ONE, 99)) for fact in event.facts} <= {
        "erased", "occurred_at", "channel", "order_id", "total_cents", "currency", "tax_cents", "shipping_cents",
        "discount_cents",
    }  # fmt: skip
