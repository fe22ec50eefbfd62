"""What deliveries should have recorded, and what the log holds of it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind


@dataclass(frozen=True, slots=True)
class Due:
    """What one delivery should record: ``event`` under ``source`` on the stream of the first identifier by precedence
    (None: no event of its own), and links, on both sides, between that stream and those of the other identifiers."""

    source: str
    event: type[Customer.Event] | None
    identifiers: tuple[Identifier, ...]


class Books:
    """Every event of the log, by what it says of the delivery that it came from."""

    def __init__(self) -> None:
        self._streams: dict[tuple[IdentifierKind, str], set[UUID]] = {}
        self._openings: Counter[UUID] = Counter()
        self._events: Counter[tuple[UUID, str]] = Counter()
        self._classes: dict[tuple[UUID, str], type] = {}
        self._links: Counter[tuple[UUID, UUID]] = Counter()
        self._homes: dict[str, set[UUID]] = {}

    def enter(self, event: Any) -> None:
        """Takes an event of a customer's stream; none is passed over."""
        stream = event.originator_id
        if isinstance(event, Customer.Opened):
            self._openings[stream] += 1
            self._streams.setdefault((event.kind, event.value), set()).add(stream)
            return
        self._events[stream, event.source_id] += 1
        self._classes[stream, event.source_id] = type(event)
        if isinstance(event, Customer.IdentifierLinked):
            self._links[stream, event.other] += 1
        else:
            self._homes.setdefault(event.source_id, set()).add(stream)

    def times(self, source: str) -> int:
        """How many events of their own have this source id, on all streams together."""
        return sum(self._events[stream, source] for stream in self._homes.get(source, ()))

    def missing(self, due: Collection[Due]) -> list[str]:
        """The sources of deliveries of which anything that should be there is not."""
        return [each.source for each in due if not self._holds(each)]

    def doubled(self) -> int:
        """Too many: an event's source or a link twice on a stream, a source on two streams, an identifier with two
        streams, a stream opened twice."""
        twice = (*self._openings.values(), *self._events.values(), *self._links.values())
        places = (*self._homes.values(), *self._streams.values())
        return sum(count - 1 for count in twice) + sum(len(streams) - 1 for streams in places)

    def _holds(self, due: Due) -> bool:
        streams = [self._stream(identifier) for identifier in sorted(due.identifiers)]
        if None in streams:
            return False
        first, *others = streams
        own = due.event is None or self._classes.get((first, due.source)) is due.event  # type: ignore[arg-type]
        sides = [(first, other) for other in others] + [(other, first) for other in others]
        return own and all(side in self._links for side in sides)

    def _stream(self, identifier: Identifier) -> UUID | None:
        return next(iter(self._streams.get((identifier.kind, identifier.value), ())), None)
