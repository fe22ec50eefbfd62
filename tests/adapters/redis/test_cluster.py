"""The stores on a cluster of three real nodes: as on one server, and what only a cluster does."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from redis.crc import key_slot

from adapters import redis as redis_adapter
from adapters.embedded.process import wait_until
from adapters.redis.generations import Generations
from adapters.redis.pipelines import run
from adapters.redis.stores import RedisCustomerStore
from commands.ports import UnavailableError
from readmodels import keys as catalogue_of_keys
from readmodels.keys import Keys
from readmodels.live import CUSTOMERS
from readmodels.stores import Write
from tests.adapters.redis.nodes import SLOTS, Cluster, cluster
from tests.adapters.redis.test_random import random_operations

MANY = [uuid4() for _ in range(300)]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    with TemporaryDirectory(prefix="bespoke-cluster-") as folder, cluster(Path(folder)) as running:
        yield running


@pytest.fixture
def client(nodes: Cluster) -> Iterator[redis_adapter.Client]:
    made = redis_adapter.connect(nodes.url)
    redis_adapter.load_functions(made)
    yield made
    redis_adapter.wipe(made, "t_*")
    made.close()


@pytest.fixture
def where() -> Keys:
    return Keys(f"t_{uuid4().hex[:12]}", 1)


def put(store: RedisCustomerStore, version: int = 1) -> None:
    """Writes people on all nodes."""
    value = version.to_bytes(4, "big") + b"x"
    assert store.write([Write(s, s, version - 1, value) for s in MANY]) == [None] * len(MANY)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_operations_do_what_the_reference_does(client: redis_adapter.Client, where: Keys, seed: int) -> None:
    random_operations(RedisCustomerStore(client, where), seed)


def test_keys_are_on_all_nodes_and_found_and_dropped(nodes: Cluster, client: redis_adapter.Client, where: Keys) -> None:
    put(RedisCustomerStore(client, where))
    assert all(50 < node.client.dbsize() < 200 for node in nodes.nodes)
    found = set(redis_adapter.keys_like(client, f"{where.namespace}:*"))
    assert found == {where.person(s).encode() for s in MANY}
    assert Generations(client, where.namespace).drop(CUSTOMERS, 1) == len(MANY)
    assert all(node.client.dbsize() == 0 for node in nodes.nodes)


def test_a_node_without_the_functions_is_given_them(nodes: Cluster, client: redis_adapter.Client, where: Keys) -> None:
    nodes.nodes[1].ask("FUNCTION", "FLUSH", "SYNC")
    put(RedisCustomerStore(client, where))
    assert all(node.ask("FUNCTION", "LIST") for node in nodes.nodes)


def test_slots_that_moved_are_followed(nodes: Cluster, client: redis_adapter.Client, where: Keys) -> None:
    store = RedisCustomerStore(client, where)
    slot = key_slot(where.person(MANY[0]).encode())
    owner, other = nodes.nodes[slot * 3 // SLOTS], nodes.nodes[(slot * 3 // SLOTS + 1) % 3]
    hand_over(slot, other, owner)
    try:
        put(store)
        assert other.client.exists(where.person(MANY[0]))
        assert len(store.read(MANY)) == len(MANY)
    finally:
        redis_adapter.wipe(client, f"{where.namespace}:*")
        hand_over(slot, owner, other)


def hand_over(slot: int, receiver: Any, giver: Any) -> None:
    """An empty slot gets another owner."""
    name = receiver.ask("CLUSTER", "MYID")
    for node in (receiver, giver):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", name)


def test_what_is_confirmed_is_on_every_disk(nodes: Cluster, client: redis_adapter.Client, where: Keys) -> None:
    put(RedisCustomerStore(client, where))
    assert redis_adapter.on_disk(client, partial(catalogue_of_keys.confirmed, where.namespace))
    for node in nodes.nodes:
        mine: Any = node.client.keys(f"{where.namespace}:g1:person:*")
        written = b"".join(path.read_bytes() for path in node.folder.rglob("*.aof"))
        assert mine
        assert all(key in written for key in mine)


def test_another_run_of_any_node_is_another_run(nodes: Cluster, client: redis_adapter.Client, where: Keys) -> None:
    store = RedisCustomerStore(client, where)
    put(store)
    assert redis_adapter.on_disk(client, partial(catalogue_of_keys.confirmed, where.namespace))
    before = redis_adapter.run_identity(client)
    assert redis_adapter.run_identity(client) == before
    nodes.nodes[2].kill()
    with pytest.raises(UnavailableError):
        store.read(MANY)
    with pytest.raises(UnavailableError):
        redis_adapter.run_identity(client)
    nodes.nodes[2].start()
    nodes.wait()
    assert wait_until(lambda: _answers(client), 10)
    assert redis_adapter.run_identity(client) != before
    assert all(value is not None for _, value in store.read(MANY).values())
    put(store, 2)


def _answers(client: redis_adapter.Client) -> bool:
    try:
        return bool(redis_adapter.run_identity(client))
    except UnavailableError:
        return False


def test_a_generation_that_a_node_has_lost_its_part_of_is_not_whole(
    nodes: Cluster, client: redis_adapter.Client, where: Keys
) -> None:
    generations = Generations(client, where.namespace)
    number = generations.begin(0)
    assert generations.is_whole(number)
    assert not generations.is_whole(number + 1)
    for node in nodes.nodes:
        assert node.client.keys(f"{where.namespace}:*")
    nodes.nodes[0].wipe()
    nodes.wait()
    assert wait_until(lambda: _answers(client), 10)
    assert not generations.is_whole(number)


def test_tags_are_in_all_parts_of_the_slots() -> None:
    slots = [key_slot(tag.encode()) for tag in redis_adapter.parts()]
    assert [slot * redis_adapter.PARTS // SLOTS for slot in slots] == list(range(redis_adapter.PARTS))


def test_no_node_at_all_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        redis_adapter.connect("redis+cluster://127.0.0.1:1,127.0.0.1:2")


@pytest.mark.parametrize("url", ["redis+cluster://", "redis+cluster://secret@,b:1", "redis+cluster://,"])
def test_a_url_without_nodes_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="Redis URL") as refused:
        redis_adapter.connect(url)
    assert "secret" not in str(refused.value)


def test_an_error_of_one_call_is_raised_after_all_answers_were_read(client: redis_adapter.Client, where: Keys) -> None:
    run(client, [("SET", where.part("1"), "text")])
    with pytest.raises(Exception, match="not an integer"):
        run(client, [("GET", where.part("2")), ("INCR", where.part("1")), ("GET", where.part("1"))])
    assert run(client, [("GET", where.part("1"))]) == [b"text"]
