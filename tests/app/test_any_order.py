"""Deliveries in any order, cut in any way, sent twice: the same read models, byte for byte."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from app.projecting import folding, runners
from app.settings import Settings
from app.wiring import Wiring
from commands.bus import Bus
from commands.command import Command, CustomerCommand
from commands.identify import UnlinkIdentifier
from domain.identity import Identifier
from tests.adapters.channels.fixtures_loader import CHANNELS, TRUST, Fixture, load_fixtures
from tests.app.looking import products, told_by_identifier
from tests.namespaces import namespace

BIG = 40
PROJECT_EVERY = 30


def parsed(fixture: Fixture) -> list[Command]:
    """The commands of a delivery."""
    return [command for _, command in CHANNELS[fixture.channel].parse(fixture.delivery(), TRUST).commands]


DELIVERIES = [parsed(fixture) for fixture in load_fixtures()]


def identifiers() -> set[Identifier]:
    """All identifiers that any delivery names."""
    commands = [c for delivery in DELIVERIES for c in delivery if isinstance(c, CustomerCommand)]
    others = {c.other for c in commands if isinstance(c, UnlinkIdentifier)}
    return {identifier for command in commands for identifier in command.identifiers} | others


def send(wiring: Wiring, batches: Sequence[Sequence[Command]]) -> int:
    """Dispatches and projects, some at a time; how many events were recorded."""
    bus, events = Bus(wiring.customers, wiring.catalogue, wiring.directory), 0
    generation = folding.start_generation(wiring)
    for number, batch in enumerate(batches, 1):
        outcomes = bus.dispatch(batch)
        assert all(outcome.refused is None for outcome in outcomes)
        events += sum(outcome.events for outcome in outcomes)
        if number % PROJECT_EVERY == 0:
            runners.catch_up(wiring, generation)
    runners.catch_up(wiring, generation)
    return events


def shuffled(seed: int, big: bool) -> list[list[Command]]:
    """The deliveries in an order of their own, or all their commands, in batches that mix deliveries."""
    chance = random.Random(seed)
    if not big:
        return chance.sample(DELIVERIES, len(DELIVERIES))
    commands = [command for delivery in DELIVERIES for command in delivery]
    chance.shuffle(commands)
    return [commands[i : i + BIG] for i in range(0, len(commands), BIG)]


def result(wiring: Wiring) -> Any:
    """All that can be compared with another namespace."""
    return told_by_identifier(wiring, identifiers()), products(wiring)


@pytest.fixture(scope="module")
def expected(servers: Wiring, settings: Settings) -> Iterator[Any]:
    """The deliveries in the order of their names, once."""
    with namespace(settings) as built:
        send(built, DELIVERIES)
        yield result(built)


def test_there_is_something_to_compare(expected: Any) -> None:
    people, catalogue = expected
    assert len(DELIVERIES) > 50
    assert len(people) > 15
    assert max(len(together) for _, together in people.values()) > 2
    assert catalogue


@pytest.mark.parametrize("big", [False, True], ids=["deliveries", "mixed batches"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_and_twice_is_the_same_to_the_byte(wiring: Wiring, expected: Any, seed: int, big: bool) -> None:
    assert send(wiring, shuffled(seed, big)) > len(DELIVERIES)
    heads = [log.head() for log in (*wiring.customers, wiring.catalogue)]
    assert send(wiring, shuffled(seed + 100, big)) == 0
    assert [log.head() for log in (*wiring.customers, wiring.catalogue)] == heads
    assert runners.lag(wiring) == 0
    people, catalogue = result(wiring)
    for who, told in expected[0].items():
        assert people[who] == told, who
    assert people.keys() == expected[0].keys()
    assert catalogue == expected[1]
