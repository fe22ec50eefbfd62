"""Other futures of what happened: for finding out whether anything before knew. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.values import Line
from projections.knowledge import IDENTITY
from projections.moment import millis

#: People, each with their streams.
People = Sequence[Mapping[UUID, Sequence[Event]]]
#: Who is who and what may be used are decided for the whole of a training set, and are no features.
KEPT = (*IDENTITY, Customer.ConsentGiven, Customer.ConsentWithdrawn, Erased)


def futures(people: People, cut: int) -> Iterator[People]:
    """Two worlds that are the same before ``cut`` (milliseconds since 1970): in one nothing happens from then on, in
    the other the same happens with other items."""
    yield [{s: [e for e in events if not _later(e, cut)] for s, events in streams.items()} for streams in people]
    yield [
        {s: [changed(e) if _later(e, cut) else e for e in events] for s, events in streams.items()}
        for streams in people
    ]


def changed(event: Any) -> Event:
    """The same with all items, categories and prices being others; of the same source and moment."""
    other: dict[str, Any] = {}
    if hasattr(event, "sku"):
        other["sku"] = f"other {event.sku}"[:64]
    if isinstance(event, Customer.ProductViewed):
        other |= {"category": "other", "brand": "other", "price_cents": (event.price_cents or 0) + 777}
    if isinstance(event, Customer.AddedToCart):
        other["line"] = _line(event.line)
    if hasattr(event, "lines"):
        other["lines"] = tuple(map(_line, event.lines))
    copy: Event = event.model_copy(update=other)
    return copy


def _line(line: Line) -> Line:
    price = (line.price_cents or 0) + 777
    return line.model_copy(update={"sku": f"other {line.sku}"[:64], "category": "other", "price_cents": price})


def _later(event: Any, cut: int) -> bool:
    return not isinstance(event, KEPT) and millis(event.occurred_at) >= cut
