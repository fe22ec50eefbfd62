"""All queries behind one door, as channels, pages and the command line ask them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from domain.event import Event
from domain.identity import Identifier
from domain.product import product_id
from domain.sharding import shard_of
from queries.answers import LoggedEvent, Profile, Recommendations
from queries.moment import Moment
from queries.ports import Directory, History, Person, ReadModels
from queries.profile import kept, skus_of, unified
from queries.recommend import recommend
from queries.timeline import timeline
from queries.travel import DESCRIPTION, described, snapshot, travel
from readmodels.customer import CustomerRecord, combine

POLL_S = 0.002
NOW = Moment()


class Queries:
    """``new_id`` gives each answer its decision id. Raises UnavailableError when a server is down."""

    def __init__(
        self,
        read_models: ReadModels,
        directory: Directory,
        shards: Sequence[History],
        catalogue: History,
        new_id: Callable[[], UUID],
    ) -> None:
        self._read_models = read_models
        self._directory = directory
        self._shards = shards
        self._catalogue = catalogue
        self._new_id = new_id

    async def find(self, identifier: Identifier) -> UUID | None:
        """The stream of an identifier, or None for one never seen."""
        return await asyncio.to_thread(self._directory.find, identifier)

    async def recommend(
        self, placement: str, stream: UUID | None, *, limit: int, item: str | None = None
    ) -> Recommendations:
        """The best items for whoever the stream belongs to; None is a stranger."""
        if stream is None:
            person, shop, record = None, await self._read_models.shop(), CustomerRecord()
        else:
            person, shop = await self._read_models.person(stream)
            record = combine(person.streams.values())
        return Recommendations(
            decision_id=self._new_id(),
            placement=placement,
            items=recommend(shop, record, limit=limit, item=item),
            person_id=person.person_id if person and person.streams else None,
            version=record.version,
            served="full",
        )

    async def profile(self, stream: UUID, moment: Moment | None = None) -> Profile | None:
        """The unified profile now, or at a moment; the identity graph is decrypted from the log. None for somebody
        never seen, or not yet by then."""
        if moment is not None:
            return await asyncio.to_thread(self._past_profile, stream, moment)
        person, shop = await self._read_models.person(stream)
        if not person.streams:
            return None
        streams = dict(await asyncio.to_thread(self._history, list(person.streams)))
        now = snapshot(streams, NOW)
        if now is not None and now.erased:
            return kept(now, NOW)
        return unified(person.person_id, streams, combine(person.streams.values()), shop.products, NOW)

    async def events(self, stream: UUID, limit: int, moment: Moment | None = None) -> tuple[LoggedEvent, ...]:
        """The person's latest events, decrypted from the log, newest first; those that counted at a moment."""
        if moment is not None:
            past = await asyncio.to_thread(travel, self._history, stream, moment)
        else:
            person, _ = await self._read_models.person(stream)
            past = snapshot(dict(await asyncio.to_thread(self._history, list(person.streams) or [stream])), NOW)
        return timeline(past.streams.items(), limit) if past else ()

    async def wait_for(self, stream: UUID, version: int, *, timeout_ms: int) -> bool:
        """Whether the read model reflected this version of the stream in time."""
        deadline = time.monotonic() + timeout_ms / 1000
        while not _reflects(await self._person(stream), stream, version):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_S)
        return True

    async def ready(self) -> dict[str, str]:
        """Server name → "ok" or what is wrong."""
        return {
            "redis": await self._read_models.ready(),
            "postgres": await asyncio.to_thread(self._log_ready),
        }

    async def _person(self, stream: UUID) -> Person:
        return (await self._read_models.person(stream))[0]

    def _log_ready(self) -> str:
        try:
            for shard in self._shards:
                shard.head()
        except Exception as error:
            return type(error).__name__
        return "ok"

    def _past_profile(self, stream: UUID, moment: Moment) -> Profile | None:
        past = travel(self._history, stream, moment)
        if past is None:
            return None
        if past.erased:
            return kept(past, moment)
        record = past.record()
        products = self._catalogue.streams([product_id(sku) for sku in sorted(skus_of(record))], DESCRIPTION)
        return unified(past.person_id, past.streams, record, described((e for _, e in products), moment), moment)

    def _history(self, streams: Sequence[UUID], topics: Sequence[str] | None = None) -> list[tuple[UUID, list[Event]]]:
        found: list[tuple[UUID, list[Event]]] = []
        shards = tuple(self._shards)  # one view of them: they may be moved meanwhile
        for number, shard in enumerate(shards):
            found += shard.streams([s for s in streams if shard_of(s, len(shards)) == number], topics)
        return found


def _reflects(person: Person, stream: UUID, version: int) -> bool:
    record = person.streams.get(stream)
    return record is not None and record.version >= version
