"""A person's events in words, newest first."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from domain.customer import BEGUN
from domain.erased import Erased
from domain.event import Event
from projections.moment import millis
from queries.answers import LoggedEvent
from queries.moment import happened_at

HIDDEN = {"originator_id", "originator_version", "originator_topic", "timestamp", "occurred_at", "source_id"}


def timeline(streams: Iterable[tuple[UUID, Sequence[Event]]], limit: int) -> tuple[LoggedEvent, ...]:
    """The latest ``limit`` events of all streams, by when they happened."""
    logged = [_logged(event) for _, events in streams for event in events]
    return tuple(sorted(logged, key=_newness, reverse=True)[:limit])


def _newness(event: LoggedEvent) -> tuple[int, int, int, UUID]:
    return event.occurred_at_ms, event.recorded_at_ms, event.version, event.stream


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
