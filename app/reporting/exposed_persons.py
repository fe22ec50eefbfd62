"""Everybody who was exposed to an experiment, with what they did: a fold over the logs of all shards, up to a position
of each. Streams that are one person are read again together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from adapters.eventlog.scan import FIRST, LAST, streams_between
from app.training.training_set import TOGETHER
from app.training.work import Positions, streams_of
from app.wiring import Wiring
from domain.customer import Customer
from domain.event import Event
from projections.experiments.exposed import Person, outcomes
from projections.experiments.places import showings
from projections.gathering import Linked, gathered, linked
from projections.moment import millis

Streams = dict[UUID, list[Event]]


@dataclass(frozen=True, slots=True)
class Exposed:
    """``persons`` in the order of their oldest streams; the ``positions`` that they were folded up to."""

    persons: tuple[Person, ...]
    positions: Positions


def read(
    wiring: Wiring,
    key: str,
    currency: str,
    positions: Positions,
    progress: Callable[[int], None] = lambda n: None,
    *,
    with_showings: bool = False,
) -> Exposed:
    """``progress`` hears of events read. ``with_showings``: what persons were shown of answers too. Raises
    UnavailableError, also when the shards are moved meanwhile."""
    fold = partial(_person, key, currency, with_showings)
    alone: dict[UUID, Person] = {}
    several: list[Linked] = []
    for shard, until in enumerate(positions.shards):
        for stream, events in streams_between(wiring.customers[shard], FIRST, LAST, until):
            progress(len(events))
            if told := linked(stream, events):
                several.append(told)
            elif person := fold({stream: events}):
                alone[stream] = person
    groups = gathered(several)
    for members in groups:
        for stream in members:  # one that does not know that it is linked was folded alone
            alone.pop(stream, None)
    found = dict(alone)
    for first, person in _together(wiring, fold, groups, positions, progress):
        found[first] = person
    return Exposed(tuple(found[stream] for stream in sorted(found)), positions)


def _together(
    wiring: Wiring,
    fold: Callable[[Streams], Person | None],
    groups: Sequence[frozenset[UUID]],
    positions: Positions,
    progress: Callable[[int], None],
) -> Iterator[tuple[UUID, Person]]:
    batch: list[frozenset[UUID]] = []
    for number, members in enumerate(groups, 1):
        batch.append(members)
        if sum(map(len, batch)) < TOGETHER and number < len(groups):
            continue
        streams = streams_of(wiring, (stream for each in batch for stream in each), positions)
        progress(sum(map(len, streams.values())))
        for each in batch:
            if person := fold({s: streams[s] for s in sorted(each) if s in streams}):
                yield min(each), person
        batch = []


def _person(key: str, currency: str, with_showings: bool, streams: Streams) -> Person | None:
    """None for somebody who was never exposed to this experiment."""
    seen = sorted(
        (millis(event.occurred_at), event.variant, event.channel.value)
        for events in streams.values()
        for event in events
        if isinstance(event, Customer.ExperimentExposed) and event.experiment == key
    )
    if not seen:
        return None
    exposures = tuple((at, arm) for at, arm, _ in seen)
    known = showings(streams.values()) if with_showings else ()
    shown = tuple(each for each in known if each.at_ms >= exposures[0][0])
    return Person(exposures, outcomes(streams, currency), seen[0][2], shown, frozenset(streams))
