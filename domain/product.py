"""A product: what the shop sells, at what price and cost, and how many are where. Nobody's personal data."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID, uuid5

from eventsourcing.domain import event
from pydantic import Field

from domain.event import Aggregate, Created, Open, Retention
from domain.values import Cents, Currency, Name, Sku, Text, Url

NAMESPACE = UUID("6f1f2a5e-6c0a-5d0e-9f0e-b0a7c1d2e3f4")
Stock = Annotated[int, Field(ge=-1_000_000, le=10_000_000)]
_SEASON = re.compile(r"(?:spring|summer|autumn|fall|winter|ss|aw|fw)[ -]?(?:\d\d|\d{4})?")


def product_id(sku: str) -> UUID:
    """A product's stream is named by its SKU (UUID version 5), so no directory is needed."""
    return uuid5(NAMESPACE, f"product:{sku}")


def said_by_tags(tags: Iterable[str]) -> tuple[str | None, str | None]:
    """Style and season, for shops that have no field for them: the first tags like ``style:Boho`` and ``season:AW24``;
    or a season that is a tag alone (``Summer``, ``SS25``)."""
    said: dict[str, str] = {}
    for tag in tags:
        kind, _, value = (part.strip() for part in tag.partition(":"))
        if kind.casefold() in ("style", "season") and value:
            said.setdefault(kind.casefold(), value)
        elif _SEASON.fullmatch(tag.strip().casefold()):
            said.setdefault("alone", tag.strip())
    return said.get("style"), said.get("season", said.get("alone"))


class Product(Aggregate):
    """One SKU. A later fact wins by its own time; a fact delivered twice is recorded once."""

    TOPIC = "product"

    class Event(Aggregate.Event):
        occurred_at: Open[datetime]
        source_id: Open[str]

        def mutate(self, aggregate: Any) -> Any:
            """Evolves the product, who also remembers the source."""
            product: Any = super().mutate(aggregate)
            product.sources.add(self.source_id)
            return product

    class Opened(Event, Created):
        TOPIC = "product.opened"
        RETENTION: ClassVar = Retention.PUBLIC
        sku: Open[Sku]

    class Listed(Event):
        """The product as the shop describes it, as a whole; ``active`` False takes it off sale.

        v2 added ``style``, ``season`` and ``introduced_at`` (since when the shop sells it; None: from this fact on). In
        v1 a shop could say style and season in tags alone.
        """

        TOPIC = "product.listed"
        class_version = 2
        RETENTION: ClassVar = Retention.PUBLIC
        title: Open[Text]
        category: Open[Name | None] = None
        brand: Open[Name | None] = None
        colour: Open[Name | None] = None
        size: Open[Name | None] = None
        tags: Open[tuple[Name, ...]] = ()
        image: Open[Url | None] = None
        active: Open[bool] = True
        product_ref: Open[Name | None] = None
        stock_ref: Open[Name | None] = None
        style: Open[Name | None] = None
        season: Open[Name | None] = None
        introduced_at: Open[datetime | None] = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Style and season from the tags."""
            state["style"], state["season"] = said_by_tags(state.get("tags", ()))

    class PriceChanged(Event):
        TOPIC = "product.price_changed"
        RETENTION: ClassVar = Retention.PUBLIC
        price_cents: Open[Cents]
        currency: Open[Currency]
        compare_at_cents: Open[Cents | None] = None

    class Costed(Event):
        """What one piece costs the shop. Systems that keep costs with the inventory tell it of an inventory item."""

        TOPIC = "product.costed"
        RETENTION: ClassVar = Retention.PUBLIC
        cost_cents: Open[Cents]
        currency: Open[Currency]

    class StockCounted(Event):
        """How many can be sold at a location; None is the shop's total where it names no location."""

        TOPIC = "product.stock_counted"
        RETENTION: ClassVar = Retention.PUBLIC
        location: Open[Name | None] = None
        available: Open[Stock]

    @event(Opened)
    def __init__(self, sku: str) -> None:
        self.sku = sku
        self.sources: set[str] = set()

    @classmethod
    def open(cls, sku: str, *, occurred_at: datetime) -> Self:
        """A product not heard of before."""
        return cls._create(cls.Opened, id=product_id(sku), sku=sku, occurred_at=occurred_at, source_id="open")

    def record(self, fact: type[Event], *, source_id: str, **fields: Any) -> None:
        """Records a fact unless its source is recorded already."""
        if source_id not in self.sources:
            self.trigger_event(fact, source_id=source_id, **fields)
