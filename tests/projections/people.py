"""Persons for folds over whole persons: streams of events with two times each, linked or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.customer import Customer
from domain.event import Event
from domain.identity import IdentifierKind
from domain.values import Channel, LawfulBasis, Line, Purpose

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = 60_000


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@dataclass(slots=True)
class Stream:
    """Records facts one after the other; each happened at a minute, and was recorded then or some minutes later."""

    id: UUID
    events: list[Event]
    kind: IdentifierKind = IdentifierKind.USER

    @classmethod
    def opened(cls, kind: IdentifierKind = IdentifierKind.USER, minute: float = -1) -> "Stream":
        stream = cls(uuid4(), [], kind)
        stream.add(
            Customer.Opened,
            minute,
            originator_topic="domain.customer:Customer",
            kind=kind,
            value="somebody",
            source="open",
        )
        return stream

    def add(self, fact: type[Event], minute: float, /, *, late: float = 0, source: str = "", **fields: Any) -> Event:
        event = fact(
            originator_id=self.id,
            originator_version=len(self.events) + 1,
            timestamp=at(minute + late),
            **{
                "occurred_at": at(minute),
                "source_id": source or f"{len(self.events)}",
                "channel": Channel.WEB,
                **fields,
            },
        )
        self.events.append(event)
        return event

    def view(self, minute: float, sku: str, **fields: Any) -> Event:
        return self.add(Customer.ProductViewed, minute, sku=sku, **fields)

    def cart(self, minute: float, sku: str, **fields: Any) -> Event:
        return self.add(Customer.AddedToCart, minute, line=Line(sku=sku), **fields)

    def order(self, minute: float, *skus: str, order_id: str = "1", **fields: Any) -> Event:
        lines = tuple(Line(sku=sku, price_cents=100) for sku in skus)
        return self.add(
            Customer.OrderPlaced, minute, order_id=order_id, total_cents=100, currency="EUR", lines=lines, **fields
        )

    def says(self, minute: float, given: bool, purpose: Purpose = Purpose.TRAINING, **fields: Any) -> Event:
        kind = Customer.ConsentGiven if given else Customer.ConsentWithdrawn
        return self.add(kind, minute, purpose=purpose, basis=LawfulBasis.CONSENT, policy_version="1", **fields)

    def link(self, other: "Stream", minute: float, *, late: float = 0) -> None:
        for one, two in ((self, other), (other, self)):
            one.add(Customer.IdentifierLinked, minute, late=late, other=two.id, other_kind=two.kind, evidence="test")


def person(*streams: Stream) -> dict[UUID, Sequence[Event]]:
    return {stream.id: stream.events for stream in streams}
