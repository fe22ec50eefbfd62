"""What goes wrong half-way: nothing unacknowledged stays behind, and what came through is not recorded again."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from commands.browse import RecordView
from commands.cart import AddToCart
from commands.command import Command, ProductCommand
from commands.identify import JoinLoyalty
from commands.order import PlaceOrder, ReturnLines
from commands.ports import ConflictError, UnavailableError
from commands.stock import CountStock, ListProduct, inventory_key
from domain.customer import Customer
from domain.product import product_id
from domain.sharding import shard_of
from tests.commands.test_bus import NOW, House, base, order, view, who


class BrokenView(RecordView):
    """A defect in a handler."""

    def handle(self, customer: Customer) -> None:
        """Records, then fails."""
        super().handle(customer)
        raise KeyError("a defect")


def test_a_defect_in_the_middle_leaves_no_decision_behind_that_a_later_save_would_store() -> None:
    house = House()
    house.bus.dispatch([view("1", "user:42")])
    with pytest.raises(KeyError):
        house.bus.dispatch([view("2", "user:42"), BrokenView(**base("3", "user:42"), sku="S")])
    house.bus.dispatch([order("4", "o", "user:42")])
    assert house.told("user:42") == ["Opened", "ProductViewed", "OrderPlaced"]


def test_a_decision_that_refuses_after_it_recorded_is_a_defect() -> None:
    class Hesitant(RecordView):
        def handle(self, customer: Customer) -> None:
            super().handle(customer)
            raise ValueError

    house = House()
    with pytest.raises(RuntimeError):
        house.bus.dispatch([Hesitant(**base("1", "user:42"), sku="S")])
    assert house.shards[0].events == {}


def test_a_command_of_no_stream_is_a_defect() -> None:
    with pytest.raises(TypeError, match="Command"):
        House().bus.dispatch([Command(source_id="1", occurred_at=NOW)])


def test_whoever_always_loses_the_race_is_told() -> None:
    house = House()
    house.shards[0].conflicts = 10**6
    with pytest.raises(ConflictError):
        house.bus.dispatch([view("1", "user:42")])
    assert house.shards[0].events == {}


def test_one_shard_down_then_up_records_each_fact_once() -> None:
    house = House(shards=2)
    commands = [view(f"{n}", f"user:{n}") for n in range(20)]
    house.shards[1].down = True
    with pytest.raises(UnavailableError):
        house.bus.dispatch(commands)
    house.shards[1].down = False
    house.bus.dispatch(commands)
    assert all(house.told(f"user:{n}") == ["Opened", "ProductViewed"] for n in range(20))


def test_a_race_lost_in_one_shard_repeats_nothing_in_the_other() -> None:
    house = House(shards=2)
    house.shards[1].conflicts = 2
    house.bus.dispatch([view(f"{n}", f"user:{n}") for n in range(20)])
    assert all(house.told(f"user:{n}") == ["Opened", "ProductViewed"] for n in range(20))
    streams = [[shard_of(stream, 2) for stream in log.events] for log in house.shards]
    assert set(streams[0]) == {0} and set(streams[1]) == {1}


def test_only_hot_aggregates_are_kept_and_the_others_are_loaded_again() -> None:
    house = House()
    house.bus = type(house.bus)(house.shards, house.catalogue, house.directory, cache=2)
    for source in ("a", "b"):
        for n in range(5):
            house.bus.dispatch([view(f"{source}{n}", f"user:{n}"), view(f"a{n}", f"user:{n}")])
    assert all(house.told(f"user:{n}") == ["Opened", "ProductViewed", "ProductViewed"] for n in range(5))


@pytest.mark.parametrize("cls", [ProductCommand, CountStock, ListProduct])
def test_a_product_is_refused_where_the_domain_would_refuse_it(cls: type[ProductCommand]) -> None:
    fields: dict[str, Any] = {"source_id": "1", "occurred_at": NOW, "available": 1, "title": "T"}
    given = {name: value for name, value in fields.items() if name in cls.model_fields}
    assert cls(**given, sku="x" * 64).sku
    for sku in ("", " ", "x" * 65):
        with pytest.raises(ValidationError, match="sku"):
            cls(**given, sku=sku)


def test_every_product_that_a_command_can_name_can_be_opened() -> None:
    house = House()
    commands = [
        CountStock(source_id=f"{n}", occurred_at=NOW, sku=sku, available=1)
        for n, sku in enumerate(["x" * 64, inventory_key("9" * 20)])
    ]
    assert [outcome.events for outcome in house.bus.dispatch(commands)] == [1, 1]
    assert set(house.catalogue.events) == {product_id("x" * 64), product_id("inventory:" + "9" * 20)}


def test_an_outcome_says_where_and_how_far() -> None:
    house = House()
    one, again = house.bus.dispatch([view("1", "user:42"), view("1", "user:42")])
    assert one.stream == again.stream == house.directory[who("user:42")]
    assert (one.version, one.events, again.version, again.events) == (2, 1, 2, 0)


@pytest.mark.parametrize(
    ("cls", "fields", "named"),
    [
        (AddToCart, {"line": {"sku": "S", "quantity": -1}}, "line.quantity"),
        (AddToCart, {"line": {"sku": "S"}, "currency": "XXX"}, "currency"),
        (PlaceOrder, {"order_id": "o", "total_cents": -1, "currency": "USD", "lines": ()}, "total_cents"),
        (ReturnLines, {"order_id": "o", "return_id": "", "refund_cents": 1, "currency": "USD"}, "return_id"),
        (JoinLoyalty, {"tier": "x" * 201}, "tier"),
        (RecordView, {"sku": "S", "occurred_at": NOW.replace(tzinfo=None)}, "occurred_at"),
        (RecordView, {"sku": "S", "identifiers": ()}, "identifiers"),
        (RecordView, {"sku": "S", "unheard_of": 1}, "unheard_of"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_field(cls: type[Command], fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        cls(**{**base("1", "user:42"), **fields})
    assert [".".join(map(str, error["loc"])) for error in refusal.value.errors()] == [named]


def test_streams_are_the_directory_s() -> None:
    house = House()
    house.directory[who("user:42")] = UUID(int=7)
    house.bus.dispatch([view("1", "user:42")])
    assert list(house.shards[0].events) == [UUID(int=7)]
