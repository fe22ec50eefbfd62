"""The bus: where facts go, what is linked, what is recorded once."""

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.browse import RecordView
from commands.bus import Bus
from commands.command import Command
from commands.experiment import DesignExperiment, StartExperiment
from commands.identify import Identify, UnlinkIdentifier
from commands.order import PlaceOrder
from commands.ports import ConflictError, Progress, UnavailableError
from commands.stock import ChangePrice
from domain.customer import Customer
from domain.event import Event
from domain.experiment import Design, Variant
from domain.identity import Identifier
from domain.sharding import shard_of
from domain.values import Channel

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class MemoryLog:
    """Streams of events. ``conflicts``: how many saves lose their race; ``down``: whether none succeeds."""

    def __init__(self) -> None:
        self.events: dict[UUID, list[Event]] = {}
        self.conflicts = 0
        self.down = False
        self.saves = 0
        self.offsets: dict[tuple[str, int], int] = {}

    def load(self, streams: Sequence[UUID]) -> dict[UUID, Any]:
        return {stream: self._mutated(self.events[stream]) for stream in streams if stream in self.events}

    def consumed(self, source: str) -> dict[int, int]:
        return {p: n for (s, p), n in self.offsets.items() if s == source}

    def save(self, aggregates: Iterable[Any], progress: Progress | None = None) -> int:
        if self.down:
            raise UnavailableError
        if self.conflicts:
            self.conflicts -= 1
            raise ConflictError
        self.saves += 1
        pending = [event for aggregate in aggregates for event in aggregate.collect_events()]
        for event in pending:
            stream = self.events.setdefault(event.originator_id, [])
            if event.originator_version != len(stream) + 1:
                raise ConflictError
            stream.append(event)
        for partition, offset in (progress.offsets if progress else {}).items():
            self.offsets[progress.source, partition] = offset
        return len(pending)

    def _mutated(self, events: Sequence[Event]) -> Any:
        aggregate: Any = None
        for event in events:
            aggregate = event.mutate(aggregate)
        return aggregate


class MemoryDirectory(dict[Identifier, UUID]):
    """``orders``: of erased customers."""

    orders: ClassVar[dict[str, UUID]] = {}

    def claim(self, identifiers: Iterable[Identifier]) -> dict[Identifier, UUID]:
        return {identifier: self.setdefault(identifier, uuid4()) for identifier in identifiers}

    def release(self, stale: Mapping[Identifier, UUID]) -> None:
        for identifier, stream in stale.items():
            if self.get(identifier) == stream:
                del self[identifier]

    def retained(self, orders: Iterable[str]) -> dict[str, UUID]:
        return {order: self.orders[order] for order in orders if order in self.orders}


class House:
    def __init__(self, shards: int = 1) -> None:
        self.shards = [MemoryLog() for _ in range(shards)]
        self.catalogue = MemoryLog()
        self.directory = MemoryDirectory()
        self.bus = self.another_bus()

    def another_bus(self) -> Bus:
        return Bus(self.shards, self.catalogue, self.directory)

    def told(self, name: str) -> list[str]:
        stream = self.directory[who(name)]
        events = self.shards[shard_of(stream, len(self.shards))].events[stream]
        return [type(event).__name__ for event in events]


def who(name: str) -> Identifier:
    kind, _, value = name.partition(":")
    return Identifier.model_validate({"kind": kind, "value": value})


def base(source: str, *names: str) -> dict[str, Any]:
    return {
        "identifiers": tuple(who(name) for name in names),
        "source_id": source,
        "occurred_at": NOW,
        "channel": Channel.WEB,
    }


def view(source: str, *names: str) -> RecordView:
    return RecordView(**base(source, *names), sku="S")


def order(source: str, number: str, *names: str) -> PlaceOrder:
    return PlaceOrder(**base(source, *names), order_id=number, total_cents=1, currency="USD", lines=())


def test_facts_go_to_the_first_identifier_by_precedence_and_the_others_are_linked_on_both_sides() -> None:
    house = House()
    (outcome,) = house.bus.dispatch([view("1", "anonymous:x", "user:42")])
    assert outcome.stream == house.directory[who("user:42")]
    assert outcome.events == 3
    assert house.told("user:42") == ["Opened", "IdentifierLinked", "ProductViewed"]
    assert house.told("anonymous:x") == ["Opened", "IdentifierLinked"]


@pytest.mark.parametrize("fresh", [False, True])
def test_a_redelivery_records_nothing(fresh: bool) -> None:
    house = House()
    commands = [view("1", "user:42", "email:a@b.de"), order("2", "o1", "user:42"), Identify(**base("3", "user:42"))]
    house.bus.dispatch(commands)
    bus = house.another_bus() if fresh else house.bus
    assert [outcome.events for outcome in bus.dispatch(commands)] == [0, 0, 0]
    assert house.told("user:42") == ["Opened", "IdentifierLinked", "ProductViewed", "OrderPlaced"]


def test_a_batch_is_one_save_a_shard() -> None:
    house = House(shards=3)
    house.bus.dispatch([view(f"{n}", f"user:{n}") for n in range(50)])
    assert [log.saves for log in house.shards] == [1, 1, 1]
    assert sum(len(log.events) for log in house.shards) == 50


def test_a_lost_race_is_run_again() -> None:
    house = House()
    house.shards[0].conflicts = 3
    assert house.bus.dispatch([view("1", "user:42")])[0].events == 1
    assert house.told("user:42") == ["Opened", "ProductViewed"]


def test_somebody_else_s_events_are_seen_after_a_conflict() -> None:
    house = House()
    one, other = house.another_bus(), house.another_bus()
    one.dispatch([view("1", "user:42")])
    other.dispatch([view("2", "user:42")])
    assert [outcome.events for outcome in one.dispatch([view("2", "user:42"), view("3", "user:42")])] == [0, 1]
    assert house.told("user:42") == ["Opened", "ProductViewed", "ProductViewed", "ProductViewed"]


def test_what_could_not_be_saved_is_not_believed_to_be() -> None:
    house = House()
    house.shards[0].down = True
    with pytest.raises(UnavailableError):
        house.bus.dispatch([view("1", "user:42")])
    house.shards[0].down = False
    assert house.bus.dispatch([view("1", "user:42")])[0].events == 1


def test_unlinking_is_recorded_on_both_sides() -> None:
    house = House()
    house.bus.dispatch([view("1", "user:42", "email:a@b.de")])
    unlink = UnlinkIdentifier(**base("2", "user:42"), other=who("email:a@b.de"), reason="a friend's address")
    assert house.bus.dispatch([unlink])[0].events == 2
    assert house.told("email:a@b.de") == ["Opened", "IdentifierLinked", "IdentifierUnlinked"]


def test_products_and_experiments_have_a_log_of_their_own() -> None:
    house = House()
    variants = (Variant(name="a", buckets=5000), Variant(name="b", buckets=5000))
    design = Design(hypothesis="h", primary_metric="m", variants=variants)
    commands: list[Command] = [
        ChangePrice(source_id="1", occurred_at=NOW, sku="S", price_cents=5, currency="USD"),
        StartExperiment(source_id="2", occurred_at=NOW, key="hero"),
        DesignExperiment(source_id="3", occurred_at=NOW, key="hero", design=design),
        StartExperiment(source_id="4", occurred_at=NOW, key="hero"),
        DesignExperiment(source_id="5", occurred_at=NOW, key="hero", design=design),
    ]
    outcomes = house.bus.dispatch(commands)
    assert [outcome.events for outcome in outcomes] == [1, 0, 1, 1, 0]
    assert [bool(outcome.refused) for outcome in outcomes] == [False, True, False, False, True]
    assert house.shards[0].events == {} and len(house.catalogue.events) == 2
    assert [o.events for o in house.another_bus().dispatch(commands[2:4])] == [0, 0]


NAMES = st.sampled_from(["user:1", "user:2", "email:a@b.de", "email:c@d.de", "anonymous:x", "anonymous:y", "loyalty:7"])
COMMANDS = st.lists(
    st.tuples(st.sampled_from("vo"), st.integers(0, 12), st.lists(NAMES, min_size=1, max_size=3, unique=True)),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(COMMANDS, st.randoms(use_true_random=False))
def test_one_by_one_in_batches_or_shuffled_and_twice_is_all_the_same(
    asked: list[tuple[str, int, list[str]]], chance: random.Random
) -> None:
    commands: list[Command] = [
        view(f"{n}", *names) if kind == "v" else order(f"{n}", f"order {number}", *names)
        for n, (kind, number, names) in enumerate(asked)
    ]
    ordered, shuffled = House(), House(shards=3)
    for command in commands:
        ordered.bus.dispatch([command])
    again = chance.sample([*commands, *commands], 2 * len(commands))
    for start in range(0, len(again), 7):
        shuffled.bus.dispatch(again[start : start + 7])
    assert _content(ordered) == _content(shuffled)


def _content(house: House) -> dict[Identifier, list[tuple[Any, ...]]]:
    """By identifier: what is recorded, without numbers and sources that depend on the order."""
    names = {stream: identifier for identifier, stream in house.directory.items()}
    events = (event for log in house.shards for stream in log.events.values() for event in stream)
    found: dict[Identifier, list[tuple[Any, ...]]] = {}
    for event in events:
        what: tuple[Any, ...] = (type(event).__name__,)
        if isinstance(event, Customer.IdentifierLinked):
            what += (names[event.other].kind, names[event.other].value)
        elif isinstance(event, Customer.OrderPlaced):
            what += (event.order_id,)
        elif isinstance(event, Customer.ProductViewed):
            what += (event.source_id,)
        found.setdefault(names[event.originator_id], []).append(what)
    return {identifier: sorted(content) for identifier, content in found.items()}
