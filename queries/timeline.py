"""A person's events in words, newest first, a page at a time."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Any, Self
from uuid import UUID

from domain.customer import BEGUN
from domain.erased import Erased
from domain.event import Event
from projections.moment import millis
from queries.answers import LoggedEvent
from queries.moment import happened_at

HIDDEN = {"originator_id", "originator_version", "originator_topic", "timestamp", "occurred_at", "source_id"}
_PLACE = re.compile(r"(-?\d{1,15})\.(\d{1,15})\.(\d{1,10})\.([0-9a-f]{32})", re.ASCII)
LONGEST_PLACE = 80


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an entry stands among all of a person's: by when it happened, was recorded (milliseconds since 1970), its
    version, and the stream's id or the decision's. As text it is a cursor."""

    at_ms: int
    recorded_at_ms: int
    version: int
    id: UUID

    def __str__(self) -> str:
        return f"{self.at_ms}.{self.recorded_at_ms}.{self.version}.{self.id.hex}"

    @classmethod
    def read(cls, text: str) -> Self:
        """A cursor from outside. Raises ValueError, without the text."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError("is no place in a timeline")
        at, recorded, version, id_ = found.groups()
        return cls(int(at), int(recorded), int(version), UUID(id_))


@dataclass(frozen=True, slots=True)
class Page:
    """The latest entries; the latest of those ``before`` a place; or the first of those ``after`` one."""

    before: Place | None = None
    after: Place | None = None

    def has(self, place: Place) -> bool:
        """Whether it is among those."""
        return (self.before is None or place < self.before) and (self.after is None or place > self.after)


LATEST = Page()


def timeline(
    streams: Iterable[tuple[UUID, Sequence[Event]]], limit: int, page: Page = LATEST
) -> tuple[LoggedEvent, ...]:
    """``limit`` events of all streams, the latest first by when they happened. Others are not put in words."""
    placed = ((_place(event), event) for _, events in streams for event in events)
    wanted = ((place, event) for place, event in placed if page.has(place))
    if page.after is None:
        found = nlargest(limit, wanted, key=lambda each: each[0])
    else:
        found = nsmallest(limit, wanted, key=lambda each: each[0])[::-1]
    return tuple(_logged(event) for _, event in found)


def place_of(event: LoggedEvent) -> Place:
    """Where it stands."""
    return Place(event.occurred_at_ms, event.recorded_at_ms, event.version, event.stream)


def _place(event: Event) -> Place:
    happened, recorded = millis(happened_at(event)), millis(event.timestamp)
    return Place(happened, recorded, event.originator_version, event.originator_id)


def identity_graph(streams: Iterable[tuple[UUID, Sequence[Event]]]) -> dict[str, list[str]]:
    """Kind → the person's identifiers of that kind, decrypted from the first event of each stream, or from the one that
    said it again when that had expired."""
    graph: dict[str, list[str]] = {}
    for _, events in streams:
        if named := next((event for event in events if isinstance(event, BEGUN)), None):
            graph.setdefault(named.kind.value, []).append(named.value)
    return {kind: sorted(values) for kind, values in sorted(graph.items())}


def _logged(event: Event) -> LoggedEvent:
    return LoggedEvent(
        stream=event.originator_id,
        version=event.originator_version,
        name=event.topic if isinstance(event, Erased) else type(event).TOPIC,  # type: ignore[attr-defined]
        occurred_at_ms=millis(happened_at(event)),
        recorded_at_ms=millis(event.timestamp),
        facts=_facts(event),
    )


def _facts(event: Event) -> dict[str, Any]:
    if isinstance(event, Erased):
        return {"erased": True, **event.ledger}
    facts = event.model_dump(mode="json", exclude=HIDDEN)
    return {name: value for name, value in facts.items() if value not in (None, [], {}, 0)}
