"""The rule book as it stands in the log, and what its rules would do. Nothing is read from Redis that must be exact."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from domain.event import Event
from domain.merchandising import Problem, RuleBook, RuleSet, rulebook_id
from projections.merchandising import LIVE, rulebook_by_hash
from projections.moment import millis
from queries.ports import History, ReadModels, Shop
from queries.preview import Decide, Preview, decide_in, preview, unknown_names
from queries.recommend.ask import Ask
from readmodels.customer import CustomerRecord, combine


class Change(msgspec.Struct, frozen=True):
    """An entry of the book's history. ``digest``: of the draft, or of what is live since then. ``rules``: how many."""

    version: int
    at_ms: int
    actor: str
    does: str
    digest: str
    rules: int
    keys: tuple[str, ...] = ()


class Book(msgspec.Struct, frozen=True):
    """The draft and what is live, each with its hash ("": no rules), as plain data. ``version``: of the stream."""

    version: int
    digest: str
    rules: tuple[dict[str, Any], ...]
    live_digest: str
    live: tuple[dict[str, Any], ...]


class Merchandising:
    """``decide_of`` makes answers for a preview from a shop. Raises UnavailableError when a server is down."""

    def __init__(
        self, catalogue: History, read_models: ReadModels, decide_of: Callable[[Shop], Decide] = decide_in
    ) -> None:
        self._catalogue = catalogue
        self._read_models = read_models
        self._decide_of = decide_of

    async def book(self) -> Book:
        """As it is now."""
        book = await asyncio.to_thread(self._book)
        if book is None:
            return Book(0, "", (), "", ())
        return Book(book.version, book.draft_digest, _plain(book.draft), book.digest, _plain(book.rules))

    async def history(self, limit: int) -> tuple[Change, ...]:
        """The latest changes, the last one first."""
        events = await asyncio.to_thread(self._events)
        changes = [_change(event) for event in events if isinstance(event, (RuleBook.DraftSaved, *LIVE))]
        return tuple(changes[::-1][:limit])

    async def published(self, digest: str) -> RuleSet | None:
        """A set that is or was live, by its hash; None for one that never was."""
        return rulebook_by_hash(await asyncio.to_thread(self._events)).get(digest)

    async def unknown(self, rules: RuleSet) -> tuple[Problem, ...]:
        """What rules name that no item has."""
        return unknown_names(rules, (await self._read_models.shop()).serving.assortment)

    async def preview(self, stream: UUID | None, ask: Ask, rules: RuleSet | None = None) -> Preview | None:
        """What the rules, or else the draft, would do for whoever the stream belongs to; None is a stranger. None for
        somebody never seen."""
        if stream is None:
            shop, record = await self._read_models.shop(), CustomerRecord()
        else:
            person, shop = await self._read_models.person(stream)
            if not person.streams:
                return None
            record = combine(person.streams.values())
        return await asyncio.to_thread(self._preview, shop, record, ask, rules)

    def _preview(self, shop: Shop, record: CustomerRecord, ask: Ask, rules: RuleSet | None) -> Preview:
        book = self._book()
        draft = rules or RuleSet(rules=book.draft if book else ())
        live = RuleSet(rules=book.rules if book else ())
        return preview(self._decide_of(shop), shop, record, ask, live, draft)

    def _events(self) -> list[Event]:
        return [event for _, events in self._catalogue.streams([rulebook_id()]) for event in events]

    def _book(self) -> RuleBook | None:
        book: Any = None
        for event in self._events():
            book = event.mutate(book)
        return book  # type: ignore[no-any-return]


def _plain(rules: tuple[Any, ...]) -> tuple[dict[str, Any], ...]:
    return tuple(rule.model_dump(mode="json", exclude_defaults=True) for rule in rules)


def _change(event: Any) -> Change:
    return Change(
        version=event.originator_version,
        at_ms=millis(event.occurred_at),
        actor=event.actor,
        does=type(event).TOPIC.partition(".")[2],
        digest=event.digest,
        rules=len(event.rules),
        keys=event.keys if isinstance(event, RuleBook.Withdrawn) else (),
    )
