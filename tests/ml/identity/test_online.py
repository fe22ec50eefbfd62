"""Linking one by one ends where linking all at once does, whatever came in which order, and was corrected later."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.customer import Customer
from domain.event import Event
from domain.identity import IdentifierKind, Pair, pair
from domain.values import Channel, Details
from ml.identity import blocking
from ml.identity.cluster import PLACES, conflict_of
from ml.identity.comparisons import usable
from ml.identity.fields import COLUMNS
from ml.identity.model import Frequencies, IdentityModel, Learnt, Odds
from ml.identity.online import Linker, Thresholds, What, telling
from ml.identity.score import Scorer
from ml.identity.whole import decisions, persons, records_of
from projections.identity import fold
from readmodels.identity import Compared, Entry
from tests.ml.identity.index import MemoryIndex

START = datetime(2026, 3, 1, tzinfo=UTC)
GIVEN, SURNAMES = ("Anna", "Ana", "Ben", "Carla"), ("Miller", "Milller", "Novak")
BORN, CITIES = ("1980-02-03", "1980-02-04", "1999-12-31", None), ("Rome", "Bern", None)
STREETS = ("Mill Lane", "Mil Lane", "High Street", "Long Acre", "Park Avenue")
KINDS = (IdentifierKind.USER, IdentifierKind.EMAIL, IdentifierKind.LOYALTY, IdentifierKind.DEVICE)
LIMITS = Thresholds(automatic=5.0, asked=-4.0)


@cache
def scorer() -> Scorer:
    compared = usable([c for c in COLUMNS if c not in ("locality", "personal_id", "gender")])
    learnt = []
    for each in compared:
        size = len(each.levels)
        good, rest = 0.8, 0.2 / size
        odds = [Odds(good, 0.01), *(Odds(rest, 0.02) for _ in range(size - 1)), Odds(rest, 0.9)]
        learnt.append(Learnt(each, tuple(odds)))
    names = {level.frequency for each in compared for level in each.levels if level.frequency}
    known = {name: Frequencies(0.01, {"anna": 0.1, "miller": 0.2}) for name in names}
    return Scorer(IdentityModel(0.001, tuple(learnt), known, 1000, -3.0))


class World:
    """Streams and what happened to them, in the order in which it was recorded."""

    def __init__(self, kinds: Sequence[IdentifierKind]) -> None:
        self.ids = [UUID(int=n + 1) for n in range(len(kinds))]
        self.kinds = list(kinds)
        self.events: dict[UUID, list[Event]] = {s: [] for s in self.ids}
        self.order: list[Event] = []
        for number, kind in enumerate(kinds):
            value = f"anna+{number}@example.com" if kind is IdentifierKind.EMAIL else f"0171 555 00{number}"
            self.add(number, Customer.Opened, originator_topic="customer", kind=kind, value=value)

    def add(self, who: int, fact: type[Event], **fields: object) -> None:
        stream = self.ids[who]
        version, at = len(self.events[stream]) + 1, START + timedelta(minutes=len(self.order))
        base = {"occurred_at": at, "source_id": f"s{len(self.order)}", "channel": Channel.WEB}
        event = fact(originator_id=stream, originator_version=version, timestamp=at, **{**base, **fields})
        self.events[stream].append(event)
        self.order.append(event)

    def both(self, one: int, other: int, fact: type[Event], **fields: object) -> None:
        for here, there in ((one, other), (other, one)):
            extra = {"other_kind": self.kinds[there]} if "other_kind" in fact.model_fields else {}
            self.add(here, fact, other=self.ids[there], **extra, **fields)

    def entries(self) -> dict[UUID, Entry]:
        return {stream: fold(Entry(), events) for stream, events in self.events.items()}


def act(world: World, kind: str, one: int, other: int, chance: random.Random) -> None:
    size = len(world.ids)
    one, other = one % size, other % size
    if kind == "details":
        whose = chance.randrange(4)  # one of a few people, with a mistake now and then
        name = f"{GIVEN[whose] if chance.random() < 0.8 else chance.choice(GIVEN)} {SURNAMES[whose % 3]}"
        told = Details(
            name=name,
            birth_date=BORN[whose] if chance.random() < 0.7 else chance.choice(BORN),
            city=CITIES[whose % 3],
            postcode=f"1011{whose}" if chance.random() < 0.6 else None,
            street=f"{chance.choice(STREETS)} {whose}" if chance.random() < 0.8 else None,
        )
        world.add(one, Customer.DetailsGiven, details=told)
    elif one != other:
        facts = {
            "link": (Customer.IdentifierLinked, {"evidence": "Identify"}),
            "unlink": (Customer.IdentifierUnlinked, {"reason": "wrong"}),
            "veto": (Customer.KeptApart, {"officer": "ann", "reason": "no"}),
            "same": (Customer.ConfirmedSame, {"officer": "ann", "reason": "yes"}),
            "lift": (Customer.ApartEnded, {"officer": "ann", "reason": "after all"}),
        }
        fact, fields = facts[kind]
        world.both(one, other, fact, **fields)


class OneByOne:
    """A linker that follows a world; its acts become events of that world."""

    def __init__(self, world: World) -> None:
        self.world, self.index = world, MemoryIndex()
        self.linker = Linker(scorer(), self.index, LIMITS)
        self.read = [0, 0]  # of two shards, which are read apart from each other

    def follow(self, chance: random.Random, *, doubtful: bool = False) -> None:
        quiet = 0
        while any(shards := [self._left(0), self._left(1)]):
            shard = chance.randrange(2)
            batch = shards[shard][: chance.randint(1, 4)]
            self.read[shard] += len(batch)
            streams: dict[UUID, list[Event]] = {}
            for event in batch:
                streams.setdefault(event.originator_id, []).append(event)
            before = self.index.entries(streams)
            folded = {s: fold(before.get(s, Entry()), events) for s, events in streams.items()}
            touched = self.linker.take(folded, before, again=doubtful)
            for each in self.linker.settle(touched):
                self.record(each.what, each.pair)
            quiet += 1
            assert quiet < 2_000, "it does not come to rest"

    def _left(self, shard: int) -> list[Event]:
        mine = [event for event in self.world.order if event.originator_id.int % 2 == shard]
        return mine[self.read[shard] :]

    def record(self, what: What, which: Pair) -> None:
        one, other = (self.world.ids.index(stream) for stream in which)
        entries = self.world.entries()
        node = entries[which[0]].node
        if what is What.LINK and which[1] not in (*node.likely, *node.linked, *node.vetoed, *node.cut):
            self.world.both(one, other, Customer.ProbablyLinked, weight=1.0, model="m", compared=())
        if what is What.UNLINK and which[1] in node.likely:
            self.world.both(one, other, Customer.ProbablyUnlinked, model="m", reason="r")
        if what is What.CUT and which[1] not in (*node.vetoed, *node.cut):
            self.world.both(one, other, Customer.KeptApart, reason="r")
        if what is What.UNCUT and which[1] in node.cut:
            self.world.both(one, other, Customer.ApartEnded, reason="r")


def pairs_of(records: Mapping[UUID, Compared], most: int) -> dict[Pair, float]:
    """All pairs that share a key of at most so many, scored."""
    blocks: dict[tuple[int, bytes], list[UUID]] = {}
    for stream, record in records.items():
        for rule, key in enumerate(blocking.keys(record)):
            if key is not None:
                blocks.setdefault((rule, key), []).append(stream)
    found: dict[Pair, float] = {}
    for members in blocks.values():
        if len(members) <= most:
            for one, other in ((a, b) for a in members for b in members if a < b):
                found[one, other] = round(scorer().weight(records[one], records[other]), PLACES)
    return found


def at_once(world: World, most: int) -> set[frozenset[UUID]]:
    entries = world.entries()
    records = records_of(entries)
    scored = pairs_of(records, most)
    return persons(decisions(entries, scored, LIMITS.automatic, telling(conflict_of(scorer()), records)))


def tied(world: World) -> set[frozenset[UUID]]:
    """Persons by the recorded ties alone, as every read model has them, devices aside."""
    from domain.identity import SHARED_KINDS
    from domain.identity import persons as persons_of
    from domain.ties import Ties

    ties = {stream: Ties() for stream in world.ids}
    for stream, events in world.events.items():
        for event in events:
            ties[stream].learn(event)
    kinds = {s: k for s, k in zip(world.ids, world.kinds, strict=True) if k not in SHARED_KINDS}
    return set(persons_of(kinds, [(s, o) for s, each in ties.items() for o in each.now]).values())


KINDS_OF_ACT = ("details",) * 6 + ("link", "link", "unlink", "veto", "same", "lift")
ACTS = st.lists(
    st.tuples(st.sampled_from(KINDS_OF_ACT), st.integers(0, 11), st.integers(0, 11)),
    max_size=30,
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from(KINDS), min_size=2, max_size=9), ACTS, st.integers(0, 2**32), st.booleans())
def test_one_by_one_is_all_at_once(
    kinds: list[IdentifierKind], acts: list[tuple[str, int, int]], seed: int, doubtful: bool
) -> None:
    chance, world = random.Random(seed), World(kinds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocking, "MOST", 3)
        linking = OneByOne(world)
        for each in acts:
            act(world, *each, chance)
            if chance.random() < 0.5:
                linking.follow(chance, doubtful=doubtful)
        linking.follow(chance, doubtful=doubtful)
        expected = at_once(world, 3)
        assert tied(world) == expected
        records = records_of(world.entries())
        scored = {each: w for each, w in pairs_of(records, 3).items() if w >= LIMITS.asked}
        kept = {pair(s, o): w for s, found in linking.index.pairs.items() for o, w in found.items()}
        assert kept == scored
        assert linking.index.queue == {each: w for each, w in scored.items() if open_(world, expected, each)}


def open_(world: World, expected: set[frozenset[UUID]], which: Pair) -> bool:
    """Whether a pair is to be asked about: two persons, whom nobody keeps apart and nothing tells apart."""
    entries = world.entries()
    together = any(set(which) <= members for members in expected)
    conflict = telling(conflict_of(scorer()), records_of(entries))
    return not (together or which[1] in entries[which[0]].node.vetoed or conflict(*which))
