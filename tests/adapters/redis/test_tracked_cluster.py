"""L1 on a cluster of three real nodes: a node that is killed, a slot that moves to another one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
import uvloop
from redis.crc import key_slot

from adapters import redis as redis_adapter
from adapters.redis.generations import Generations
from adapters.redis.persons import Limits
from adapters.redis.reader import RedisReader
from adapters.redis.stores import RedisCustomerStore
from readmodels import customer
from readmodels.customer import CustomerRecord
from readmodels.keys import Keys
from readmodels.stores import Write
from tests.adapters.redis.nodes import SLOTS, Cluster, cluster
from tests.app.looking import until

STREAMS = [uuid4() for _ in range(60)]
KEYS = Keys("t_l1", 1)
PATIENT = Limits(redis_s=5.0)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    with TemporaryDirectory(prefix="bespoke-cluster-") as folder, cluster(Path(folder)) as running:
        yield running


@pytest.fixture
def client(nodes: Cluster) -> Iterator[redis_adapter.Client]:
    made = redis_adapter.connect(nodes.url)
    redis_adapter.load_functions(made)
    Generations(made, KEYS.namespace).switch(1)
    yield made
    redis_adapter.wipe(made, "t_*")
    made.close()


def put(client: redis_adapter.Client, version: int) -> None:
    value = customer.encode(CustomerRecord(version=version, kind="user"))
    writes = [Write(s, s, version - 1, value) for s in STREAMS]
    assert RedisCustomerStore(client, KEYS).write(writes) == [None] * len(STREAMS)


def look(nodes: Cluster, steps: Any) -> None:
    async def go() -> None:
        reader = RedisReader(nodes.url, KEYS.namespace, limits=PATIENT)
        try:
            await reader.start()
            await steps(reader)
        finally:
            await reader.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the web process has it
        runner.run(go())


async def all_have(reader: RedisReader, version: int) -> bool:
    found = [(await reader.person(stream))[0] for stream in STREAMS]
    return all((p.record.version, p.degraded) == (version, ()) for p in found)


def test_persons_of_all_nodes_are_kept_and_dropped_and_a_killed_node_empties_l1(
    nodes: Cluster, client: redis_adapter.Client
) -> None:
    put(client, 1)

    async def steps(reader: RedisReader) -> None:
        assert await all_have(reader, 1)
        assert all(reader.peek(stream) is not None for stream in STREAMS)
        put(client, 2)
        await until(lambda: all_have(reader, 2))
        emptied = reader.persons.l1.emptied
        await asyncio.to_thread(nodes.nodes[1].kill)

        async def down() -> bool:
            return reader.persons.l1.emptied > emptied and not reader.tracked.up

        await until(down)
        kept = [stream for stream in STREAMS if reader.peek(stream)]
        assert kept == []
        lost = next(s for s in STREAMS if SLOTS // 3 <= key_slot(KEYS.person(s).encode()) < SLOTS * 2 // 3)
        person, _ = await reader.person(lost)
        assert (person.record.version, person.degraded) == (2, ("redis",))
        await asyncio.to_thread(nodes.nodes[1].start)
        await asyncio.to_thread(nodes.wait)
        await until(lambda: all_have(reader, 2))
        put(client, 3)
        await until(lambda: all_have(reader, 3))

    look(nodes, steps)


def test_a_slot_that_moves_takes_its_persons_along(nodes: Cluster, client: redis_adapter.Client) -> None:
    put(client, 1)
    person = next(s for s in STREAMS if key_slot(KEYS.person(s).encode()) < SLOTS // 3)
    key = KEYS.person(person)
    slot = key_slot(key.encode())

    async def steps(reader: RedisReader) -> None:
        assert await all_have(reader, 1)
        await asyncio.to_thread(move, nodes, slot, key)
        put_on(nodes, key, person, 2)

        async def seen() -> bool:
            found, _ = await reader.person(person)
            return found.record.version == 2 and reader.peek(person) is not None

        await until(seen)
        put_on(nodes, key, person, 3)
        assert (await reader.person_with(person, lambda p: p.record.version == 3, within_s=5))[1]

    look(nodes, steps)


def move(nodes: Cluster, slot: int, key: str) -> None:
    """From the first node to the third, as resharding tools do it."""
    source, target = nodes.nodes[0], nodes.nodes[2]
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))
    source.ask("MIGRATE", "127.0.0.1", target.port, key, 0, 5_000)
    for node in (target, source, nodes.nodes[1]):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.ask("CLUSTER", "MYID"))


def put_on(nodes: Cluster, key: str, stream: Any, version: int) -> None:
    value = customer.encode(CustomerRecord(version=version, kind="user"))
    nodes.nodes[2].client.hset(key, str(stream), value)
