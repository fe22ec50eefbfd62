"""Given what is recorded, when something is asked for, then this is recorded."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from pydantic import ValidationError

from domain.customer import Customer
from domain.event import Aggregate, Event, Open, Retention, Sealed, UndeclaredError, uses_of, visibility
from domain.experiment import Design, Experiment, ExperimentError, Variant
from domain.identity import Identifier, IdentifierKind
from domain.processing import Uses, uses
from domain.product import Product, product_id, said_by_tags
from domain.values import Channel

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FACTS: dict[str, Any] = {"occurred_at": NOW, "channel": Channel.WEB}
ORDER: dict[str, Any] = {**FACTS, "total_cents": 100, "currency": "USD", "lines": ()}


def opened() -> Customer:
    identifier = Identifier(kind=IdentifierKind.USER, value="42")
    customer = Customer.open(uuid4(), identifier, occurred_at=NOW, channel=Channel.WEB)
    customer.collect_events()
    return customer


def names(aggregate: Aggregate) -> list[str]:
    return [type(event).__name__ for event in aggregate.collect_events()]


def test_a_source_is_recorded_once() -> None:
    customer = opened()
    customer.record(Customer.ProductViewed, source_id="a", sku="S", **FACTS)
    customer.record(Customer.ProductViewed, source_id="a", sku="S", **FACTS)
    customer.record(Customer.ProductViewed, source_id="b", sku="S", **FACTS)
    assert names(customer) == ["ProductViewed", "ProductViewed"]


def test_an_order_is_placed_once_whoever_reports_it() -> None:
    customer = opened()
    customer.place_order("1001", source_id="shopify", **ORDER)
    customer.place_order("1001", source_id="segment", **ORDER)
    assert names(customer) == ["OrderPlaced"]


def test_a_return_is_recorded_once_and_may_come_before_its_order() -> None:
    customer = opened()
    for source in ("a", "b"):
        customer.return_lines("r1", source_id=source, order_id="1001", refund_cents=5, currency="USD", **FACTS)
    customer.place_order("1001", source_id="c", **ORDER)
    assert names(customer) == ["LinesReturned", "OrderPlaced"]


def test_a_link_is_said_once_and_can_be_taken_back_and_said_again() -> None:
    customer, other = opened(), uuid4()
    link: dict[str, Any] = {**FACTS, "other_kind": IdentifierKind.EMAIL, "evidence": "login"}
    customer.link(other, source_id="1", **link)
    customer.link(other, source_id="2", **link)
    customer.unlink(other, source_id="3", reason="not the same", **FACTS)
    customer.unlink(other, source_id="4", reason="not the same", **FACTS)
    customer.link(other, source_id="5", **link)
    customer.link(customer.id, source_id="6", **link)
    assert names(customer) == ["IdentifierLinked", "IdentifierUnlinked", "IdentifierLinked"]


def test_a_product_s_stream_is_named_by_its_sku() -> None:
    product = Product.open("S-1", occurred_at=NOW)
    product.record(Product.PriceChanged, source_id="a", occurred_at=NOW, price_cents=1, currency="usd")
    product.record(Product.PriceChanged, source_id="a", occurred_at=NOW, price_cents=2, currency="usd")
    assert product.id == product_id("S-1") != product_id("S-2")
    assert names(product) == ["Opened", "PriceChanged"]


def design(*buckets: int) -> Design:
    variants = tuple(Variant(name=f"v{n}", buckets=b) for n, b in enumerate(buckets))
    return Design(hypothesis="it helps", primary_metric="conversion", variants=variants)


def test_an_experiment_is_designed_then_started_then_stopped() -> None:
    experiment = Experiment.plan("hero", design(5000, 5000), occurred_at=NOW, source_id="1")
    with pytest.raises(ExperimentError):
        experiment.stop("early", occurred_at=NOW, source_id="2")
    experiment.start(occurred_at=NOW, source_id="3")
    experiment.start(occurred_at=NOW, source_id="3")
    with pytest.raises(ExperimentError):
        experiment.start(occurred_at=NOW, source_id="4")
    experiment.stop("done", occurred_at=NOW, source_id="5")
    assert names(experiment) == ["Designed", "Started", "Stopped"]


@pytest.mark.parametrize("buckets", [(10_000,), (6000, 4001), (-1, 5)])
def test_an_impossible_allocation_is_refused(buckets: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        design(*buckets)


def test_a_field_that_declares_nothing_does_not_import() -> None:
    with pytest.raises(UndeclaredError, match=r"Leaky\.email"):

        class Leaky(Event):
            TOPIC = "test.leaky"
            RETENTION: ClassVar = Retention.IDENTITY
            email: str


def test_a_class_that_names_no_retention_does_not_import() -> None:
    with pytest.raises(UndeclaredError, match="names no RETENTION"):

        class Timeless(Event):
            TOPIC = "test.timeless"
            email: Sealed[str]


@pytest.mark.parametrize("optional", [False, True])
def test_a_personal_field_that_does_not_say_what_it_is_for_does_not_import(optional: bool) -> None:
    kind: Any = str | None if optional else str
    with pytest.raises(UndeclaredError, match=r"Purposeless\.email does not say under USES what it is for"):

        class Purposeless(Event):
            TOPIC = "test.purposeless"
            RETENTION: ClassVar = Retention.IDENTITY
            USES: ClassVar = uses(identity="name")
            name: Sealed[str]
            email: Sealed[kind]


def test_what_is_inherited_has_said_it_and_what_is_of_nobody_need_not() -> None:
    class Shouted(Customer.Searched):
        TOPIC = "test.shouted_out"

    class Weather(Event):
        TOPIC = "test.weather"
        RETENTION: ClassVar = Retention.PUBLIC
        degrees: Open[int]

    assert uses_of(Shouted)["query"] is Uses.INTERESTS and uses_of(Shouted)["channel"] is Uses.ORDERING
    assert uses_of(Weather) == {}


def test_a_use_is_one_that_there_is_and_a_field_has_one() -> None:
    with pytest.raises(KeyError):
        uses(fun="name")
    with pytest.raises(ValueError, match="name has two uses"):
        uses(identity="name", details="name")


def event_classes() -> list[type[Event]]:
    found, todo = [], [Event]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        if "TOPIC" in cls.__dict__ and cls.__module__.startswith("domain."):
            found.append(cls)
    return found


def test_every_event_declares_every_field() -> None:
    classes = event_classes()
    assert len(classes) > 20
    for cls in classes:
        assert isinstance(cls.RETENTION, Retention)
        assert all(visibility(f) for name, f in cls.model_fields.items() if name not in cls.ENVELOPE), cls


def test_what_identifies_somebody_is_never_in_clear() -> None:
    clear = {
        f"{cls.__qualname__}.{name}"
        for cls in event_classes()
        if cls.__module__ == "domain.customer"
        for name, field in cls.model_fields.items()
        if name not in cls.ENVELOPE and visibility(field).name != "SEALED"  # type: ignore[union-attr]
    }
    ledger = {"occurred_at", "channel", "order_id", "currency"}
    returned = ledger | {"return_id", "refund_cents"}
    placed = {"total_cents", "tax_cents", "shipping_cents", "discount_cents"}
    assert clear == {f"Customer.OrderPlaced.{n}" for n in ledger | placed} | {
        f"Customer.{cls}.{n}" for cls in ("LinesReturned", "LedgerRefunded") for n in returned
    } | {"Customer.LedgerRefunded.source_id"} | {
        f"Customer.CustomerErased.{n}" for n in ("occurred_at", "channel", "source_id", "request")
    }


def test_what_a_shop_said_in_tags_alone_is_style_and_season() -> None:
    assert said_by_tags(()) == (None, None)
    assert said_by_tags(("new", "summer", "season: AW24", "Style:Boho", "style:Other")) == ("Boho", "AW24")
    assert said_by_tags(("FW 2025", "season:", "style")) == (None, "FW 2025")
    state: dict[str, Any] = {"title": "A skirt", "tags": ["Summer"]}
    Product.Listed.upcast_v1_v2(state)
    assert (state["style"], state["season"]) == (None, "Summer")
