"""All queries behind one door, as channels, pages and the command line ask them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from commands.ports import UnavailableError
from domain.event import Event
from domain.identity import Identifier
from domain.product import product_id
from domain.sharding import shard_of
from queries.answers import LoggedEvent, Profile, Recommendations
from queries.moment import Moment
from queries.ports import Directory, History, Person, ReadModels, Shop
from queries.profile import kept, skus_of, unified
from queries.recommend.ask import Wanted
from queries.recommender import Recommender
from queries.timeline import LATEST, Page, timeline
from queries.travel import DESCRIPTION, described, snapshot, travel
from queries.whom import meet
from readmodels.catalogue import Product

NOW = Moment()


class Queries:
    """Raises UnavailableError when a server is down."""

    def __init__(
        self,
        read_models: ReadModels,
        directory: Directory,
        shards: Sequence[History],
        catalogue: History,
        recommender: Recommender,
    ) -> None:
        self._read_models = read_models
        self._directory = directory
        self._shards = shards
        self._catalogue = catalogue
        self._recommender = recommender
        #: How many answers lacked what.
        self.degraded: Counter[str] = Counter()

    async def find(self, identifier: Identifier) -> UUID | None:
        """The stream of an identifier, or None for one never seen."""
        return await self._directory.find(identifier, patient=True)

    async def recommend(
        self, wanted: Wanted, who: UUID | Identifier | None, *, min_version: int | None = None, language: str = "en"
    ) -> Recommendations:
        """The best items for a person, by any of their streams or an identifier; None is a stranger. An answer that
        reflects ``min_version`` events of them is waited for, 20 ms at most. A server that is down makes the answer
        poorer, and ``degraded`` says so; it is no error."""
        began = self._recommender.lap_s()
        met = await meet(self._read_models, self._directory, who, min_version)
        if met.degraded:
            self.degraded.update(met.degraded)
        return self._recommender.answer(wanted, met, began_s=began, language=language)

    async def profile(self, stream: UUID, moment: Moment | None = None) -> Profile | None:
        """The unified profile now, or at a moment; the identity graph is decrypted from the log. None for somebody
        never seen, or not yet by then."""
        if moment is not None:
            return await asyncio.to_thread(self._past_profile, stream, moment)
        person, shop = await self._known(stream)
        if not person.streams:
            return await asyncio.to_thread(self._erased_profile, stream)
        streams = dict(await asyncio.to_thread(self._history, list(person.streams)))
        now = snapshot(streams, NOW)
        if now is not None and now.erased:
            return kept(now, NOW)
        return unified(person.person_id, streams, person.record, shop.products, NOW)

    async def events(
        self, stream: UUID, limit: int, moment: Moment | None = None, page: Page = LATEST
    ) -> tuple[LoggedEvent, ...]:
        """The person's latest events, or those of a page, decrypted from the log, newest first; those that counted at a
        moment."""
        if moment is not None:
            past = await asyncio.to_thread(travel, self._history, stream, moment)
        else:
            person, _ = await self._known(stream)
            past = snapshot(dict(await asyncio.to_thread(self._history, list(person.streams) or [stream])), NOW)
        return timeline(past.streams.items(), limit, page) if past else ()

    async def products(self, skus: Sequence[str]) -> list[Product | None]:
        """Each as it is on sale now, None where it is not."""
        known = (await self._read_models.shop()).products
        return [known.get(sku) for sku in skus]

    async def changed(self, who: UUID | Identifier, version: int, *, within_s: float) -> bool:
        """Whether there are other events of them than ``version`` counts, as soon as a server has told of it; False
        when the time is over, or at once where nobody can say."""
        stream = who if isinstance(who, UUID) else await self._directory.claimed(who, within_s=within_s)
        if stream is None:
            return False
        _, other = await self._read_models.person_with(
            stream, lambda person: person.record.version != version, within_s=within_s
        )
        return other

    async def wait_for(self, stream: UUID, version: int, *, timeout_ms: int) -> bool:
        """Whether the read model reflected this version of the stream in time."""
        _, reflected = await self._read_models.person_with(
            stream, lambda person: _reflects(person, stream, version), within_s=timeout_ms / 1000
        )
        return reflected

    async def ready(self) -> dict[str, str]:
        """Server name → "ok" or what is wrong."""
        return {
            "redis": await self._read_models.ready(),
            "postgres": await asyncio.to_thread(self._log_ready),
        }

    async def _known(self, stream: UUID) -> tuple[Person, Shop]:
        """Raises UnavailableError where nobody can say whether there is such a person."""
        person, shop = await self._read_models.person(stream, patient=True)
        if person.degraded and not person.streams:
            raise UnavailableError(f"{' and '.join(person.degraded)} did not answer")
        return person, shop

    def _log_ready(self) -> str:
        try:
            for shard in self._shards:
                shard.head()
        except Exception as error:
            return type(error).__name__
        return "ok"

    def _erased_profile(self, stream: UUID) -> Profile | None:
        """Of somebody whom no read model knows: what is left, if they were erased."""
        left = snapshot(dict(self._history([stream])), NOW)
        return kept(left, NOW) if left is not None and left.erased else None

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
