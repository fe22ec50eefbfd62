"""Persons read through L1 while others write them at full speed, and while servers are killed: what is read is never
older than what its reader knows of, and at rest it is what Redis has."""

import asyncio
import os
import random
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis

from adapters import redis as redis_adapter
from adapters.embedded.valkey import EmbeddedValkey
from adapters.redis.generations import Generations
from adapters.redis.persons import Limits
from adapters.redis.reader import RedisReader
from adapters.redis.rescue import Rescue
from adapters.redis.stores import RedisCustomerStore
from app.wiring import Wiring
from domain.identity import IdentifierKind
from projections.history import FromLog
from projections.settle import Settler
from queries.ports import Person
from readmodels import customer
from readmodels.customer import CustomerRecord
from readmodels.keys import MOVED, Keys
from readmodels.stores import Write
from tests.app.looking import until
from tests.projections.memory import MemoryCustomerStore, MemoryLog

PERSONS, READERS, STORM_S = 200, 8, 3.0
PATIENT = Limits(redis_s=5.0, rescue_s=5.0)


def value(version: int) -> bytes:
    return customer.encode(CustomerRecord(version=version, kind="user", first_at=version * 7))


class Writers:
    """Threads that change persons at full speed; ``known`` is what their server has confirmed. Every second person is
    two streams that move together and apart."""

    def __init__(self, client: redis_adapter.Client, keys: Keys) -> None:
        self._client, self._keys, self._store = client, keys, RedisCustomerStore(client, keys)
        self.streams = [uuid4() for _ in range(PERSONS)]
        self.known = dict.fromkeys(self.streams, 1)
        self._store.write([Write(s, s, 0, value(1)) for s in self.streams])
        self.writes = self.moves = 0
        self.over = threading.Event()

    @contextmanager
    def storm(self) -> Iterator[None]:
        halves = self.streams[: PERSONS // 2], self.streams[PERSONS // 2 :]
        threads = [
            threading.Thread(target=work, args=(half,))
            for work, half in zip((self._write, self._move), halves, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def _write(self, streams: list[UUID]) -> None:
        """Compare-and-set of single persons."""
        while not self.over.is_set():
            some = random.sample(streams, 5)
            assert self._store.write([Write(s, s, self.known[s], value(self.known[s] + 1)) for s in some]) == [None] * 5
            self.known |= {s: self.known[s] + 1 for s in some}
            self.writes += 5

    def _move(self, streams: list[UUID]) -> None:
        """A stream goes into another's hash and comes back out of it, with a new version each time: never to be found
        in neither."""
        together: set[UUID] = set()
        while not self.over.is_set():
            first, second = random.choice(list(zip(streams[::2], streams[1::2], strict=True)))
            home, own = (self._keys.person(each) for each in (first, second))
            version = self.known[second] + 1
            pipeline: Any = self._client.pipeline(transaction=False)
            if second in together:
                pipeline.hset(own, str(second), value(version))
                pipeline.hdel(own, MOVED)
                pipeline.hdel(home, str(second))
                together.discard(second)
            else:
                pipeline.hset(home, str(second), value(version))
                pipeline.hset(own, MOVED, str(first))
                pipeline.hdel(own, str(second))
                together.add(second)
            pipeline.execute()
            self.known[second] = version
            self.moves += 1


@pytest.fixture
def keys(servers: Wiring) -> Iterator[Keys]:
    where = Keys(f"t_{uuid4().hex[:12]}", 1)
    redis_adapter.load_functions(servers.redis)
    Generations(servers.redis, where.namespace).switch(1)
    yield where
    redis_adapter.wipe(servers.redis, f"{where.namespace}:*")


def test_every_read_is_as_new_as_its_reader_knows_and_at_rest_all_is_as_in_redis(servers: Wiring, keys: Keys) -> None:
    writers = Writers(servers.redis, keys)
    read = waited = 0

    async def reading(reader: RedisReader) -> None:
        nonlocal read, waited
        while not writers.over.is_set():
            stream = random.choice(writers.streams)
            known = writers.known[stream]
            person = reader.peek(stream)
            if person is None or not reflects(person, stream, known):
                waited += person is not None
                person, reflected = await reader.person_with(stream, lambda p: reflects(p, stream, known), within_s=5)  # noqa: B023
                assert reflected and person.degraded == ()
            own = person.streams[stream]
            assert own.version >= known and own.first_at == own.version * 7
            read += 1
            await asyncio.sleep(0)

    async def storm() -> None:
        readers = [RedisReader(servers.redis_url, keys.namespace, limits=PATIENT) for _ in range(READERS)]
        try:
            for reader in readers:
                await reader.start()
            with writers.storm():
                work = asyncio.gather(*(reading(reader) for reader in readers))
                asyncio.get_running_loop().call_later(STORM_S, writers.over.set)
                await work
            for reader in readers:
                for stream in writers.streams:
                    await reader.person_with(stream, lambda p: reflects(p, stream, writers.known[stream]), within_s=5)  # noqa: B023
                    person, _ = await reader.person(stream)
                    assert {s: r.version for s, r in person.streams.items()} == stands(servers.redis, keys, stream)
                    assert reader.peek(stream) is not None
        finally:
            for reader in readers:
                await reader.close()
        assert sum(reader.persons.l1.invalidated for reader in readers) > 500
        assert sum(reader.persons.counts.hits for reader in readers) > 500

    asyncio.run(storm())
    assert min(writers.writes, writers.moves, read) > 200, (writers.writes, writers.moves, read)


def reflects(person: Person, stream: UUID, version: int) -> bool:
    own = person.streams.get(stream)
    return own is not None and own.version >= version


def stands(client: Any, keys: Keys, stream: UUID) -> dict[UUID, int]:
    """Stream → version of the person, as Redis has them."""
    found = client.hgetall(keys.person(stream))
    if MOVED.encode() in found:
        found = client.hgetall(keys.person(UUID(found[MOVED.encode()].decode())))
    return {UUID(name.decode()): customer.decode(content).version for name, content in found.items()}


class OwnServer:
    """A Valkey that a test may kill."""

    def __init__(self, folder: Path) -> None:
        self.valkey = EmbeddedValkey(folder / "data", folder / "v.sock")
        self.keys = Keys("t_own", 1)
        self.url = self.valkey.url
        self.client: Any = redis_adapter.connect(self.url)
        self.start()
        Generations(self.client, "t_own").switch(1)

    def start(self) -> None:
        self.valkey.start()
        redis_adapter.load_functions(self.client)

    def kill(self) -> None:
        pid = self.valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.valkey.stop()

    def put(self, stream: UUID, version: int) -> None:
        self.client.hset(self.keys.person(stream), str(stream), value(version))


@pytest.fixture
def own() -> Iterator[OwnServer]:
    with TemporaryDirectory(prefix="bespoke-l1-") as folder:
        made = OwnServer(Path(folder))
        yield made
        made.client.close()
        made.valkey.stop()


def asking(server: OwnServer, *steps: Callable[[RedisReader], Awaitable[None]], **options: Any) -> None:
    async def go() -> None:
        reader = RedisReader(server.url, "t_own", **options)
        try:
            for step in steps:
                await step(reader)
        finally:
            await reader.close()

    asyncio.run(go())


def test_a_killed_server_empties_l1_which_still_answers_for_a_while_and_then_is_right(own: OwnServer) -> None:
    known, unknown = uuid4(), uuid4()
    own.put(known, 3)
    own.put(unknown, 3)

    async def before(reader: RedisReader) -> None:
        person, _ = await reader.person(known)
        assert (person.record.version, reader.peek(known)) == (3, person)

    async def killed(reader: RedisReader) -> None:
        await asyncio.to_thread(own.kill)
        await until(lambda: gone(reader))
        assert (len(reader.persons.l1), reader.peek(known)) == (0, None)
        person, _ = await reader.person(known)
        assert (person.record.version, person.degraded) == (3, ("redis",))
        assert (await reader.person(unknown))[0] == Person(unknown, {}, ("redis",))
        assert await reader.person_with(known, lambda p: p.record.version > 3, within_s=5) == (person, False)

    async def back(reader: RedisReader) -> None:
        await asyncio.to_thread(own.start)
        own.put(known, 4)
        await until(lambda: came(reader, known, 4))
        assert (await reader.person(unknown))[0].record.version == 3
        own.put(known, 5)
        person, reflected = await reader.person_with(known, lambda p: p.record.version == 5, within_s=5)
        assert reflected and reader.peek(known) == person

    asking(own, before, killed, back)


def test_a_killed_server_s_persons_come_from_the_log_where_l1_may_not_answer(own: OwnServer) -> None:
    log = MemoryLog([IdentifierKind.USER])
    log.view(0)
    source = FromLog(log)
    stream = log.ids[0]
    own.put(stream, 1)

    async def before(reader: RedisReader) -> None:
        await reader.person(stream)
        assert reader.peek(stream) is not None

    async def killed(reader: RedisReader) -> None:
        await asyncio.to_thread(own.kill)
        await until(lambda: gone(reader))
        person, _ = await reader.person(stream)
        assert (person.degraded, person.record) == (("redis",), source.records([stream])[stream])
        assert reader.persons.counts.rescued == 1

    rescue = Rescue(source, lambda _: Settler(MemoryCustomerStore(), source))
    asking(own, before, killed, rescue=rescue, limits=Limits(stale_s=0.0, rescue_s=5.0))


def test_a_server_that_hangs_is_not_waited_for_again_and_again(own: OwnServer) -> None:
    streams = [uuid4() for _ in range(20)]
    for stream in streams:
        own.put(stream, 2)

    async def look(reader: RedisReader) -> None:
        assert (await reader.person(streams[0]))[0].record.version == 2
        pid = own.valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            for stream in streams[1:]:
                assert (await reader.person(stream))[0].degraded == ("redis",)
            assert loop.time() - begun < 19 * 0.05 / 2
            assert reader.persons.redis.opened >= 1
            await until(lambda: gone(reader))  # it says nothing to a ping either
            assert (await reader.person(streams[0]))[0].degraded == ("redis",)
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: came(reader, streams[1], 2))

    asking(own, look, limits=Limits(redis_s=0.05))


def test_a_server_behind_a_password_and_another_database(own: OwnServer) -> None:
    own.client.execute_command("ACL", "SETUSER", "web", "on", ">secret", "~*", "&*", "+@all")
    other = redis.Redis(unix_socket_path=str(own.valkey.socket_path), db=2)
    Generations(other, "t_own").switch(1)
    stream = uuid4()
    other.hset(own.keys.person(stream), str(stream), value(6))
    own.url = own.url.replace("unix://", "unix://web:secret@") + "?db=2"

    async def look(reader: RedisReader) -> None:
        assert (await reader.person(stream))[0].record.version == 6
        other.hset(own.keys.person(stream), str(stream), value(7))
        assert (await reader.person_with(stream, lambda p: p.record.version == 7, within_s=5))[1]

    asking(own, look)
    other.close()
    own.url = own.url.replace("secret", "wrong")

    async def refused(reader: RedisReader) -> None:
        assert (await reader.person(stream))[0].degraded == ("redis",)

    asking(own, refused)


def test_a_flushed_server_is_noticed(own: OwnServer) -> None:
    stream = uuid4()
    own.put(stream, 3)

    async def look(reader: RedisReader) -> None:
        assert (await reader.person(stream))[0].record.version == 3
        own.client.flushall()
        await until(lambda: came(reader, stream, 0))

    asking(own, look)


def test_a_hundred_who_miss_at_once_make_one_request_each_person(own: OwnServer) -> None:
    streams = [uuid4() for _ in range(10)]
    for stream in streams:
        own.put(stream, 3)

    async def look(reader: RedisReader) -> None:
        await reader.start()
        found = await asyncio.gather(*(reader.person(stream) for stream in streams * 10))
        assert [person.record.version for person, _ in found] == [3] * 100
        assert (reader.persons.counts.read, reader.persons.counts.misses) == (10, 100)

    asking(own, look, limits=PATIENT)


async def gone(reader: RedisReader) -> bool:
    return not reader.tracked.up


async def came(reader: RedisReader, stream: UUID, version: int) -> bool:
    person, _ = await reader.person(stream)
    return (person.degraded, person.record.version) == ((), version)
