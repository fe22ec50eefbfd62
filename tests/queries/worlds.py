"""Random worlds of a few linked streams, with late news; and what was so at a moment, from the definition alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import IdentifierKind
from domain.values import Channel
from projections.customer import apply
from readmodels.customer import CustomerRecord, combine, encode
from tests.projections.facts import FACTS, START

SHARED = {"cart", "device", "anonymous"}
LATER = timedelta(days=10)
ORDERS = st.integers(0, 3).map(lambda n: f"order {n}")


def topic(event: Event) -> str:
    return event.topic if isinstance(event, Erased) else type(event).TOPIC  # type: ignore[attr-defined]


@dataclass
class World:
    """A log in memory: every event of every stream. ``asked``: which streams were read, and whether whole."""

    streams: dict[UUID, list[Event]] = field(default_factory=dict)
    asked: list[tuple[list[UUID], bool]] = field(default_factory=list)

    def read(self, streams: Sequence[UUID], topics: Sequence[str] | None) -> list[tuple[UUID, list[Event]]]:
        self.asked.append((list(streams), topics is None))
        wanted = {s: [e for e in self.streams.get(s, ()) if topics is None or topic(e) in topics] for s in streams}
        return [(stream, events) for stream, events in wanted.items() if events]

    def moments(self) -> tuple[list[datetime | None], list[datetime | None]]:
        """Every time at which anything happened, every one at which anything was recorded, and just before each."""
        events = [event for events in self.streams.values() for event in events]
        happened: set[Any] = {event.occurred_at for event in events}  # type: ignore[attr-defined]
        recorded: set[Any] = {event.timestamp for event in events}
        tick = timedelta(microseconds=1)
        return [None, *happened, *(t - tick for t in happened)], [None, *recorded, *(t - tick for t in recorded)]


@dataclass(frozen=True)
class News:
    """Something to be recorded on a stream: who, when, what."""

    recorded: int
    who: int
    kind: type[Customer.Event]
    happened: int
    fields: dict[str, Any]


@st.composite
def worlds(draw: st.DrawFn, most: int = 24) -> World:
    """Facts are recorded before or after they happened; each side of a link, or of its end, in its own time."""
    kinds = draw(st.lists(st.sampled_from(list(IdentifierKind)), min_size=1, max_size=6))
    ids = draw(st.permutations([UUID(int=n + 1) for n in range(len(kinds))]))
    opened = [News(draw(MINUTES), who, Customer.Opened, draw(MINUTES), {}) for who in range(len(kinds))]
    news = list(opened)
    for _ in range(draw(st.integers(0, most))):
        news += draw(_links(kinds, ids)) if draw(st.booleans()) and len(kinds) > 1 else [draw(_fact(len(kinds)))]
    return World({stream: _recorded(stream, kinds[n], n, opened[n], news) for n, stream in enumerate(ids)})


MINUTES = st.integers(0, 40)


@st.composite
def _fact(draw: st.DrawFn, streams: int) -> News:
    kind = draw(st.sampled_from(list(FACTS)))
    fields = {name: draw(values) for name, values in FACTS[kind].items()}
    if kind in (Customer.OrderPlaced, Customer.LinesReturned):
        fields |= {"order_id": draw(ORDERS), "currency": "USD"}
    if kind is Customer.LinesReturned:
        fields["return_id"] = f"return of {fields['order_id']}"
    return News(draw(MINUTES), draw(st.integers(0, streams - 1)), kind, draw(MINUTES), fields)


@st.composite
def _links(draw: st.DrawFn, kinds: list[IdentifierKind], ids: list[UUID]) -> list[News]:
    one, other = draw(st.permutations(range(len(kinds))))[:2]
    ends = draw(st.sampled_from([False, False, True]))
    happened = draw(MINUTES)

    def side(here: int, there: int) -> News:
        linked: dict[str, Any] = {"other": ids[there], "other_kind": kinds[there], "evidence": "Identify"}
        what = (Customer.IdentifierLinked, linked)
        if ends:
            what = (Customer.IdentifierUnlinked, {"other": ids[there], "reason": "wrong"})
        return News(draw(MINUTES), here, what[0], happened, what[1])

    return [side(one, other), side(other, one)]


def _recorded(stream: UUID, kind: IdentifierKind, who: int, first: News, news: list[News]) -> list[Event]:
    """The stream's events in the order in which they were recorded, as its aggregate would let them be."""
    mine = sorted((one for one in news if one.who == who and one is not first), key=lambda one: one.recorded)
    events: list[Event] = [_event(stream, 1, first.recorded, first, {"kind": kind, "value": f"{kind} {who}"})]
    said: set[Any] = set()
    for one in mine:
        mark = one.fields.get("return_id") or one.fields.get("order_id") or one.fields.get("other")
        ended = one.kind is Customer.IdentifierUnlinked
        if mark is not None and (mark in said) is not ended:
            continue
        said ^= {mark} - {None}
        at = max(first.recorded, one.recorded)
        events.append(_event(stream, len(events) + 1, at, one, one.fields))
    return events


def _event(stream: UUID, version: int, recorded: int, news: News, fields: dict[str, Any]) -> Event:
    whole: dict[str, Any] = {"originator_topic": "customer"} if news.kind is Customer.Opened else {}
    return news.kind(
        originator_id=stream,
        originator_version=version,
        timestamp=START + LATER + timedelta(minutes=recorded, microseconds=version),
        occurred_at=START + timedelta(minutes=news.happened),
        source_id=f"{stream.int}-{version}",
        channel=Channel.STORE,
        **fields,
        **whole,
    )


@dataclass(frozen=True)
class Truth:
    """What was so: whose the stream was, how many events count, and the record, to the byte."""

    members: frozenset[UUID]
    counted: dict[UUID, list[int]]
    record: bytes


def truth(world: World, start: UUID, as_of: datetime | None, known_at: datetime | None) -> Truth | None:
    """By brute force: throw away what was not known, look who is one with whom among all there are, throw away what
    had not happened, and fold what is left as if it were all that was ever recorded."""
    known = {
        s: [e for e in events if known_at is None or e.timestamp <= known_at] for s, events in world.streams.items()
    }
    known = {s: events for s, events in known.items() if events and events[0].originator_version == 1}
    if start not in known:
        return None
    members = next(group for group in groups(known) if start in group)
    left = {s: [e for e in known[s] if _counts(e, as_of)] for s in members}
    if not any(as_of is None or e.occurred_at <= as_of for s in members for e in known[s]):  # type: ignore[attr-defined]
        return None
    versions = {s: [e.originator_version for e in events] for s, events in left.items()}
    return Truth(members, versions, encode(combine(map(anew, left.values()))))


def _counts(event: Event, as_of: datetime | None) -> bool:
    if type(event).__name__ in ("Opened", "IdentifierLinked", "IdentifierUnlinked"):
        return True
    happened: datetime = event.occurred_at  # type: ignore[attr-defined]
    return as_of is None or happened <= as_of


def anew(events: list[Event]) -> CustomerRecord:
    """One by one through the live fold, numbered as if nothing else had been recorded."""
    numbered = [e.model_copy(update={"originator_version": n}) for n, e in enumerate(events, 1)]
    return reduce(apply, numbered, CustomerRecord())


def groups(known: dict[UUID, list[Event]]) -> set[frozenset[UUID]]:
    """Who is one: union-find over names; then each heap of devices goes to its one owner, or is taken apart if it has
    several."""
    kinds: dict[UUID, str] = {s: events[0].kind.value for s, events in known.items()}  # type: ignore[attr-defined]
    pairs = {pair for s, events in known.items() for pair in _pairs(s, events) if pair <= known.keys()}
    names = _united([s for s in known if kinds[s] not in SHARED], pairs)
    heaps = _united([s for s in known if kinds[s] in SHARED], pairs)
    persons = {min(name): set(name) for name in names}
    alone: set[frozenset[UUID]] = set()
    for heap in heaps:
        touched = {s for pair in pairs if pair & heap for s in pair} - heap
        owners = {min(name) for name in names if name & touched}
        if len(owners) == 1:
            persons[owners.pop()] |= heap
        else:
            alone |= {frozenset({s}) for s in heap} if owners else {heap}
    return alone | {frozenset(person) for person in persons.values()}


def _pairs(stream: UUID, events: list[Event]) -> set[frozenset[UUID]]:
    found: set[frozenset[UUID]] = set()
    for event in events:
        if type(event).__name__ == "IdentifierLinked":
            found.add(frozenset({stream, event.other}))  # type: ignore[attr-defined]
        if type(event).__name__ == "IdentifierUnlinked":
            found.discard(frozenset({stream, event.other}))  # type: ignore[attr-defined]
    return found


def _united(streams: list[UUID], pairs: set[frozenset[UUID]]) -> list[frozenset[UUID]]:
    leader = {stream: stream for stream in streams}
    for pair in pairs:
        one, other = min(pair), max(pair)
        if one in leader and other in leader:
            old, new = leader[one], leader[other]
            leader = {s: new if led == old else led for s, led in leader.items()}
    return [frozenset(s for s in streams if leader[s] == led) for led in set(leader.values())]
