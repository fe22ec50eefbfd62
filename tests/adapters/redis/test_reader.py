"""Read models as a request sees them: whoever moved is found, whatever changed counts at the next request."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import pytest
import redis

from adapters.directory import new_stream_id
from adapters.redis.reader import RedisReader
from adapters.redis.stores import Generations, RedisCatalogueStore, RedisCustomerStore, RedisStatisticsStore
from app.wiring import Wiring
from commands.ports import UnavailableError
from domain.product import product_id
from readmodels import catalogue, customer, statistics
from readmodels.catalogue import Count, Listing, Price, ProductRecord
from readmodels.customer import CustomerRecord
from readmodels.keys import Keys
from readmodels.statistics import Statistics
from readmodels.stores import Write

T = TypeVar("T")
Ask = Callable[[Callable[[RedisReader], Awaitable[T]]], T]


@pytest.fixture
def url(servers: Wiring) -> str:
    return servers.redis_url


def asked(url: str, namespace: str, talk: Callable[[RedisReader], Awaitable[T]]) -> T:
    """What a reader answers on a loop of its own."""

    async def run() -> T:
        reader = RedisReader(url, namespace)
        try:
            return await talk(reader)
        finally:
            await reader.close()

    return asyncio.run(run())


def put_customer(client: "redis.Redis", keys: Keys, stream: UUID, version: int, was: int = 0) -> None:
    record = customer.encode(CustomerRecord(version=version, kind="user"))
    assert RedisCustomerStore(client, keys).write([Write(stream, stream, was, record)]) == [None]


def put_product(client: "redis.Redis", keys: Keys, sku: str, *, version: int, stock: int) -> None:
    listing = Listing(1, 1, f"The {sku}", "Shoes", None, None, None, (), None, True, None, None)
    record = ProductRecord(version, sku, listing, Price(1, 1, 999, "EUR"), {"": Count(version, 1, stock)})
    write = Write(product_id(sku), product_id(sku), version - 1, catalogue.encode(record))
    assert RedisCatalogueStore(client, keys).write([write]) == [None]


def live(client: "redis.Redis", keys: Keys) -> None:
    Generations(client, keys.namespace).switch(keys.generation)


def test_an_empty_server_knows_nobody_and_sells_nothing(url: str, namespace: str) -> None:
    stream = new_stream_id()

    async def talk(reader: RedisReader) -> None:
        person, shop = await reader.person(stream)
        assert (person.person_id, person.streams, shop.products) == (stream, {}, {})
        assert await reader.ready() == "nothing projected yet"

    asked(url, namespace, talk)


def test_a_person_is_found_by_any_stream_even_in_mid_move(
    client: "redis.Redis", url: str, namespace: str, keys: Keys
) -> None:
    a, b, c = sorted(new_stream_id() for _ in range(3))
    store = RedisCustomerStore(client, keys)
    live(client, keys)

    async def talk(reader: RedisReader) -> None:
        for stream in (a, b, c):
            put_customer(client, keys, stream, 1)
        assert set((await reader.person(c))[0].streams) == {c}
        record = customer.encode(CustomerRecord(version=1))
        store.place(b, {b: record, c: record}, [c])
        store.place(a, {a: record, b: record, c: record}, [b])  # c still points to b
        for stream in (a, b, c):
            person, _ = await reader.person(stream)
            assert person.person_id == a
            assert set(person.streams) == {a, b, c}

    asked(url, namespace, talk)


def test_a_change_counts_at_the_next_request(client: "redis.Redis", url: str, namespace: str, keys: Keys) -> None:
    stream = new_stream_id()
    live(client, keys)

    async def talk(reader: RedisReader) -> None:
        for version in range(1, 20):
            put_customer(client, keys, stream, version, was=version - 1)
            put_product(client, keys, "A", version=version, stock=100 - version)
            person, shop = await reader.person(stream)
            assert person.streams[stream].version == version
            assert shop.products["A"].available == 100 - version
            assert (await reader.shop()).products["A"].available == 100 - version
        assert await reader.ready() == "ok"

    asked(url, namespace, talk)


def test_an_unchanged_shop_is_not_read_again(client: "redis.Redis", url: str, namespace: str, keys: Keys) -> None:
    live(client, keys)
    put_product(client, keys, "A", version=1, stock=1)

    async def talk(reader: RedisReader) -> None:
        assert await reader.shop() is await reader.shop()

    asked(url, namespace, talk)


def test_a_switched_generation_is_seen_at_the_next_request(
    client: "redis.Redis", url: str, namespace: str, keys: Keys
) -> None:
    stream, rebuilt = new_stream_id(), Keys(namespace, 2)
    live(client, keys)
    put_customer(client, keys, stream, 1)
    put_product(client, keys, "old", version=1, stock=1)
    put_customer(client, rebuilt, stream, 7)
    put_product(client, rebuilt, "new", version=1, stock=1)

    async def talk(reader: RedisReader) -> None:
        person, shop = await reader.person(stream)
        assert (person.streams[stream].version, set(shop.products)) == (1, {"old"})
        live(client, rebuilt)
        person, shop = await reader.person(stream)
        assert (person.streams[stream].version, set(shop.products)) == (7, {"new"})
        live(client, keys)
        assert set((await reader.shop()).products) == {"old"}

    asked(url, namespace, talk)


def test_published_statistics_make_the_model(client: "redis.Redis", url: str, namespace: str, keys: Keys) -> None:
    live(client, keys)
    store = RedisStatisticsStore(client, keys)

    async def talk(reader: RedisReader) -> None:
        assert not (await reader.shop()).model.skus
        for digest, skus in (("d1", ("A",)), ("d2", ("A", "B"))):
            counts = Statistics(skus, tuple(((1, 5),) for _ in skus), tuple(() for _ in skus))
            store.publish(digest, statistics.encode(counts))
            assert tuple((await reader.shop()).model.skus) == skus

    asked(url, namespace, talk)


def test_requests_at_the_same_time_agree(client: "redis.Redis", url: str, namespace: str, keys: Keys) -> None:
    live(client, keys)
    put_product(client, keys, "A", version=1, stock=1)

    async def talk(reader: RedisReader) -> None:
        shops = await asyncio.gather(*(reader.shop() for _ in range(50)))
        assert all(set(shop.products) == {"A"} for shop in shops)

    asked(url, namespace, talk)


def test_no_server_is_told_as_such() -> None:
    async def talk(reader: RedisReader) -> None:
        with pytest.raises(UnavailableError):
            await reader.shop()
        assert await reader.ready() == "UnavailableError"

    asked("redis://127.0.0.1:1/0", "t", talk)
