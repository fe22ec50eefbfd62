"""Time travel against brute force: any world, any stream, any two times."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from domain.event import Created
from domain.ties import TIES
from queries import circle, moment
from queries.moment import Moment
from queries.travel import Snapshot, travel
from readmodels.customer import encode
from tests.queries.worlds import Truth, World, truth, worlds

SOME = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PLACES = 12


def told(snapshot: Snapshot | None) -> Truth | None:
    """As the oracle tells it."""
    if snapshot is None:
        return None
    counted = {stream: [e.originator_version for e in events] for stream, events in snapshot.streams.items()}
    return Truth(frozenset(snapshot.streams), counted, encode(snapshot.record()))


def differences(world: World, times: list[tuple[datetime | None, datetime | None]]) -> list[Any]:
    """Streams and moments of which the travel tells something else than the oracle."""
    return [
        (start, as_of, known_at)
        for start in world.streams
        for as_of, known_at in times
        if told(travel(world.read, start, Moment(as_of, known_at))) != truth(world, start, as_of, known_at)
    ]


@st.composite
def journeys(draw: st.DrawFn) -> tuple[World, list[tuple[datetime | None, datetime | None]]]:
    """A world, and moments at which something in it changes; the second time may lie before the first one."""
    world = draw(worlds())
    happened, recorded = world.moments()
    moments = st.tuples(st.sampled_from(happened), st.sampled_from(recorded))
    return world, draw(st.lists(moments, min_size=PLACES, max_size=PLACES))


@SOME
@given(journeys())
def test_any_moment_is_what_brute_force_makes_of_it(
    journey: tuple[World, list[tuple[datetime | None, datetime | None]]],
) -> None:
    assert differences(*journey) == []


def recorded_when_it_happened(self: Moment, event: Any) -> bool:
    return self.known_at is None or event.occurred_at <= self.known_at


def strictly_before(self: Moment, event: Any) -> bool:
    return self.known_at is None or event.timestamp < self.known_at


def links_when_they_happened(self: Moment, event: Any) -> bool:
    return self.past(event) or (self.knows(event) and isinstance(event, Created))


def the_future_too(self: Moment, event: Any) -> bool:
    return self.knows(event)


def one_side_only(self: circle.Circle, kinds: Any) -> circle.Near:
    return {stream: self._told[stream].linked & kinds for stream in kinds}


def nothing_around(self: circle.Circle, *_: Any) -> set[Any]:
    return set()


def what_was_linked_by_then(self: circle.Circle, streams: Any) -> set[Any]:
    return {other for stream in streams for other in self._told[stream].linked} - self._asked


FAULTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "known by event time": (Moment, "knows", recorded_when_it_happened),
    "a bound that is left out": (Moment, "knows", strictly_before),
    "links by event time": (Moment, "counts", links_when_they_happened),
    "the future counts": (Moment, "past", the_future_too),
    "links of one side": (circle.Circle, "_near", one_side_only),
    "devices are not followed": (circle.Circle, "_around", nothing_around),
    "later sides are not read": (circle.Circle, "_unread", what_was_linked_by_then),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above would fail, had the code this fault."""
    where, name, wrong = FAULTS[fault]
    monkeypatch.setattr(where, name, wrong)
    looking = settings(max_examples=600, deadline=None, phases=[Phase.generate], database=None)
    try:
        find(journeys(), lambda journey: bool(differences(*journey)), settings=looking)
    except NoSuchExample:
        pytest.fail("no world shows it")


@SOME
@given(worlds())
def test_with_each_moment_of_recording_one_event_more_is_known(world: World) -> None:
    for stream, events in world.streams.items():
        for number, event in enumerate(events, 1):
            snapshot = travel(world.read, stream, Moment(known_at=event.timestamp))
            assert snapshot is not None
            assert snapshot.streams[stream] == events[:number]
            others = [e for s in snapshot.streams for e in world.streams[s] if e.timestamp <= event.timestamp]
            assert snapshot.version == snapshot.record().version == len(others)


@SOME
@given(worlds())
def test_before_anything_was_recorded_or_had_happened_nobody_is_there(world: World) -> None:
    happened, recorded = world.moments()
    first = min(t for t in happened if t), min(t for t in recorded if t)
    for stream in world.streams:
        assert travel(world.read, stream, Moment(as_of=first[0])) is None
        assert travel(world.read, stream, Moment(known_at=first[1])) is None


def test_the_kinds_of_knowledge_are_those_of_the_definition() -> None:
    assert (Created, *TIES) == moment.KNOWLEDGE
