"""What one stream tells of touches, orders and refunds: a fold that more events may be given to at any time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from domain.customer import BEGUN, Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import IdentifierKind
from domain.ties import TIES, Ties
from projections.attribution.channels import touched
from projections.gathering import Linked
from projections.moment import millis, tag
from projections.permission import Age, Word, ages, words

ERASED, PLACED = Customer.CustomerErased.TOPIC, Customer.OrderPlaced.TOPIC
#: The second is of somebody who was erased before: for the books alone.
REFUNDED = (Customer.LinesReturned.TOPIC, Customer.LedgerRefunded.TOPIC)


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
    """``version``: how many of the stream's events are in it. ``others``: streams it says it is one with. ``words`` of
    consent and ``ages`` that were told decide which touches may count; see ``journeys.counted``."""

    version: int = 0
    touches: list[Touch] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    kind: IdentifierKind | None = None
    others: dict[UUID, IdentifierKind] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    ages: list[Age] = field(default_factory=list)
    erased: bool = False
    ties: Ties = field(default_factory=Ties)

    @property
    def empty(self) -> bool:
        """Whether it tells nothing that matters to anybody."""
        told = (self.touches, self.orders, self.refunds, self.others, self.words, self.ages)
        return not (any(told) or self.erased)

    def take(self, events: Iterable[Event]) -> Self:
        """More of the stream's events, in the order of their versions; those that it has change nothing."""
        for event in events:
            if event.originator_version > self.version:
                self.version = event.originator_version
                self._take(event)
        return self

    def linked(self, stream: UUID, gone: frozenset[UUID] = frozenset()) -> Linked | None:
        """With whom it says that it is one person, but for those who are ``gone``."""
        others = {other: kind for other, kind in self.others.items() if other not in gone}
        return Linked(stream, self.kind, others) if others else None

    def _take(self, event: Event) -> None:
        if topic(event) == PLACED or topic(event) in REFUNDED:
            self._sell(event)
        elif isinstance(event, TIES):
            self.ties.learn(event)
            self.others = self.ties.now
        elif isinstance(event, BEGUN):
            self.kind = event.kind
        elif isinstance(event, Customer.ConsentGiven | Customer.ConsentWithdrawn):
            self.words += words([[event]])
        elif isinstance(event, Customer.DetailsGiven | Customer.DetailsCorrected):
            self.ages += ages([event])
        elif topic(event) == ERASED:
            self._erase()
        elif isinstance(event, Customer.Event) and not self.erased and (channel := touched(event)):
            self.touches.append(Touch(millis(event.occurred_at), tag(event.source_id), channel))

    def _sell(self, event: Event) -> None:
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
        self.ties = Ties()
        self.others.clear()
        self.words.clear()
        self.ages.clear()
        self.orders = [replace(order, erased=True) for order in self.orders]
        self.refunds = [replace(refund, erased=True) for refund in self.refunds]


def topic(event: Event) -> str:
    """What kind of event it is, or was before it was erased."""
    return event.topic if isinstance(event, Erased) else str(getattr(type(event), "TOPIC", ""))


def ledger(event: Event) -> Mapping[str, Any]:
    """The fields that stay readable after erasure."""
    return event.ledger if isinstance(event, Erased) else event.__dict__


def _when(said: datetime | str) -> datetime:
    return said if isinstance(said, datetime) else datetime.fromisoformat(said)
