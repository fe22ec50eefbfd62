"""How much of the log is read: a tablet that thousands share must not make everybody's history everybody's cost."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.customer import Customer
from domain.event import Event
from domain.identity import IdentifierKind
from domain.values import Channel
from queries.moment import Moment
from queries.travel import travel
from tests.projections.facts import START
from tests.queries.worlds import World, truth

OWNERS = 3_000
TABLET = UUID(int=1 << 100)
LAG = timedelta(seconds=5)


def owner(number: int) -> UUID:
    return UUID(int=number + 1)


def event(stream: UUID, version: int, kind: type[Customer.Event], at: int, /, **fields: Any) -> Event:
    when = START + timedelta(minutes=at)
    return kind(
        originator_id=stream,
        originator_version=version,
        timestamp=when + (LAG if stream == TABLET else timedelta(0)),
        occurred_at=when,
        source_id=f"{version}",
        channel=Channel.STORE,
        **fields,
    )


def opened(stream: UUID, kind: IdentifierKind, at: int) -> Event:
    return event(stream, 1, Customer.Opened, at, kind=kind, value=f"{stream.int}", originator_topic="customer")


def linked(stream: UUID, version: int, at: int, other: UUID, kind: IdentifierKind) -> Event:
    return event(stream, version, Customer.IdentifierLinked, at, other=other, other_kind=kind, evidence="Identify")


@pytest.fixture(scope="module")
def store() -> World:
    """One customer a minute logs in on the tablet; it records each link 5 s after the customer's stream does."""
    streams = {TABLET: [opened(TABLET, IdentifierKind.DEVICE, -1)]}
    for number in range(OWNERS):
        stream = owner(number)
        links = [linked(stream, 2, number, TABLET, IdentifierKind.DEVICE)]
        streams[stream] = [opened(stream, IdentifierKind.USER, number), *links]
        streams[TABLET].append(linked(TABLET, number + 2, number, stream, IdentifierKind.USER))
    return World(streams)


def read(world: World, stream: UUID, moment: Moment) -> tuple[set[UUID], int, int]:
    """The person's streams, how many streams were read for that, and in how many goes."""
    world.asked.clear()
    found = travel(world.read, stream, moment)
    members = set(found.streams) if found else set()
    assert {each for streams, whole in world.asked if whole for each in streams} == members | {stream}
    links = [each for streams, whole in world.asked if not whole for each in streams]
    assert len(links) == len(set(links)), "read twice"
    return members, len(links) + 1, len(world.asked)


@pytest.mark.parametrize("number", [0, 1, OWNERS // 2, OWNERS - 1])
def test_one_of_thousands_is_read_with_a_few_others(store: World, number: int) -> None:
    members, streams, goes = read(store, owner(number), Moment())
    assert members == {owner(number)}
    assert streams <= 70 and goes <= 3


def test_the_shared_tablet_itself_is_read_with_a_few_others(store: World) -> None:
    members, streams, goes = read(store, TABLET, Moment())
    assert members == {TABLET}
    assert streams <= 70 and goes <= 4


@pytest.mark.parametrize("number", [2, 60, 64, 1_000])
def test_long_ago_it_is_as_cheap(store: World, number: int) -> None:
    moment = Moment(known_at=START + timedelta(minutes=number + 1))
    for stream in (owner(0), owner(number), TABLET):
        members, streams, _ = read(store, stream, moment)
        assert members == {stream} == truth_of(store, stream, moment)
        assert streams <= 70


def test_while_it_had_one_owner_it_was_theirs(store: World) -> None:
    """All that link to it later have to be looked at here: theirs might be the side that was recorded in time."""
    moment = Moment(known_at=START + timedelta(seconds=30))
    for stream in (owner(0), TABLET):
        assert read(store, stream, moment)[0] == {owner(0), TABLET} == truth_of(store, stream, moment)


def test_a_side_that_was_recorded_in_time_is_found_among_thousands(store: World) -> None:
    """The second customer's side is known, the tablet's own is not yet."""
    moment = Moment(known_at=START + timedelta(minutes=1, seconds=2))
    for stream in (owner(0), owner(1), TABLET):
        assert read(store, stream, moment)[0] == {stream} == truth_of(store, stream, moment)


def truth_of(world: World, stream: UUID, moment: Moment) -> set[UUID]:
    near = {s: events for s, events in world.streams.items() if s.int < 100 or s in (stream, TABLET)}
    found = truth(World(near), stream, moment.as_of, moment.known_at)
    return set(found.members) if found else set()
