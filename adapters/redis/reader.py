"""The read models as queries read them: one round trip a request, the shop kept in process until it changes.

Whoever is not in Redis, though recorded, comes from PostgreSQL."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from adapters.redis import connect_async, translated
from adapters.redis.rescue import Rescue
from domain.identity import person_id
from ml.nextitem.model import Config, build
from queries.ports import Person, Shop
from readmodels import catalogue, customer, keys, statistics
from readmodels.keys import MOVED, Keys
from readmodels.live import CUSTOMERS, PROJECTIONS, Live

LOOKS = 8
Versions = tuple[bytes | None, bytes | None]
NOTHING: Versions = (None, None)
ModelInUse = Callable[[], Config | None]


class RedisReader:
    """Implements queries.ports.ReadModels. ``categories`` and stock come from the catalogue, so a change of either
    counts from the next request on, and so does another model, which ``in_use`` gives."""

    def __init__(
        self, url: str, namespace: str, rescue: Rescue | None = None, in_use: ModelInUse = lambda: None
    ) -> None:
        self._client = connect_async(url)
        self._namespace = namespace
        self._rescue = rescue
        self._in_use = in_use
        self._live = Live()
        self._seen: Versions | None = None
        self._model: Config | None = None
        self._shop = Shop({}, build(statistics.Statistics(), {}, Config()))
        self._lock = asyncio.Lock()

    async def shop(self) -> Shop:
        """The catalogue and the model in use. Raises UnavailableError."""
        await self._ask()
        return self._shop

    async def person(self, stream: UUID) -> tuple[Person, Shop]:
        """Whoever the stream belongs to, and the shop. Raises UnavailableError."""
        home = stream
        for _ in range(LOOKS):
            fields = await self._ask(home)
            if MOVED.encode() in fields:
                home = UUID(fields[MOVED.encode()].decode())
            elif str(stream).encode() in fields:
                records = {UUID(field.decode()): customer.decode(value) for field, value in fields.items()}
                return Person(home, records), self._shop
            elif home == stream:
                break
            else:  # it moved on between two looks
                home = stream
        return await self._rescued(stream), self._shop

    async def ready(self) -> str:
        """ "ok", or what is wrong."""
        try:
            with translated():
                live: Any = await self._client.hget(keys.generations(self._namespace), CUSTOMERS)
        except Exception as error:
            return type(error).__name__
        return "ok" if int(live or 0) else "nothing projected yet"

    async def close(self) -> None:
        """Gives all connections back."""
        if self._rescue is not None:
            await self._rescue.close()
        await self._client.aclose()

    async def _rescued(self, stream: UUID) -> Person:
        """Somebody who is not in Redis: never seen, not projected yet, or lost with Redis."""
        if self._rescue is None:
            return Person(stream, {})
        records = await self._rescue.person(stream, self._live.customers)
        return Person(person_id(records) if records else stream, records)

    async def _ask(self, home: UUID | None = None) -> dict[bytes, bytes]:
        """A person's fields; the shop is brought up to date if anything of it changed."""
        while True:
            asked = self._live
            pipeline: Any = self._client.pipeline(transaction=False)
            pipeline.hmget(keys.generations(self._namespace), PROJECTIONS)
            pipeline.get(self._keys(asked.catalogue).catalogue_version)
            pipeline.get(self._keys(asked.statistics).statistics_current)
            if home is not None:
                pipeline.hgetall(self._keys(asked.customers).person(home))
            with translated():
                numbers, *answers = await pipeline.execute()
            live = Live(*(int(number or 0) for number in numbers))
            if live == asked:
                await self._refresh((answers[0], answers[1]))
                return answers[2] if home is not None else {}
            # Of a wiped server the shop that is known is still the best one.
            self._live, self._seen = live, None if any(live) else NOTHING

    def _keys(self, generation: int) -> Keys:
        return Keys(self._namespace, generation)

    async def _refresh(self, versions: Versions) -> None:
        model = self._in_use()
        if versions == self._seen and model is self._model:
            return
        async with self._lock:
            if versions != self._seen or model is not self._model:
                self._shop = await self._load(versions, model)
                self._seen, self._model = versions, model

    async def _load(self, versions: Versions, model: Config | None) -> Shop:
        _, current = versions
        with translated():
            stored: Any = await self._client.hgetall(self._keys(self._live.catalogue).catalogue)
            digest = current.decode() if current else None
            counts: Any = (
                await self._client.get(self._keys(self._live.statistics).statistics(digest)) if digest else None
            )
        products = catalogue.products(map(catalogue.decode, stored.values()))
        whole = statistics.decode(counts) if counts else statistics.Statistics()
        kinds = {sku: product.category for sku, product in products.items()}
        return Shop(products, await asyncio.to_thread(build, whole, kinds, model or Config()))
