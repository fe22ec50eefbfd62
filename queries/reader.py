"""All queries behind one door, as channels, pages and the command line ask them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from domain.event import Event
from domain.identity import Identifier
from domain.sharding import shard_of
from queries.answers import LoggedEvent, Profile, Recommendations
from queries.customer import behaviour, context, demographics, enrich
from queries.ports import Directory, History, Person, ReadModels
from queries.recommend import recommend
from queries.timeline import identity_graph, timeline
from readmodels.customer import CustomerRecord, combine

POLL_S = 0.002


class Queries:
    """``new_id`` gives each answer its decision id. Raises UnavailableError when a server is down."""

    def __init__(
        self,
        read_models: ReadModels,
        directory: Directory,
        shards: Sequence[History],
        new_id: Callable[[], UUID],
    ) -> None:
        self._read_models = read_models
        self._directory = directory
        self._shards = shards
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

    async def profile(self, stream: UUID) -> Profile | None:
        """The unified profile; the identity graph is decrypted from the log. None for somebody never seen."""
        person, shop = await self._read_models.person(stream)
        if not person.streams:
            return None
        record = enrich(combine(person.streams.values()), shop.products)
        streams = await asyncio.to_thread(self._history, list(person.streams))
        return Profile(
            person_id=person.person_id,
            streams=tuple(sorted(person.streams)),
            version=record.version,
            identity_graph=identity_graph(streams),
            demographics=demographics(record),
            behavior=behaviour(record),
            real_time_context=context(record, shop.products),
            consent=tuple(
                {"purpose": c.purpose, "medium": c.medium or "all", "given": c.given, "basis": c.basis}
                for c in record.consent
            ),
        )

    async def events(self, stream: UUID, limit: int) -> tuple[LoggedEvent, ...]:
        """The person's latest events, decrypted from the log, newest first."""
        person, _ = await self._read_models.person(stream)
        streams = list(person.streams) or [stream]
        return timeline(await asyncio.to_thread(self._history, streams), limit)

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

    def _history(self, streams: Sequence[UUID]) -> list[tuple[UUID, list[Event]]]:
        found: list[tuple[UUID, list[Event]]] = []
        for number, shard in enumerate(self._shards):
            found += shard.streams([s for s in streams if shard_of(s, len(self._shards)) == number])
        return found


def _reflects(person: Person, stream: UUID, version: int) -> bool:
    record = person.streams.get(stream)
    return record is not None and record.version >= version
