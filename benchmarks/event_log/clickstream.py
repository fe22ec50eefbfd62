"""A clickstream as large as wanted: the demo's real sessions, drawn again and again, each by a visitor of its own.

A visitor's clicks keep their products and the real time between them; visits begin one after the other through
``DAYS``, so that as many overlap as would in a shop.
"""

import heapq
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from uuid import UUID

from adapters.channels.channel import Delivery, Trust
from adapters.channels.segment import Segment
from app.demo import eshop
from commands.browse import RecordView
from commands.command import Command
from domain.identity import Identifier, IdentifierKind

DAYS = 28
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
Session = tuple[RecordView, ...]


@cache
def sessions() -> Sequence[Session]:
    """The demo's sessions as commands, through the channel adapter as they came."""
    channel = Segment(identity_secret=b"of no matter here", currency="USD")
    by_visitor: dict[Identifier, list[RecordView]] = {}
    for body in eshop.batches(eshop.segment_messages(eshop.csv_rows(eshop.DATA), shift_days=0)):
        delivery = Delivery({"content-type": "application/json"}, body, datetime(2026, 1, 1, tzinfo=UTC))
        for _, command in channel.parse(delivery, Trust(known_identifiers=True, backfill=True)).commands:
            if isinstance(command, RecordView):
                by_visitor.setdefault(command.identifiers[0], []).append(command)
    return [tuple(sorted(clicks, key=lambda c: c.occurred_at)) for clicks in by_visitor.values()]


def visits(customers: int, seed: int = 1) -> Iterator[RecordView]:
    """The clicks of so many customers, all together in the order of time."""
    chance, templates = random.Random(seed), sessions()
    apart = timedelta(days=DAYS) / customers
    waiting: list[tuple[datetime, str, Iterator[RecordView], RecordView]] = []
    for number in range(customers):
        begins = BEGIN + number * apart
        yield from _until(waiting, begins)
        clicks = _visit(templates[chance.randrange(len(templates))], UUID(int=chance.getrandbits(128)), begins)
        first = next(clicks)
        heapq.heappush(waiting, (first.occurred_at, first.source_id, clicks, first))
    yield from _until(waiting, None)


def events(count: int, seed: int = 1) -> Iterator[RecordView]:
    """So many clicks."""
    mean = sum(map(len, sessions())) / len(sessions())
    return islice(visits(int(count / mean * 1.05) + 10, seed), count)


def batches(commands: Iterator[RecordView], size: int = 500) -> Iterator[list[Command]]:
    """Commands as they are given to the bus."""
    while batch := list(islice(commands, size)):
        yield list(batch)


def _visit(template: Session, visitor: UUID, begins: datetime) -> Iterator[RecordView]:
    who = (Identifier(kind=IdentifierKind.ANONYMOUS, value=str(visitor)),)
    shift = begins - template[0].occurred_at
    for number, click in enumerate(template):
        changed = {"identifiers": who, "occurred_at": click.occurred_at + shift, "source_id": f"{visitor}-{number}"}
        yield click.model_copy(update=changed)


def _until(
    waiting: list[tuple[datetime, str, Iterator[RecordView], RecordView]], moment: datetime | None
) -> Iterator[RecordView]:
    while waiting and (moment is None or waiting[0][0] <= moment):
        _, _, clicks, click = waiting[0]
        following = next(clicks, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following.occurred_at, following.source_id, clicks, following))
        yield click
