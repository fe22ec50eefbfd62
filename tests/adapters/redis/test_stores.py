"""The stores of the projections on a real server, and the numbers of generations."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID, uuid4

import pytest

from adapters import redis as redis_adapter
from adapters.redis.generations import Generations
from adapters.redis.stores import RedisCatalogueStore, RedisCustomerStore, RedisStatisticsStore
from app.wiring import Wiring
from commands.ports import UnavailableError
from readmodels import keys
from readmodels.catalogue import SHAPE
from readmodels.keys import Keys
from readmodels.live import CATALOGUE, CUSTOMERS, Live
from readmodels.stores import Change, Found, Refused, Shelved, Write

A, B, C = sorted(uuid4() for _ in range(3))


def value(version: int, content: bytes = b"x") -> bytes:
    return version.to_bytes(4, "big") + content


def settled(people: RedisCustomerStore, home: UUID, fields: dict[UUID, bytes], former: list[UUID]) -> None:
    """Moves streams into one hash, as settling does."""
    found = people.look([home, *former])
    assert people.hold(dict.fromkeys(found), b"t") == set(found)
    gone = {name: {s: int.from_bytes(v[:4], "big") for s, v in found[name].fields.items()} for name in former}
    changes = [Change(home, put=fields), *(Change(name, drop=gone[name], moved_to=home) for name in former)]
    assert all(people.change(changes, b"t"))
    people.release(found, b"t")


@pytest.fixture
def where(servers: Wiring) -> Iterator[Keys]:
    """Keys of a namespace of its own on a server that knows the functions."""
    redis_adapter.load_functions(servers.redis)
    made = Keys(f"t_{uuid4().hex[:12]}", 1)
    yield made
    for key in servers.redis.scan_iter(match=f"{made.namespace}:*", count=1000):
        servers.redis.unlink(key)


@pytest.fixture
def people(servers: Wiring, where: Keys) -> RedisCustomerStore:
    return RedisCustomerStore(servers.redis, where)


def test_each_write_has_its_own_answer(people: RedisCustomerStore) -> None:
    assert people.write([Write(A, A, 0, value(2)), Write(B, B, 0, value(1))]) == [None, None]
    again = [Write(A, A, 1, value(3)), Write(B, B, 1, value(2)), Write(C, C, 0, value(1))]
    assert people.write(again) == [Refused(None, 2), None, None]
    assert people.read([A, B, C]) == {A: (A, value(2)), B: (B, value(2)), C: (C, value(1))}
    assert people.write([]) == []
    assert people.read([]) == {}


def test_who_moved_is_found_where_they_are_now(people: RedisCustomerStore) -> None:
    people.write([Write(s, s, 0, value(1, s.bytes)) for s in (A, B, C)])
    settled(people, A, {A: value(1, A.bytes), B: value(1, B.bytes)}, [B])
    assert people.read([A, B, C]) == {s: (C if s == C else A, value(1, s.bytes)) for s in (A, B, C)}
    assert people.write([Write(B, B, 1, value(2))]) == [Refused(A, 0)]
    assert people.write([Write(A, B, 1, value(2))]) == [None]
    members = {A: value(1, A.bytes), B: value(2)}
    assert people.look([A, B]) == {A: Found(members), B: Found({}, moved_to=A)}


def test_who_moved_several_times_is_found(people: RedisCustomerStore) -> None:
    settled(people, B, {C: value(1), B: value(1)}, [C])
    settled(people, A, {A: value(1), B: value(1), C: value(2)}, [B])  # C's marker still names B
    assert people.read([C]) == {C: (A, value(2))}


def test_the_holder_is_told_with_what_is_in_the_hash(people: RedisCustomerStore) -> None:
    people.write([Write(A, A, 0, value(1))])
    assert people.hold({A: None, B: None}, b"t") == {A, B}
    assert people.look([A, B, C]) == {A: Found({A: value(1)}, None, b"t"), B: Found({}, None, b"t"), C: Found({})}
    people.release([A, B], b"t")
    assert people.look([B]) == {B: Found({})}


def test_the_catalogue_and_its_position_are_written_together_or_not_at_all(servers: Wiring, where: Keys) -> None:
    store = RedisCatalogueStore(servers.redis, where)
    assert (store.position(), store.read([])) == (0, {})
    assert store.write(0, 7, [Shelved(A, 3, value(1)), Shelved(B, 7, value(1))]) == 7
    assert store.write(0, 9, [Shelved(A, 9, value(9)), Shelved(C, 8, value(1))]) == 7
    assert (store.position(), store.read([A, B, C])) == (7, {A: value(1), B: value(1), C: None})
    assert store.write(7, 8, []) == 8
    assert store.write(8, 9, [Shelved(A, 9, value(2))]) == store.position() == 9
    assert store.read([A]) == {A: value(2)}
    changes = servers.redis.zrange(where.catalogue_changes, 0, -1, withscores=True)
    assert changes == [(str(B).encode(), 7.0), (str(A).encode(), 9.0)]
    assert servers.redis.get(where.catalogue_shape) == str(SHAPE).encode()


def test_dropping_a_generation_of_the_catalogue_leaves_nothing_of_it(servers: Wiring, where: Keys) -> None:
    RedisCatalogueStore(servers.redis, where).write(0, 7, [Shelved(A, 3, value(1))])
    assert Generations(servers.redis, where.namespace).drop(CATALOGUE, 1) == 4


def test_published_statistics_never_change_and_go_a_day_after_the_next(servers: Wiring, where: Keys) -> None:
    store = RedisStatisticsStore(servers.redis, where)
    assert store.load(0) is None
    store.save(0, b"one")
    store.save(2, b"three")
    assert store.load(0) == b"one"
    assert store.parts(range(4)) == [b"one", b"three"]
    store.publish("d1", b"first")
    store.publish("d1", b"first")
    assert servers.redis.ttl(where.statistics("d1")) == -1
    store.publish("d2", b"second")
    assert servers.redis.get(where.statistics_current) == b"d2"
    assert servers.redis.get(where.statistics("d1")) == b"first"
    assert 86_000 < int(servers.redis.ttl(where.statistics("d1"))) <= 86_400
    assert servers.redis.ttl(where.statistics("d2")) == -1


def test_statistics_that_come_back_stay(servers: Wiring, where: Keys) -> None:
    """Current again after another one: they must not expire under their readers."""
    store = RedisStatisticsStore(servers.redis, where)
    for digest in ("d1", "d2", "d1"):
        store.publish(digest, digest.encode())
    assert servers.redis.ttl(where.statistics("d1")) == -1


def test_numbers_of_generations_are_never_used_again(servers: Wiring, where: Keys) -> None:
    generations = Generations(servers.redis, where.namespace)
    assert generations.all_live() == generations.projecting(1) == Live()
    assert [generations.begin(0), generations.begin(0), generations.begin(1)] == [1, 2, 3]
    generations.switch(2)
    assert generations.begin(at_least=2) == 4
    assert generations.live() == 2
    servers.redis.delete(keys.newest_generation(where.namespace))
    assert generations.begin(at_least=4) == 5
    assert generations.begin(at_least=40) == 41


def test_eight_at_once_begin_eight_generations(servers: Wiring, where: Keys) -> None:
    together = threading.Barrier(8)

    def begin(_: int) -> int:
        together.wait(10)
        return Generations(servers.redis, where.namespace).begin(at_least=17)

    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(begin, range(8)))
    assert len(set(numbers)) == 8
    assert min(numbers) > 17


def test_dropping_a_generation_leaves_the_others(servers: Wiring, where: Keys) -> None:
    stores = {n: RedisCustomerStore(servers.redis, Keys(where.namespace, n)) for n in (1, 11, 12)}
    for store in stores.values():
        store.write([Write(s, s, 0, value(1)) for s in (A, B, C)])
    assert Generations(servers.redis, where.namespace).drop(CUSTOMERS, 1) == 3
    assert stores[1].read([A]) == {A: (A, None)}
    assert all(stores[n].read([A]) == {A: (A, value(1))} for n in (11, 12))


def test_a_server_that_is_not_there_is_unavailable() -> None:
    client = redis_adapter.connect("redis://127.0.0.1:1/0")
    people = RedisCustomerStore(client, Keys("t_none", 1))
    for act in (
        lambda: people.write([Write(A, A, 0, value(1))]),
        lambda: people.read([A]),
        lambda: RedisCatalogueStore(client, Keys("t_none", 1)).read([A]),
        lambda: RedisStatisticsStore(client, Keys("t_none", 1)).load(0),
        lambda: Generations(client, "t_none").live(),
        lambda: redis_adapter.load_functions(client),
        lambda: redis_adapter.run_identity(client),
        lambda: redis_adapter.on_disk(client, str),
    ):
        with pytest.raises(UnavailableError):
            act()
    client.close()


def test_what_is_confirmed_is_on_disk(servers: Wiring, where: Keys) -> None:
    name = UUID(int=7)
    RedisCustomerStore(servers.redis, where).write([Write(name, name, 0, value(1, b"written-through"))])
    assert redis_adapter.on_disk(servers.redis, partial(keys.confirmed, where.namespace))
    files = [path for path in (servers.settings.var / "valkey").rglob("*") if path.is_file()]
    assert any(b"written-through" in path.read_bytes() for path in files)
