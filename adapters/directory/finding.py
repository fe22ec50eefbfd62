"""Identifier → stream for answers: from this process, from Redis, from PostgreSQL, whichever answers first in this
order. What this process keeps goes when the identifier is forgotten, wherever that happens: Redis tells it."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from adapters.breaker import Breaker
from adapters.directory import PostgresDirectory
from adapters.directory.remembered import key_of, pseudonym_of, remember
from adapters.redis.l1 import L1
from adapters.redis.tracked import Tracked
from adapters.redis.wire import Answer, ServerError
from commands.ports import UnavailableError
from domain.identity import Identifier
from readmodels import keys

KEPT, ENTRY_BYTES = 100_000, 600
ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Waits:
    """How long for each server, and how long what was known may answer while neither does."""

    redis_s: float = 0.025
    postgres_s: float = 0.1
    stale_s: float = 30.0


PATIENT = Waits(redis_s=2.0, postgres_s=10.0)


class Finding:
    """Implements queries.ports.Directory, on the tracked connection of the read models."""

    def __init__(
        self, directory: PostgresDirectory, tracked: Tracked, namespace: str, waits: Waits | None = None
    ) -> None:
        self._directory, self._tracked, self._namespace = directory, tracked, namespace
        self._waits = waits or Waits()
        self._prefix = keys.identifier(namespace, "").encode()
        self._known: L1[UUID] = L1(KEPT, KEPT * ENTRY_BYTES, stale_s=self._waits.stale_s)
        self.redis, self.postgres = Breaker(), Breaker()
        self._awaited: dict[bytes, list[asyncio.Future[None]]] = {}
        self.hits = self.misses = 0
        tracked.listen(self)

    async def find(self, identifier: Identifier, *, patient: bool = False) -> UUID | None:
        """None for one never seen. Raises UnavailableError where nobody who answers knows."""
        pseudonym = self._directory.pseudonym(identifier)
        known = self._known.get(_number(pseudonym))
        if known is not None:
            self.hits += 1
            return known
        self.misses += 1
        waits = PATIENT if patient else self._waits
        return await self._of_redis(pseudonym, waits) or await self._of_postgres(identifier, pseudonym, waits)

    async def claimed(self, identifier: Identifier, *, within_s: float) -> UUID | None:
        """See queries.ports. Its key in Redis was read on the tracked connection, so the server tells when somebody
        claims it; where that was not put there, it is found when the time is over."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        key = key_of(self._namespace, self._directory.pseudonym(identifier)).encode()
        self._awaited.setdefault(key, []).append(future)
        try:
            found = await self.find(identifier)
            if found is None:
                await asyncio.wait([future], timeout=within_s)
                found = await self.find(identifier)
            return found
        except UnavailableError:
            return None
        finally:
            self._awaited[key].remove(future)
            if not self._awaited[key]:
                del self._awaited[key]

    def invalidated(self, key: bytes) -> None:
        """See Listener."""
        for future in self._awaited.get(key, ()):
            if not future.done():
                future.set_result(None)
        if key.startswith(self._prefix):
            self._known.invalidate(key)
            self._directory.drop(pseudonym_of(key))

    def emptied(self, *, lost: bool) -> None:
        """See Listener."""
        self._known.empty(lost=lost)

    def connected(self) -> None:
        """See Listener."""
        self.redis.succeeded()

    async def _of_redis(self, pseudonym: bytes, waits: Waits) -> UUID | None:
        if not self._tracked.started:
            await self._tracked.start()
        if not self.redis.allows():
            return None
        key = key_of(self._namespace, pseudonym).encode()
        reading = self._known.begin(_number(pseudonym))
        self._known.reads(reading, key)
        found: UUID | None = None
        try:
            async with asyncio.timeout(waits.redis_s):
                value: Answer = await self._tracked.call(key, "GET", key)
            found = UUID(bytes=value) if value is not None and len(value) == ID_BYTES else None
            self.redis.succeeded()
        except (UnavailableError, TimeoutError, ServerError):
            self.redis.failed()
        finally:
            self._known.end(reading, found, ENTRY_BYTES)
        return found

    async def _of_postgres(self, identifier: Identifier, pseudonym: bytes, waits: Waits) -> UUID | None:
        try:
            if not self.postgres.allows():
                raise UnavailableError("the directory does not answer")
            found = await self._in_time(identifier, waits)
        except UnavailableError:
            stale = self._known.stale(_number(pseudonym))
            if stale is None:
                raise
            return stale
        if found is not None:
            self._put_back(pseudonym, found)
        return found

    async def _in_time(self, identifier: Identifier, waits: Waits) -> UUID | None:
        try:
            async with asyncio.timeout(waits.postgres_s):
                found = await asyncio.to_thread(self._directory.find, identifier)
        except (UnavailableError, TimeoutError) as error:
            self.postgres.failed()
            raise UnavailableError("the directory does not answer") from error
        self.postgres.succeeded()
        return found

    def _put_back(self, pseudonym: bytes, stream: UUID) -> None:
        try:
            words = remember(self._namespace, pseudonym, stream)
            self._tracked.ask(words[1].encode(), words, _nothing)
        except UnavailableError:
            return


def _number(pseudonym: bytes) -> int:
    return int.from_bytes(pseudonym)


def _nothing(_: Answer) -> None:
    """It is there, or it is not."""
