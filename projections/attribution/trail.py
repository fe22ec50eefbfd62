"""What one stream tells of touches, orders and refunds: a fold that more events may be given to at any time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import IdentifierKind
from projections.attribution.channels import touched
from projections.gathering import Linked
from projections.moment import millis, tag

ERASED, PLACED, RETURNED = "customer.customer_erased", Customer.OrderPlaced.TOPIC, Customer.LinesReturned.TOPIC


class Touch(NamedTuple):
    """``tag`` orders what was at the same moment."""

    at_ms: int
    tag: int
    channel: str


@dataclass(frozen=True, slots=True)
class Order:
    """As the ledger has it."""

    at_ms: int
    order_id: str
    currency: str
    cents: int
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back, of an order that may not be known yet."""

    at_ms: int
    return_id: str
    order_id: str
    currency: str
    cents: int
    erased: bool = False


@dataclass(slots=True)
class Trail:
    """``version``: how many of the stream's events are in it. ``others``: streams it says it is one with."""

    version: int = 0
    touches: list[Touch] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    kind: IdentifierKind | None = None
    others: dict[UUID, IdentifierKind] = field(default_factory=dict)
    erased: bool = False

    def take(self, events: Iterable[Event]) -> Self:
        """More of the stream's events, in the order of their versions; those that it has change nothing."""
        for event in events:
            if event.originator_version > self.version:
                self.version = event.originator_version
                self._take(event)
        return self

    def linked(self, stream: UUID) -> Linked | None:
        """With whom it says that it is one person."""
        return Linked(stream, self.kind, self.others) if self.others else None

    def _take(self, event: Event) -> None:
        if isinstance(event, Customer.OrderPlaced | Customer.LinesReturned) or (
            isinstance(event, Erased) and event.topic in (PLACED, RETURNED)
        ):
            self._sell(event)
        elif isinstance(event, Customer.IdentifierLinked):
            self.others[event.other] = event.other_kind
        elif isinstance(event, Customer.IdentifierUnlinked):
            self.others.pop(event.other, None)
        elif isinstance(event, Customer.Opened):
            self.kind = event.kind
        elif topic(event) == ERASED:
            self._erase()
        elif isinstance(event, Customer.Event) and not self.erased and (channel := touched(event)):
            self.touches.append(Touch(millis(event.occurred_at), tag(event.source_id), channel))

    def _sell(self, event: Customer.OrderPlaced | Customer.LinesReturned | Erased) -> None:
        said, gone = ledger(event), self.erased or isinstance(event, Erased)
        at_ms, currency = millis(_when(said["occurred_at"])), str(said["currency"])
        if topic(event) == PLACED:
            self.orders.append(Order(at_ms, said["order_id"], currency, said["total_cents"], gone))
        else:
            order_id, cents = said["order_id"], said["refund_cents"]
            self.refunds.append(Refund(at_ms, said["return_id"], order_id, currency, cents, gone))

    def _erase(self) -> None:
        """What is left is what an erased log would have left."""
        self.erased, self.kind = True, None
        self.touches.clear()
        self.others.clear()
        self.orders = [replace(order, erased=True) for order in self.orders]
        self.refunds = [replace(refund, erased=True) for refund in self.refunds]


def topic(event: Event) -> str:
    """What kind of event it is, or was before it was erased."""
    return event.topic if isinstance(event, Erased) else str(getattr(type(event), "TOPIC", ""))


def ledger(event: Customer.OrderPlaced | Customer.LinesReturned | Erased) -> Mapping[str, Any]:
    """The fields that stay readable after erasure."""
    return event.ledger if isinstance(event, Erased) else event.__dict__


def _when(said: datetime | str) -> datetime:
    return said if isinstance(said, datetime) else datetime.fromisoformat(said)
