"""The read models as queries read them: persons and the shop are kept in process until the server says that they have
changed, so a warm request asks nobody. See docs/caching.md."""

import asyncio
import gc
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import DecodeError

from adapters.redis import connect_async, translated
from adapters.redis.persons import Limits, Persons
from adapters.redis.rescue import Rescue
from adapters.redis.shelf import Shelf
from adapters.redis.tracked import Tracked
from adapters.redis.watch import Told, Watch, Watches
from commands.ports import UnavailableError
from domain.merchandising import RuleSet, rulebook_id
from queries.ports import Person, Shop
from queries.recommend.arms import Current
from queries.recommend.assemble import Assembler, Model, Models, Parts
from queries.recommend.assortment import Assortment
from queries.recommend.serving import Serving
from queries.recommend.weights import USUAL, Weights
from readmodels import experiment, keys, merchandising, statistics
from readmodels.keys import Keys
from readmodels.live import CUSTOMERS, PROJECTIONS, Live

LOGGER = logging.getLogger("bespoke.reader")
START_S, AGAIN_S = 2.0, 0.5
#: How often it is looked whether another model is in use.
LOOK_S = 0.25
RULEBOOK, CURRENT = str(rulebook_id()), str(experiment.CURRENT)


class Wanted(NamedTuple):
    """What the shop is to be made of: read models by generation and version, models, rules, experiments."""

    live: Live
    catalogue: bytes | None
    statistics: bytes | None
    models: Models
    rules: RuleSet
    experiments: Current


class RedisReader:
    """Implements queries.ports.ReadModels. ``categories`` and stock come from the catalogue, so a change of either
    counts as soon as the server has told of it and the shop is put together anew, and so does another model, which
    ``in_use`` gives. ``opened`` gives a model that an arm of an
    experiment names. A switch of generations counts from the moment it is told."""

    def __init__(
        self,
        url: str,
        namespace: str,
        rescue: Rescue | None = None,
        in_use: Callable[[], Models] = Models,
        limits: Limits | None = None,
        weights: Weights = USUAL,
        opened: Callable[[str], Model | None] = lambda digest: None,
    ) -> None:
        self._client = connect_async(url)
        self._namespace, self._rescue, self._in_use, self._weights = namespace, rescue, in_use, weights
        self._live, self._models, self._rules, self._experiments = Live(), Models(), RuleSet(), Current(())
        self._opened = opened
        self._assembler, self._shelf = Assembler(), Shelf(self._client)
        self._empty = self._shop = Shop({}, self._assembler.serving)
        self._versions: list[bytes | None] = [None, None]
        self._loaded: Wanted | None = None
        self._rules_digest = ""
        self._loading: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._has_shop = False
        self.tracked = Tracked(url)
        self.watches = Watches(self.tracked)
        self._parts: list[Watch] = []
        self._generations = self.watches.on_change_of_fields(keys.generations(namespace), PROJECTIONS, self._switched)
        self.persons = Persons(self.tracked, self._client, rescue, limits or Limits(), self._people, self._generations)

    def on_change(self, key: str, told: Told) -> Watch:
        """``told`` gets the value of a key: when it is first read, and whenever it has changed."""
        return self.watches.on_change(key, told)

    def peek(self, stream: UUID) -> Person | None:
        """The person if they are kept in process, without waiting."""
        return self.persons.peek(stream)

    async def start(self) -> None:
        """Connects and loads the shop, as far as that goes in some seconds; goes on with it otherwise."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        self._models = await asyncio.to_thread(self._in_use)
        connected = await self.tracked.start(START_S)
        self._following = asyncio.create_task(self._follow())
        if connected and self._loaded is None:
            try:
                async with asyncio.timeout(START_S):
                    await self._settled()
            except TimeoutError:
                LOGGER.warning("the shop is not loaded yet")

    async def shop(self) -> Shop:
        """The catalogue and the model in use. Raises UnavailableError where it was never to be had."""
        if self._starting is None or not self._starting.done():
            await self.start()
        if not self._has_shop:
            raise UnavailableError("Redis does not answer")
        return self._shop

    async def person(self, stream: UUID, *, patient: bool = False) -> tuple[Person, Shop]:
        """Whoever the stream belongs to, and the shop, empty where it was never to be had."""
        shop = await self._some_shop()
        return await self.persons.person(stream, patient=patient), shop

    async def person_with(
        self, stream: UUID, reflects: Callable[[Person], bool], *, within_s: float
    ) -> tuple[Person, bool]:
        """See queries.ports.ReadModels."""
        await self._some_shop()
        return await self.persons.person_with(stream, reflects, within_s=within_s)

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
        going = [task for task in (self._starting, self._following, self._loading) if task is not None]
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        await self.tracked.close()
        if self._rescue is not None:
            await self._rescue.close()
        await self._client.aclose()

    async def _follow(self) -> None:
        """Looks whether other models are in use, beside the requests: opening one takes a while."""
        while True:
            await asyncio.sleep(LOOK_S)
            found = await asyncio.to_thread(self._in_use)
            if found != self._models:
                self._models = found
                self._load_soon()

    def _keys(self, generation: int) -> Keys:
        return Keys(self._namespace, generation)

    def _people(self) -> Keys:
        return self._keys(self._live.customers)

    async def _some_shop(self) -> Shop:
        try:
            return await self.shop()
        except UnavailableError:
            return self._empty

    async def _settled(self) -> None:
        """Until the shop is what the server says."""
        await self._generations.settled()
        for part in self._parts:
            await part.settled()
        await self._loaded_within(START_S)

    async def _loaded_within(self, seconds: float) -> None:
        if self._loading is not None:
            await asyncio.wait([self._loading], timeout=seconds)

    def _switched(self, numbers: list[bytes | None]) -> None:
        live = Live(*(int(number or 0) for number in numbers))
        if live == self._live and self._parts:
            return
        if live.customers != self._live.customers:
            self.persons.l1.empty()
        self._live = live
        for part in self._parts:
            self.watches.drop(part)
        where = self._keys(live.catalogue).catalogue_position, self._keys(live.statistics).statistics_current
        self._versions = [None, None]
        self._parts = [self.on_change(key, partial(self._told, place)) for place, key in enumerate(where)]
        rules = self._keys(live.catalogue).rules
        self._parts.append(self.watches.on_change_of_fields(rules, (RULEBOOK,), self._told_rules))
        experiments = self._keys(live.catalogue).experiments
        self._parts.append(self.watches.on_change_of_fields(experiments, (CURRENT,), self._told_experiments))

    def _told(self, place: int, version: bytes | None) -> None:
        self._versions[place] = version
        if all(part.current for part in self._parts):
            self._load_soon()

    def _told_rules(self, stored: list[bytes | None]) -> None:
        published = merchandising.decode(stored[0]) if stored[0] else merchandising.PublishedRules()
        if published.digest != self._rules_digest:
            self._rules, self._rules_digest = merchandising.rules_of(published), published.digest
        if all(part.current for part in self._parts):
            self._load_soon()

    def _told_experiments(self, stored: list[bytes | None]) -> None:
        try:
            published = experiment.decode(stored[0]) if stored[0] else experiment.PublishedExperiments()
            if published.digest != self._experiments.digest:
                self._experiments = Current(experiment.served(published))
        except (ValueError, DecodeError):  # such as what a later release wrote: those that are known go on
            LOGGER.error("the experiments cannot be read")
        if all(part.current for part in self._parts):
            self._load_soon()

    def _load_soon(self) -> None:
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load_all())

    async def _load_all(self) -> None:
        """Puts the shop together until nothing has changed meanwhile; the one before is answered with until then."""
        while True:
            catalogue, counts = self._versions
            wanted = Wanted(self._live, catalogue, counts, self._models, self._rules, self._experiments)
            if wanted == self._loaded:
                return
            try:
                # Of a wiped server the shop that is known is still the best one.
                load = self._load if any(self._live) else self._again
                self._shop = await load(wanted)
                self._loaded, self._has_shop = wanted, True
            except UnavailableError:
                await asyncio.sleep(AGAIN_S)

    async def _again(self, wanted: Wanted) -> Shop:
        """What is sold stays as it is known."""
        return Shop(self._shop.products, await asyncio.to_thread(self._put_together, self._assembler.parts, wanted))

    async def _load(self, wanted: Wanted) -> Shop:
        assortment = await self._shelf.refresh(self._keys(wanted.live.catalogue), int(wanted.catalogue or 0))
        digest = wanted.statistics.decode() if wanted.statistics else ""
        counts: Any = None
        if digest and digest != self._assembler.parts.digest:
            with translated():
                counts = await self._client.get(self._keys(wanted.live.statistics).statistics(digest))
        return await asyncio.to_thread(self._assembled, assortment, counts, digest, wanted)

    def _assembled(self, assortment: Assortment, counts: bytes | None, digest: str, wanted: Wanted) -> Shop:
        known = self._assembler.parts.statistics if digest == self._assembler.parts.digest else statistics.Statistics()
        parts = Parts(
            assortment=assortment,
            statistics=statistics.decode(counts) if counts else known,
            digest=digest,
            weights=self._weights,
            others=self._assembler.parts.others,
        )
        made = Shop(assortment.on_sale, self._put_together(parts, wanted))
        gc.freeze()  # a catalogue lives long; nobody is to look through it for cycles while a request waits
        return made

    def _put_together(self, parts: Parts, wanted: Wanted) -> Serving:
        """With the models, rules and experiments that are wanted."""
        known = {model.digest: model for model in parts.others}
        others = (known.get(digest) or self._opened(digest) for digest in sorted(wanted.experiments.models))
        return self._assembler.assemble(
            replace(
                parts,
                config=wanted.models.config,
                model=wanted.models.blend,
                bandit=wanted.models.bandit,
                others=tuple(model for model in others if model is not None),
                rules=wanted.rules,
                experiments=wanted.experiments,
                experiments_digest=wanted.experiments.digest,
            )
        )
