"""Persons that Redis lacks: fetched once however many ask, put back, and nobody is asked for again and again."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid4

import pytest

from adapters.redis import rescue
from adapters.redis.rescue import MOST_NOBODIES, Rescue
from commands.ports import UnavailableError
from domain.identity import IdentifierKind
from projections.history import FromLog
from projections.settle import Settler
from readmodels.customer import CustomerRecord
from tests.projections.memory import MemoryCustomerStore, MemoryLog, projected


class Slow:
    """A source that can be held up, and counts."""

    def __init__(self, log: MemoryLog) -> None:
        self._source = FromLog(log)
        self.asked: list[UUID] = []
        self.go = threading.Event()
        self.go.set()
        self.down = False
        self.together = self.most = 0

    def records(self, streams: Sequence[UUID]) -> dict[UUID, CustomerRecord]:
        self.together += 1
        self.most = max(self.most, self.together)
        try:
            assert self.go.wait(10)
            if self.down:
                raise UnavailableError("down")
            self.asked += streams
            return self._source.records(streams)
        finally:
            self.together -= 1


class Room:
    """A log of one person with two streams, a store that was wiped, and who rescues them."""

    def __init__(self) -> None:
        self.log = MemoryLog([IdentifierKind.USER, IdentifierKind.EMAIL])
        self.log.link(0, 1)
        self.log.view(1)
        self.source, self.store = Slow(self.log), MemoryCustomerStore()
        self.generations: list[int] = []

    def settler(self, generation: int) -> Settler:
        self.generations.append(generation)
        return Settler(self.store, self.source)

    def run(self, look: Callable[[Rescue], Awaitable[None]]) -> None:
        async def look_and_close() -> None:
            made = Rescue(self.source, self.settler)
            await look(made)
            await made.close()

        asyncio.run(look_and_close())


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_person_is_told_with_all_streams_and_put_back(room: Room) -> None:
    async def look(made: Rescue) -> None:
        for stream in room.log.ids:
            assert set(await made.person(stream, 3)) == set(room.log.ids)

    room.run(look)
    assert set(room.generations) == {3}
    assert room.store.content(room.log.ids) == projected(room.log, 1).content(room.log.ids)
    assert room.store.held == {}


def test_without_a_generation_nobody_is_put_anywhere(room: Room) -> None:
    async def look(made: Rescue) -> None:
        assert set(await made.person(room.log.ids[0], 0)) == set(room.log.ids)

    room.run(look)
    assert (room.generations, room.store.homes) == ([], {})


def test_a_hundred_who_ask_at_once_are_answered_by_one_look(room: Room) -> None:
    room.source.go.clear()

    async def look(made: Rescue) -> None:
        asking = [asyncio.create_task(made.person(room.log.ids[0], 0)) for _ in range(100)]
        await asyncio.sleep(0)
        room.source.go.set()
        assert all(set(found) == set(room.log.ids) for found in await asyncio.gather(*asking))

    room.run(look)
    assert len(room.source.asked) == 2  # the stream, and the one that it is linked with


def test_one_who_gives_up_does_not_end_it_for_the_others(room: Room) -> None:
    room.source.go.clear()

    async def look(made: Rescue) -> None:
        asking = [asyncio.create_task(made.person(room.log.ids[0], 0)) for _ in range(2)]
        await asyncio.sleep(0)
        asking[0].cancel()
        room.source.go.set()
        assert set(await asking[1]) == set(room.log.ids)

    room.run(look)


def test_nobody_is_looked_for_once_in_a_while(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(rescue.time, "monotonic", lambda: now)
    stranger = uuid4()

    async def look(made: Rescue) -> None:
        nonlocal now
        for _ in range(20):
            assert await made.person(stranger, 1) == {}
        assert len(room.source.asked) == 1
        now += 2.5
        assert await made.person(stranger, 1) == {}
        assert len(room.source.asked) == 2

    room.run(look)
    assert room.generations == []


def test_a_scanner_is_not_remembered_without_bound_nor_let_in_all_at_once(room: Room) -> None:
    async def look(made: Rescue) -> None:
        for _ in range(11):
            await asyncio.gather(*(made.person(uuid4(), 1) for _ in range(1_000)))
        assert len(made._nobody) == MOST_NOBODIES
        assert made._fetching == {}

    room.run(look)
    assert room.source.most <= rescue.AT_ONCE


def test_who_cannot_be_fetched_is_not_taken_for_nobody(room: Room) -> None:
    async def look(made: Rescue) -> None:
        room.source.down = True
        with pytest.raises(UnavailableError):
            await made.person(room.log.ids[0], 1)
        room.source.down = False
        assert set(await made.person(room.log.ids[0], 1)) == set(room.log.ids)

    room.run(look)


def test_who_cannot_be_put_back_is_answered_all_the_same(room: Room) -> None:
    def down(generation: int) -> Settler:
        raise UnavailableError("down")

    async def look() -> None:
        made = Rescue(room.source, down)
        assert set(await made.person(room.log.ids[0], 1)) == set(room.log.ids)
        await made.close()

    asyncio.run(look())
