"""A person as they were at a moment: the live folds over the events that count then."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from uuid import UUID

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event, Visibility, visibility
from domain.identity import person_id
from domain.money import from_cents
from domain.product import Product as ProductEvents
from projections.catalogue import fold
from projections.customer import fold_some
from queries.circle import TOPICS, Circle
from queries.moment import Moment
from readmodels.catalogue import Product, ProductRecord, products
from readmodels.customer import CustomerRecord, combine

Streams = Mapping[UUID, Sequence[Event]]
#: All events of many streams, or those of some topics, in one go.
Read = Callable[[Sequence[UUID], Sequence[str] | None], Iterable[tuple[UUID, list[Event]]]]
#: What describes and prices a product; not the many counts of its stock.
DESCRIPTION = (ProductEvents.Opened.TOPIC, ProductEvents.Listed.TOPIC, ProductEvents.PriceChanged.TOPIC)
#: Of what moves money: the field that names it, its amount, and in which direction.
MONEY = {
    Customer.OrderPlaced.TOPIC: ("order_id", "total_cents", 1),
    Customer.LinesReturned.TOPIC: ("return_id", "refund_cents", -1),
    Customer.LedgerRefunded.TOPIC: ("return_id", "refund_cents", -1),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``streams``: the person's, each with its events that count. Of an ``erased`` person's events only what law
    makes a retailer keep."""

    streams: Streams
    erased: bool

    @property
    def person_id(self) -> UUID:
        """Whoever they were then: the oldest stream."""
        return person_id(self.streams)

    @property
    def version(self) -> int:
        """How many events count."""
        return sum(map(len, self.streams.values()))

    def record(self) -> CustomerRecord:
        """What the live record would have been."""
        return combine(fold_some(events) for events in self.streams.values())


def travel(read: Read, stream: UUID, moment: Moment) -> Snapshot | None:
    """Whoever the stream belonged to, as they were; None for nobody.

    Links are followed until it is sure whose the stream was; then the person's other streams are read whole.
    """
    circle, history = Circle(stream, moment), dict(read([stream], None))
    circle.add([stream], history.items())
    while missing := sorted(circle.missing()):
        circle.add(missing, read(missing, TOPICS))
    members = circle.person()
    if others := sorted(members - {stream}):
        history.update(read(others, None))
    return snapshot({member: history[member] for member in members}, moment)


def snapshot(streams: Streams, moment: Moment) -> Snapshot | None:
    """Of all events of all streams that were one person by then. None where nothing had happened or was known.

    Whoever has a stream that is erased now is erased, at every moment from which they were known.
    """
    if any(isinstance(events[0], Erased) or _closed(events) for events in streams.values()):
        return Snapshot(_kept(streams, moment), erased=True)
    if not any(moment.past(event) for events in streams.values() for event in events):
        return None
    return Snapshot({s: [e for e in events if moment.counts(e)] for s, events in streams.items()}, erased=False)


def _closed(events: Sequence[Event]) -> bool:
    """Whether the person is erased, though the key may not be destroyed yet."""
    return any(isinstance(event, Customer.CustomerErased) for event in reversed(events))


def _kept(streams: Streams, moment: Moment) -> Streams:
    left = {stream: map(erased, events) for stream, events in streams.items()}
    return {stream: [event for event in events if moment.past(event)] for stream, events in left.items()}


def erased(event: Event) -> Erased:
    """What is left of an event once its key is destroyed."""
    if isinstance(event, Erased):
        return event
    kept = {name for name, field in type(event).model_fields.items() if visibility(field) is Visibility.LEDGER}
    envelope = {name: getattr(event, name) for name in Event.ENVELOPE}
    topic: str = type(event).TOPIC  # type: ignore[attr-defined]
    return Erased(**envelope, topic=topic, ledger=event.model_dump(mode="json", include=kept))


def ledger(streams: Streams) -> list[Erased]:
    """The orders and returns of an erased person."""
    return [e for events in streams.values() for e in events if isinstance(e, Erased) and e.topic in MONEY]


def net(entries: Iterable[Erased]) -> dict[str, str]:
    """Currency → what was paid less what went back, as decimal text. What two streams report counts once."""
    reports: dict[tuple[str, str], tuple[str, int]] = {}
    for entry in sorted(entries, key=lambda e: (e.timestamp, e.originator_id)):
        name, amount, sign = MONEY[entry.topic]
        reports.setdefault((name, entry.ledger[name]), (entry.ledger["currency"], sign * entry.ledger[amount]))
    sums: Counter[str] = Counter()
    for currency, cents in reports.values():
        sums[currency] += cents
    return {currency: str(from_cents(cents, currency)) for currency, cents in sorted(sums.items())}


def described(streams: Iterable[Sequence[Event]], moment: Moment) -> Mapping[str, Product]:
    """SKU → the product as the catalogue described and priced it at the moment, from the events of each."""
    return products(reduce(_folded, filter(moment.counts, events), ProductRecord()) for events in streams)


def _folded(record: ProductRecord, event: Event) -> ProductRecord:
    return fold(event, record)
