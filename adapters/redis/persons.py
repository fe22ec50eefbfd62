"""Persons through three levels: what this process keeps (L1), Redis (L2), PostgreSQL (L3).

A person asked for by a stream depends on the hash of that stream, on each hash that a ``moved`` marker leads to, and so
on; a change of any of them drops it. Whoever asks for a stream that is being read waits for that reading.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from adapters.breaker import Breaker
from adapters.redis import AsyncClient, translated
from adapters.redis.l1 import L1, Reading
from adapters.redis.rescue import NOBODY_S, Rescue
from adapters.redis.tracked import Tracked
from adapters.redis.watch import Watch
from adapters.redis.wire import Answer, ServerError
from commands.ports import UnavailableError
from domain.identity import person_id
from queries.ports import Person
from readmodels import customer
from readmodels.customer import CustomerRecord, combine
from readmodels.keys import MOVED, Keys

LOOKS = 8
#: Decoded, an entry takes so many times its stored bytes, and so many bytes besides: measured with tracemalloc.
EXPANSION, ENTRY_BYTES = 9, 2_000
REDIS, POSTGRES = "redis", "postgres"
_MOVED = MOVED.encode()


@dataclass(frozen=True, slots=True)
class Limits:
    """Of L1, and how long to wait for a server: ``patient_s`` where nobody waits for a page. ``stale_s``: how long L1
    may answer without Redis."""

    persons: int = 20_000
    size: int = 256 * 1024 * 1024
    stale_s: float = 30.0
    redis_s: float = 0.025
    rescue_s: float = 0.03
    patient_s: float = 5.0


@dataclass(slots=True)
class Counts:
    """Since the process began."""

    hits: int = 0
    misses: int = 0
    read: int = 0
    stale: int = 0
    rescued: int = 0
    degraded: Counter[str] = field(default_factory=Counter)


class Absent:
    """Redis has nobody there. ``until``: so long it is known that PostgreSQL has nobody either."""

    __slots__ = ("person", "until")

    def __init__(self, stream: UUID) -> None:
        self.person = Person(stream, {})
        self.until = 0.0


Entry = Person | Absent
Found = Entry | UnavailableError | ServerError


class Persons:
    """``keys`` are those of the live generation, ``generation`` watches it."""

    def __init__(
        self,
        tracked: Tracked,
        plain: AsyncClient,
        rescue: Rescue | None,
        limits: Limits,
        keys: Callable[[], Keys],
        generation: Watch,
    ) -> None:
        self.l1: L1[Entry] = L1(limits.persons, limits.size, stale_s=limits.stale_s)
        self.counts = Counts()
        self.redis, self.postgres = Breaker(), Breaker()
        self._tracked, self._plain, self._rescue, self._limits = tracked, plain, rescue, limits
        self._keys, self._generation = keys, generation
        self._flights: dict[int, asyncio.Future[Found]] = {}
        tracked.listen(self)

    def peek(self, stream: UUID) -> Person | None:
        """The person if L1 has them, without waiting: about a microsecond."""
        if not self._generation.current:
            return None
        kept = self.l1.get(stream.int)
        if kept is None:
            return None
        if type(kept) is Absent:
            if time.monotonic() >= kept.until:
                return None
            kept = kept.person
        self.counts.hits += 1
        return kept  # type: ignore[return-value]

    async def person(self, stream: UUID, *, patient: bool = False) -> Person:
        """Whoever the stream belongs to; what was missing is in ``degraded``. ``patient``: rather late than less."""
        return self.peek(stream) or await self._missed(stream, patient)

    async def person_with(
        self, stream: UUID, reflects: Callable[[Person], bool], *, within_s: float
    ) -> tuple[Person, bool]:
        """The person as soon as they are as wanted, woken by what the server says; when the time is over, as they are,
        and False. A server that is down is not waited for."""
        deadline = time.monotonic() + within_s
        while True:
            person = await self.person(stream)
            if reflects(person):
                return person, True
            left = deadline - time.monotonic()
            if left <= 0 or person.degraded:
                return person, False
            await self._changed(stream.int, left)

    def invalidated(self, key: bytes) -> None:
        """See Listener."""
        self.l1.invalidate(key)

    def emptied(self, *, lost: bool) -> None:
        """See Listener."""
        self.l1.empty(lost=lost)
        if not self._tracked.up and not self._tracked.cluster:
            self.redis.trip()

    def connected(self) -> None:
        """See Listener."""
        self.redis.succeeded()

    async def _changed(self, who: int, within_s: float) -> None:
        """Until the entry goes, or the time is over; at once where there is none."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def told() -> None:
            if not future.done():
                future.set_result(None)

        if self.l1.wake(who, told):
            await asyncio.wait([future], timeout=within_s)
            self.l1.sleep(who, told)

    async def _missed(self, stream: UUID, patient: bool) -> Person:
        self.counts.misses += 1
        if self.redis.allows():
            try:
                async with asyncio.timeout(self._limits.patient_s if patient else self._limits.redis_s):
                    found = await self._found(stream)
                self.redis.succeeded()
            except (UnavailableError, TimeoutError):
                self.redis.failed()
            else:
                return found if isinstance(found, Person) else await self._of_postgres(stream, patient, found)
        return await self._without_redis(stream, patient)

    async def _found(self, stream: UUID) -> Entry:
        """As Redis has them. Raises UnavailableError."""
        while True:
            if not self._tracked.up and not self._generation.current:
                raise UnavailableError("Redis does not answer")
            await self._generation.settled()
            keys = self._keys()
            found = self.l1.get(stream.int) or await self._flown(stream, keys)
            if isinstance(found, ServerError):
                found = await self._plainly(stream, keys)
            if isinstance(found, Exception):
                raise found
            if isinstance(found, Person) or await self._is_live(keys):
                return found

    async def _is_live(self, keys: Keys) -> bool:
        """Whether these were the keys to look at. On one connection a switch is told before what it leads to."""
        if self._tracked.cluster:
            self._generation.read()
        await self._generation.settled()
        return keys == self._keys()

    async def _flown(self, stream: UUID, keys: Keys) -> Found:
        future = self._flights.get(stream.int)
        if future is None:
            future = self._flights[stream.int] = asyncio.get_running_loop().create_future()
            _Flight(self, stream, keys, future).ask()
        return await asyncio.shield(future)

    def take_off(self, flight: "_Flight", key: bytes) -> None:
        """Asks for a flight's next hash. Raises UnavailableError."""
        self.counts.read += 1
        self._tracked.ask(key, ("HGETALL", key), flight.answered)

    def landed(self, who: int) -> None:
        """Whoever asks from now on begins anew."""
        self._flights.pop(who, None)

    async def _plainly(self, stream: UUID, keys: Keys) -> Found:
        """On a cluster whose slots are moving: the client goes where it is sent. Nothing of it is kept."""
        home = stream
        for _ in range(LOOKS):
            try:
                with translated():
                    fields: Any = await self._plain.hgetall(keys.person(home))
            except RedisError as error:
                return UnavailableError(f"Redis refuses: {type(error).__name__}")
            step = next_step(stream, home, fields)
            if not isinstance(step, UUID):
                return step
            home = step
        return Absent(stream)

    async def _without_redis(self, stream: UUID, patient: bool) -> Person:
        kept = self.l1.stale(stream.int)
        if isinstance(kept, Person):
            self.counts.stale += 1
            return replace(kept, degraded=(REDIS,))
        person = await self._of_postgres(stream, patient, None)
        if person.streams:
            self.l1.keep_stale(stream.int, person)
        return person

    async def _of_postgres(self, stream: UUID, patient: bool, absent: Absent | None) -> Person:
        """Somebody who is not in Redis: never seen, not projected yet, or lost with Redis."""
        missing = () if absent else (REDIS,)
        if self._rescue is None:
            return Person(stream, {}, missing)
        if not self.postgres.allows():
            return Person(stream, {}, (*missing, POSTGRES))
        try:
            async with asyncio.timeout(self._limits.patient_s if patient else self._limits.rescue_s):
                records = await self._rescue.person(stream, self._keys().generation if absent else 0)
        except (UnavailableError, TimeoutError):
            self.postgres.failed()
            return Person(stream, {}, (*missing, POSTGRES))
        self.postgres.succeeded()
        if not records and absent:
            absent.until = time.monotonic() + NOBODY_S
        self.counts.rescued += bool(records)
        return Person(person_id(records) if records else stream, records, missing)


class _Flight:
    """One reading of a person: hash after hash, without a task of its own."""

    __slots__ = ("_future", "_home", "_keys", "_looks", "_persons", "_reading", "_stream")

    def __init__(self, persons: Persons, stream: UUID, keys: Keys, future: asyncio.Future[Found]) -> None:
        self._persons, self._stream, self._keys, self._future = persons, stream, keys, future
        self._home, self._looks = stream, 0
        self._reading: Reading = persons.l1.begin(stream.int)

    def ask(self) -> None:
        """Asks for the hash of the person that the stream is with, as far as is known."""
        self._looks += 1
        key = self._keys.person(self._home).encode()
        self._persons.l1.reads(self._reading, key)
        try:
            self._persons.take_off(self, key)
        except UnavailableError as error:
            self._land(error)

    def answered(self, fields: Answer) -> None:
        """What the hash holds, or why nobody knows."""
        if isinstance(fields, UnavailableError | ServerError):
            self._land(fields)
            return
        try:
            step = next_step(self._stream, self._home, fields)
        except Exception:  # a record that cannot be read is none; L3 has it, or the log
            step = Absent(self._stream)
        if isinstance(step, UUID) and self._looks < LOOKS:
            self._home = step
            self.ask()
        else:
            self._land(Absent(self._stream) if isinstance(step, UUID) else step, sum(map(len, fields.values())))

    def _land(self, found: Found, size: int = 0) -> None:
        entry = None if isinstance(found, Exception) else found
        self._persons.l1.end(self._reading, entry, ENTRY_BYTES + EXPANSION * size)
        self._persons.landed(self._stream.int)
        if not self._future.done():
            self._future.set_result(found)


def next_step(stream: UUID, home: UUID, fields: Mapping[bytes, bytes]) -> UUID | Entry:
    """Of the hash of ``home``: where to look next, or whom it holds. Raises ValueError, msgspec.DecodeError."""
    moved = fields.get(_MOVED)
    if moved is not None:
        return UUID(moved.decode())
    if str(stream).encode() in fields:
        records = {UUID(name.decode()): customer.decode(value) for name, value in fields.items()}
        return _whole(home, records)
    return Absent(stream) if home == stream else stream  # it moved on between two looks


def _whole(home: UUID, records: Mapping[UUID, CustomerRecord]) -> Person:
    return Person(home, records, (), combine(records.values()))
