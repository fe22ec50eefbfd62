"""The read models as queries see them: after a move, a switch of generations, a change of the shop, a wipe."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from uuid import uuid4

import pytest

from adapters import redis as redis_adapter
from adapters.redis.generations import Generations
from adapters.redis.reader import RedisReader
from adapters.redis.stores import RedisCatalogueStore, RedisCustomerStore, RedisStatisticsStore
from app.wiring import Wiring
from commands.ports import UnavailableError
from domain.product import product_id
from ml.nextitem.model import Config
from queries.ports import Shop
from queries.recommend.assemble import Models
from readmodels import catalogue, customer, statistics
from readmodels.catalogue import Count, Listing, Price, ProductRecord
from readmodels.customer import CustomerRecord
from readmodels.keys import Keys
from readmodels.statistics import Statistics
from readmodels.stores import Shelved, Write
from tests.adapters.redis.test_stores import settled
from tests.app.looking import until

A, B, C, D = sorted(uuid4() for _ in range(4))
RECORD = CustomerRecord(version=1, kind="user", first_at=5)


class Room:
    """A namespace of its own, and everything that writes into it."""

    def __init__(self, servers: Wiring) -> None:
        self.url, self.client, self.name = servers.redis_url, servers.redis, f"t_{uuid4().hex[:12]}"
        self.generations = Generations(self.client, self.name)
        self.model = Config()
        redis_adapter.load_functions(self.client)

    def people(self, generation: int = 1) -> RedisCustomerStore:
        return RedisCustomerStore(self.client, Keys(self.name, generation))

    def sell(self, sku: str, cents: int, *, was: int = 0, stock: int = 1, generation: int = 1) -> None:
        """Puts a product into the catalogue, as its next version."""
        listing = Listing(1, 1, sku, "Shirts", None, None, None, (), None, True, None, None)
        record = ProductRecord(was + 1, sku, listing, Price(1, 1, cents, "EUR"), {"": Count(1, 1, stock)})
        store = RedisCatalogueStore(self.client, Keys(self.name, generation))
        at = store.position()
        assert store.write(at, at + 1, [Shelved(product_id(sku), at + 1, catalogue.encode(record))]) == at + 1

    def ask(self, *steps: Callable[[RedisReader], Awaitable[None]]) -> None:
        """Runs the steps with one reader."""

        async def run() -> None:
            reader = RedisReader(self.url, self.name, in_use=lambda: Models(self.model))
            try:
                for step in steps:
                    await step(reader)
            finally:
                await reader.close()

        asyncio.run(run())


def sells(reader: RedisReader, skus: set[str]) -> Callable[[], Awaitable[bool]]:
    """Whether these are what the reader's shop has."""

    async def look() -> bool:
        return set((await reader.shop()).products) == skus

    return look


def other_shop(reader: RedisReader, than: Shop) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return await reader.shop() is not than

    return look


@pytest.fixture
def room(servers: Wiring) -> Iterator[Room]:
    made = Room(servers)
    made.generations.switch(1)
    yield made
    for key in servers.redis.scan_iter(match=f"{made.name}:*", count=1000):
        servers.redis.unlink(key)


def test_a_stream_leads_to_its_person_with_all_its_streams(room: Room) -> None:
    people = room.people()
    people.write([Write(s, s, 0, customer.encode(RECORD)) for s in (A, B, C)])
    settled(people, A, {A: customer.encode(RECORD), B: customer.encode(RECORD)}, [B])

    async def look(reader: RedisReader) -> None:
        for stream, home, members in ((A, A, {A, B}), (B, A, {A, B}), (C, C, {C}), (D, D, set())):
            person, _ = await reader.person(stream)
            assert (person.person_id, set(person.streams)) == (home, members)
            assert all(record == RECORD for record in person.streams.values())

    room.ask(look)


def test_two_markers_in_a_row_are_followed(room: Room) -> None:
    people = room.people()
    settled(people, B, {B: customer.encode(RECORD), C: customer.encode(RECORD)}, [C])
    settled(people, A, dict.fromkeys((A, B, C), customer.encode(RECORD)), [B])

    async def look(reader: RedisReader) -> None:
        person, _ = await reader.person(C)
        assert (person.person_id, set(person.streams)) == (A, {A, B, C})

    room.ask(look)


def test_a_switch_counts_as_soon_as_it_is_told(room: Room) -> None:
    room.sell("OLD", 100)
    room.people(1).write([Write(A, A, 0, customer.encode(RECORD))])
    room.sell("NEW", 200, generation=2)
    later = CustomerRecord(version=2, kind="user", first_at=9)
    room.people(2).write([Write(A, A, 0, customer.encode(later))])

    async def before(reader: RedisReader) -> None:
        person, shop = await reader.person(A)
        assert (set(shop.products), person.streams[A].first_at) == ({"OLD"}, 5)
        assert set((await reader.shop()).products) == {"OLD"}

    async def after(reader: RedisReader) -> None:
        room.generations.switch(2)
        await until(sells(reader, {"NEW"}))
        person, shop = await reader.person(A)
        assert (set(shop.products), person.streams[A].first_at) == ({"NEW"}, 9)

    room.ask(before, after)


def test_the_catalogue_counts_as_soon_as_it_is_told(room: Room) -> None:
    room.sell("SKU", 100)

    async def look(reader: RedisReader) -> None:
        first = await reader.shop()
        assert first.products["SKU"].cents == 100
        assert await reader.shop() is first  # nothing changed, so nothing is loaded
        room.sell("SKU", 90, was=1, stock=0)
        room.sell("MORE", 10)
        await until(sells(reader, {"SKU", "MORE"}))
        _, shop = await reader.person(A)
        assert (shop.products["SKU"].cents, shop.products["SKU"].in_stock) == (90, False)
        assert set(shop.products) == {"SKU", "MORE"}

    room.ask(look)


def test_statistics_count_as_soon_as_they_are_told_and_so_does_another_model(room: Room) -> None:
    room.sell("SKU", 100)
    room.sell("B", 100)
    told = Statistics.of(("B", "SKU"), (5, 7), ((), ((0, 3),)))

    async def look(reader: RedisReader) -> None:
        first = await reader.shop()
        RedisStatisticsStore(room.client, Keys(room.name, 1)).publish("d1", statistics.encode(told))
        await until(other_shop(reader, first))
        second = await reader.shop()
        assert await reader.shop() is second
        room.model = Config(popularity=1.0)
        await until(other_shop(reader, second))
        third = await reader.shop()
        assert third.serving.trends.model.config == room.model
        assert await reader.shop() is third

    room.ask(look)


def test_of_a_wiped_server_the_shop_is_kept_and_it_is_not_ready(room: Room) -> None:
    room.sell("SKU", 100)

    async def before(reader: RedisReader) -> None:
        assert set((await reader.shop()).products) == {"SKU"}
        assert await reader.ready() == "ok"

    async def after(reader: RedisReader) -> None:
        for key in room.client.scan_iter(match=f"{room.name}:*"):
            room.client.unlink(key)
        assert await reader.ready() == "nothing projected yet"
        person, shop = await reader.person(A)
        assert (person.streams, set(shop.products)) == ({}, {"SKU"})

    async def others(_: RedisReader) -> None:
        reader = RedisReader(room.url, room.name)
        assert (await reader.shop()).products == {}
        await reader.close()

    async def filled(reader: RedisReader) -> None:
        room.sell("MORE", 100, generation=2)
        room.generations.switch(2)
        await until(sells(reader, {"MORE"}))

    room.ask(before, after, others, filled)


def test_a_hundred_requests_at_once_see_the_same_shop(room: Room) -> None:
    room.sell("SKU", 100)

    async def look(reader: RedisReader) -> None:
        shops = await asyncio.gather(*(reader.shop() for _ in range(100)))
        assert all(set(shop.products) == {"SKU"} for shop in shops)

    room.ask(look)


def test_no_server_is_unavailable() -> None:
    async def look() -> None:
        reader = RedisReader("redis://127.0.0.1:1/0", "t_none")
        person, shop = await reader.person(A)
        assert (person.streams, person.degraded, shop.products) == ({}, ("redis",), {})
        with pytest.raises(UnavailableError):
            await reader.shop()
        assert await reader.ready() not in {"ok", ""}
        await reader.close()

    asyncio.run(look())
