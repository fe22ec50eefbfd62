"""The situation of a request: all that rules may ask of it and of the person."""

from collections.abc import Mapping
from dataclasses import dataclass

from queries.recommend.ask import Ask
from queries.recommend.segments import consents_of, segments_of
from readmodels.customer import CustomerRecord


@dataclass(frozen=True, slots=True)
class Situation:
    """``at_ms``: the request's time. ``arms``: ``experiment:variant`` of each experiment that the person is in."""

    placement: str
    at_ms: int
    channel: str | None = None
    store: str | None = None
    device: str | None = None
    consents: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    arms: frozenset[str] = frozenset()


def situation_of(ask: Ask, record: CustomerRecord, arms: Mapping[str, str] | None = None) -> Situation:
    """Of a request and the record of whoever asks. ``arms``: experiment → variant."""
    return Situation(
        placement=ask.placement,
        at_ms=ask.at_ms,
        channel=ask.channel,
        store=ask.store,
        device=ask.device,
        consents=consents_of(record),
        segments=segments_of(record, ask.at_ms),
        arms=frozenset(f"{experiment}:{variant}" for experiment, variant in (arms or {}).items()),
    )
