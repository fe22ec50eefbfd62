"""Statistics: order-independent counts, and nothing about few people."""

import random
from array import array
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.customer import Customer
from domain.event import Event
from domain.values import Channel
from projections.ports import Recorded
from projections.project_statistics import StatisticsProjection
from projections.statistics import count_session, look
from readmodels import statistics
from readmodels.statistics import WHOLE, Part, merge
from tests.projections.facts import START

VISITS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 60), st.sampled_from("ABCD")), min_size=1, max_size=40, unique=True
)


class MemoryStore:
    def __init__(self) -> None:
        self.saved: dict[int, bytes] = {}
        self.published: list[bytes] = []

    def load(self, shard: int) -> bytes | None:
        return self.saved.get(shard)

    def save(self, shard: int, part: bytes) -> None:
        self.saved[shard] = part

    def parts(self, shards: Any) -> list[bytes]:
        return [self.saved[shard] for shard in shards if shard in self.saved]

    def publish(self, digest: str, whole: bytes) -> None:
        self.published.append(whole)


class MemoryLog:
    """A log of views, numbered as they arrive."""

    def __init__(self, visits: Sequence[tuple[int, int, str]], streams: Sequence[UUID]) -> None:
        self._streams: dict[UUID, list[Event]] = {}
        self.recorded = [Recorded(n, self._view(streams[who], m, sku)) for n, (who, m, sku) in enumerate(visits, 1)]

    def _view(self, stream: UUID, minute: int, sku: str) -> Event:
        events = self._streams.setdefault(stream, [])
        view = Customer.ProductViewed(
            originator_id=stream,
            originator_version=len(events) + 2,  # the first event opened the stream
            timestamp=START,
            occurred_at=START + timedelta(minutes=minute),
            source_id=f"{minute}{sku}",
            channel=Channel.WEB,
            sku=sku,
        )
        events.append(view)
        return view

    def streams(self, streams: Sequence[UUID]) -> list[tuple[UUID, list[Event]]]:
        return [(stream, self._streams[stream]) for stream in streams]


def counted(log: MemoryLog, cuts: Sequence[int] = (), least: int = 1) -> bytes:
    """What is published when the projection is started anew from what it saved at each cut."""
    store = MemoryStore()
    for end in (*sorted(cuts), len(log.recorded)):
        projection = StatisticsProjection(store, log, least=least)
        projection.apply(log.recorded[:end])
        projection.flush(idle=True)
    return store.published[-1]


@settings(max_examples=60, deadline=None)
@given(VISITS, st.randoms(use_true_random=False))
def test_shuffled_is_ordered_and_restarted_is_uninterrupted(
    visits: list[tuple[int, int, str]], chance: random.Random
) -> None:
    streams = [uuid4() for _ in range(4)]
    ordered = counted(MemoryLog(sorted(visits, key=lambda visit: visit[1]), streams))
    shuffled = MemoryLog(chance.sample(visits, len(visits)), streams)
    assert counted(shuffled) == ordered
    assert counted(shuffled, cuts=[len(visits) // 3, len(visits) // 2]) == ordered


def test_a_very_busy_visitor_is_counted_exactly_though_little_is_remembered() -> None:
    visits = [(0, n % 30, f"S{n}") for n in range(150)]
    streams = [uuid4()]
    late = random.Random(3).sample(visits, len(visits))
    assert counted(MemoryLog(late, streams)) == counted(MemoryLog(sorted(visits, key=lambda v: v[1]), streams))


def test_pairs_weigh_half_after_two_minutes_and_nothing_after_twenty() -> None:
    visits = [(0, 0, "A"), (0, 2, "B"), (0, 21, "C"), (0, 45, "A")]
    found = statistics.decode(counted(MemoryLog(visits, [uuid4()])))
    rows = {(found.skus[i], found.skus[j]): weight for i, row in enumerate(found.pairs) for j, weight in row}
    assert rows == {("A", "B"): WHOLE // 2, ("B", "C"): int(WHOLE * 2 ** (-19 / 2))}


def test_cells_of_four_people_are_never_published() -> None:
    def published(people: int) -> statistics.Statistics:
        visits = [visit for who in range(people) for visit in ((who, 0, "A"), (who, 1, "B"))]
        return statistics.decode(counted(MemoryLog(visits, [uuid4() for _ in range(people)]), least=5))

    assert published(4).skus == ()
    assert published(5).skus == ("A", "B")
    assert published(5).pairs[0] != ()


def test_one_person_alone_is_never_enough_however_busy() -> None:
    visits = [(0, minute, sku) for minute in range(50) for sku in "AB"]
    assert statistics.decode(counted(MemoryLog(visits, [uuid4()]), least=5)).skus == ()


def test_shards_make_one_whole() -> None:
    streams = [uuid4() for _ in range(6)]
    visits = [(who, minute, sku) for who in range(6) for minute, sku in enumerate("ABCA")]
    parts = [Part(), Part()]
    whole = Part()
    for who in range(6):
        session = [look(e.event) for e in MemoryLog([v for v in visits if v[0] == who], streams).recorded]  # type: ignore[arg-type]
        count_session(parts[who % 2], session, who)
        count_session(whole, session, who)
    assert statistics.encode(merge(parts)) == statistics.encode(merge([whole]))
    assert merge(parts).skus == ("A", "B", "C")


def test_popularity_is_one_number_a_sku_that_halves_every_two_weeks_and_tells_no_day() -> None:
    part = Part()
    for person in range(5):
        count_session(part, [(0, person, "OLD"), (14 * 86_400_000, person, "NEW")], person)
    count_session(part, [(28 * 86_400_000, 9, "OLD")], 9)
    found = merge([part])
    assert dict(zip(found.skus, found.popularity, strict=True)) == {
        "NEW": 5 * WHOLE // 2,
        "OLD": 5 * WHOLE // 4 + WHOLE,
    }


def test_what_trends_is_of_the_last_days_and_popular_is_of_weeks() -> None:
    part = Part()
    for person in range(5):
        count_session(part, [(0, person, "CLASSIC"), (1, person, "CLASSIC"), (2, person, "CLASSIC")], person)
        count_session(part, [(6 * 86_400_000, person, "HYPE")], person)
    found = merge([part])
    assert found.popularity[found.skus.index("CLASSIC")] > found.popularity[found.skus.index("HYPE")]
    assert [found.skus[row] for row in array("i", found.trending)] == ["HYPE", "CLASSIC"]


def test_what_is_counted_but_not_published_is_not_stored() -> None:
    log, store = MemoryLog([(0, 1, "A"), (0, 2, "B")], [uuid4()]), MemoryStore()
    projection = StatisticsProjection(store, log)
    projection.apply(log.recorded[:1])
    projection.flush(idle=True)
    projection.apply(log.recorded[1:])
    projection.flush(idle=False)
    assert (projection.stored(2), len(store.published)) == (1, 1)
    projection.flush(idle=True)
    assert (projection.stored(2), len(store.published)) == (2, 2)
    projection.restart()
    assert projection.stored(2) == 2
