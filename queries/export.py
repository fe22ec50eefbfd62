"""Everything about a person, for the person: the right of access and the right to portability (Art. 15, 20 GDPR).

Read from the log and the receipts alone, so that it tells what is kept and not what a cache remembers. Events and
decisions are iterators over pages: however much somebody did, little of it is in memory at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from typing import Any, Protocol
from uuid import UUID

from domain.customer import BEGUN, Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import person_id
from domain.product import product_id
from domain.sharding import shard_of
from domain.ties import TIE_TOPICS
from projections.customer import fold_some
from projections.details import details
from queries.answers import LoggedEvent, Profile
from queries.circle import TOPICS, Circle
from queries.decisions import Gone, Told, told
from queries.moment import Moment
from queries.ports import History
from queries.profile import kept, skus_of, unified
from queries.recommend.decision import Decision
from queries.timeline import timeline
from queries.travel import DESCRIPTION, MONEY, Snapshot, described, erased
from readmodels.catalogue import Product
from readmodels.customer import combine

NOW = Moment()
LINKS = TIE_TOPICS
CONSENTS = (Customer.ConsentGiven.TOPIC, Customer.ConsentWithdrawn.TOPIC, Customer.ConsentStringReceived.TOPIC)
DETAILS = (Customer.DetailsGiven.TOPIC, Customer.DetailsCorrected.TOPIC)
EXPOSURES = (Customer.ExperimentExposed.TOPIC,)
REQUESTS = (Customer.AccessRequested.TOPIC, Customer.AccessGranted.TOPIC)
#: Events that tell about the person rather than what they did: few, and told in sections of their own.
ABOUT = (*TOPICS, *CONSENTS, *DETAILS, *EXPOSURES, *REQUESTS, Customer.CustomerErased.TOPIC)


class Log(History, Protocol):
    """The log of one shard, by stream."""

    def events(self, stream: UUID) -> Iterator[Event]:
        """All events of a stream in order, a page at a time. Raises UnavailableError."""


class Receipts(Protocol):
    """Where receipts are kept."""

    def all_of_person(self, streams: Sequence[UUID]) -> Iterator[Decision | Gone]:
        """The latest first, a page at a time. Raises UnavailableError."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One identifier's stream: when it began by the clock of the log, and how many events it has."""

    id: UUID
    kind: str | None
    identifier: str | None
    events: int


@dataclass(frozen=True, slots=True)
class Dossier:
    """All about one person. Of an erased one there is what law makes a retailer keep. ``decisions`` and ``events`` are
    read anew each time; ``expired``: decisions whose time is over, counted while they are read."""

    person_id: UUID
    made_at: datetime
    streams: tuple[Stream, ...]
    profile: Profile
    details: Mapping[str, object]
    about: Mapping[str, tuple[LoggedEvent, ...]]
    products: Mapping[str, Product]
    decisions: Callable[[], Iterator[Told]]
    events: Callable[[], Iterator[LoggedEvent]]
    expired: list[int] = field(default_factory=lambda: [0])

    @property
    def erased(self) -> bool:
        """Whether the person is."""
        return self.profile.status == "erased"


class Exports:
    """Makes them. Raises UnavailableError."""

    def __init__(self, shards: Sequence[Log], catalogue: History, receipts: Receipts) -> None:
        self._shards, self._catalogue, self._receipts = shards, catalogue, receipts

    def members(self, stream: UUID) -> frozenset[UUID]:
        """The streams that are one person with this one; none for one that is not there."""
        circle = Circle(stream, NOW)
        circle.add([stream], self.read([stream], TOPICS))
        while missing := sorted(circle.missing()):
            circle.add(missing, self.read(missing, TOPICS))
        return circle.person()

    def dossier(self, stream: UUID, made_at: datetime) -> Dossier | None:
        """Of whoever the stream belongs to; None for nobody."""
        members = sorted(self.members(stream))
        if not members:
            return None
        about = dict(self.read(members, ABOUT))
        if any(is_erased(events) for events in about.values()):
            return self._of_erased(members, made_at)
        return self._of_known(members, about, made_at)

    def _of_known(self, members: list[UUID], about: Mapping[UUID, list[Event]], made_at: datetime) -> Dossier:
        counted = {member: _Counted(self._events(member)) for member in members}
        record = combine(fold_some(each) for each in counted.values())
        described_ = self._catalogue.streams([product_id(sku) for sku in sorted(skus_of(record))], DESCRIPTION)
        products = described((events for _, events in described_), NOW)
        expired = [0]
        return Dossier(
            person_id(members),
            made_at,
            tuple(_stream(member, about.get(member, []), counted[member].count) for member in members),
            unified(person_id(members), about, record, products, NOW),
            details(event for events in about.values() for event in events),
            {name: _section(about, topics) for name, topics in SECTIONS.items()},
            products,
            lambda: _decisions(self._receipts.all_of_person(members), expired),
            lambda: _logged(self._events(member) for member in members),
            expired,
        )

    def _of_erased(self, members: list[UUID], made_at: datetime) -> Dossier:
        """Its ledger: orders and returns alone are read, which are few."""
        money = dict(self.read(members, tuple(MONEY)))
        left = {member: [erased(event) for event in money.get(member, [])] for member in members}
        counts = {member: sum(1 for _ in self._events(member)) for member in members}
        return Dossier(
            person_id(members),
            made_at,
            tuple(Stream(member, None, None, counts[member]) for member in members),
            kept(Snapshot(left, erased=True), NOW),
            {},
            {},
            {},
            lambda: iter(()),
            lambda: _logged(iter(events) for events in left.values()),
        )

    def _events(self, stream: UUID) -> Iterator[Event]:
        shards = tuple(self._shards)
        return shards[shard_of(stream, len(shards))].events(stream)

    def read(self, streams: Sequence[UUID], topics: Sequence[str] | None = None) -> list[tuple[UUID, list[Event]]]:
        """Those of the streams that there are, each with all its events, or those of some topics."""
        found: list[tuple[UUID, list[Event]]] = []
        shards = tuple(self._shards)
        for number, shard in enumerate(shards):
            found += shard.streams([s for s in streams if shard_of(s, len(shards)) == number], topics)
        return found


def is_erased(events: Sequence[Event]) -> bool:
    """Whether these tell that their person is erased: the key is destroyed, or will be next. Of somebody whose
    beginning has expired and who came again there is more."""
    gone = bool(events) and isinstance(events[0], Erased) and not any(isinstance(event, BEGUN) for event in events)
    return gone or any(isinstance(event, Customer.CustomerErased) for event in events)


#: Section → topics of its events.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "links": LINKS,
    "consents": CONSENTS,
    "details_history": DETAILS,
    "experiments": EXPOSURES,
    "requests": REQUESTS,
}


class _Counted:
    """Events as they pass by, and how many they were."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events, self.count = events, 0

    def __iter__(self) -> Iterator[Event]:
        for event in self._events:
            self.count += 1
            yield event


def _stream(stream: UUID, events: Sequence[Event], count: int) -> Stream:
    first = next((event for event in events if isinstance(event, BEGUN)), None)
    return Stream(stream, first.kind.value, first.value, count) if first else Stream(stream, None, None, count)


def _section(about: Mapping[UUID, Sequence[Event]], topics: Sequence[str]) -> tuple[LoggedEvent, ...]:
    """The oldest first."""
    events = [(stream, [e for e in found if topic_of(e) in topics]) for stream, found in about.items()]
    return timeline(events, sum(len(found) for _, found in events))[::-1]


def topic_of(event: Event) -> str:
    """The stored name, of an erased event that of what it was."""
    name: Any = event.topic if isinstance(event, Erased) else type(event).TOPIC  # type: ignore[attr-defined]
    return str(name)


def _decisions(found: Iterator[Decision | Gone], expired: list[int]) -> Iterator[Told]:
    expired[0] = 0
    for decision in found:
        if isinstance(decision, Gone):
            expired[0] += 1
        else:
            yield told(decision)


def _logged(streams: Iterable[Iterator[Event]]) -> Iterator[LoggedEvent]:
    """All events in the order in which they were recorded."""
    for event in merge(*streams, key=lambda event: (event.timestamp, event.originator_id, event.originator_version)):
        yield from timeline([(event.originator_id, [event])], 1)
