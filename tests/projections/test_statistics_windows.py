"""What the statistics projection remembers and what it looks up again; cells of few people; several shards."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from uuid import UUID

import pytest

from domain.customer import Customer
from projections import project_statistics
from projections.ports import Recorded
from projections.project_statistics import StatisticsProjection
from projections.statistics import (
    CART,
    HALF_LIFE_MS,
    ORDER,
    VIEW,
    WINDOW_MS,
    Look,
    count,
    count_session,
    look,
    person_number,
)
from readmodels import statistics
from readmodels.statistics import WHOLE, Cell, Part, merge
from tests.projections.facts import START, recorded
from tests.projections.test_customer_fold import fact, order, put
from tests.projections.test_statistics import MemoryLog, MemoryStore, counted

DAY = int(START.timestamp() * 1000) // 86_400_000
VISIT = [(0, "A"), (120_000, "B"), (240_000, "A")]


def streams(count: int) -> list[UUID]:
    return [UUID(int=n + 1) for n in range(count)]


def looks(visit: Iterable[tuple[int, str]]) -> list[Look]:
    return [(at, n, sku) for n, (at, sku) in enumerate(visit)]


def test_a_pair_counts_half_after_two_minutes_and_nothing_after_twenty() -> None:
    assert HALF_LIFE_MS == 120_000
    part = Part()
    count_session(part, looks([*VISIT, (240_000 + WINDOW_MS, "C")]), person=1)
    weights = {(one, other): cell.weight for one, row in part.pairs.items() for other, cell in row.items()}
    assert weights == {("A", "B"): WHOLE // 2, ("B", "A"): WHOLE // 2}
    assert part.items["A"] == {0: 2 * VIEW} and part.people["A"] == Cell(2, [1])


def test_a_view_that_arrives_late_still_pairs_with_the_later_ones() -> None:
    ordered, late = Part(), Part()
    session = looks(VISIT)
    count_session(ordered, session, person=1)
    count_session(late, [session[1], session[2], session[0]], person=1)
    assert late == ordered


def test_event_by_event_is_as_whole_sessions() -> None:
    log = MemoryLog([(0, minute, sku) for minute, sku in enumerate("ABCABDA")], streams(1))
    one_by_one, whole, before = Part(), Part(), list[Look]()
    for each in log.recorded:
        assert isinstance(each.event, Customer.ProductViewed)
        count(one_by_one, each.event, before)
        before.append(look(each.event))
    count_session(whole, before, person_number(streams(1)[0]))
    assert one_by_one == whole


def test_carts_and_orders_count_more_than_views() -> None:
    part = Part()
    for event in recorded([put("A", 0), order("1", 0, "o"), fact(Customer.ProductViewed, 0, "v", sku="A")]):
        count(part, event, ())
    assert part.items == {"A": {DAY: VIEW + CART + ORDER}}


@pytest.mark.parametrize(("people", "published"), [(4, ()), (5, ("A", "B")), (6, ("A", "B"))])
def test_four_people_are_too_few(people: int, published: tuple[str, ...]) -> None:
    visits = [(who, minute, sku) for who in range(people) for minute, sku in enumerate("AB")]
    found = statistics.decode(counted(MemoryLog(visits, streams(6)), least=5))
    assert found.skus == published
    assert sum(len(row) for row in found.pairs) == (1 if published else 0)


def test_a_rare_pair_of_popular_things_is_not_published() -> None:
    visits = [(who, 60 * minute, sku) for who in range(5) for minute, sku in enumerate("AB")]
    visits += [(who, 1, "B") for who in range(4)]
    log = MemoryLog(visits, streams(5))
    assert statistics.decode(counted(log, least=5)).pairs == ((), ())
    assert statistics.decode(counted(log, least=4)).pairs == (((1, 4 * int(WHOLE * 2**-0.5)),), ())


def test_people_of_different_shards_count_together() -> None:
    parts = [Part() for _ in range(5)]
    for person, part in enumerate(parts):
        count_session(part, looks(VISIT), person)
    assert merge(parts[:4]).skus == ()
    assert merge(parts).skus == ("A", "B")
    assert merge(parts) == merge(parts[::-1]) == merge([_whole(5)])
    assert merge([parts[0]] * 5).skus == (), "one person in five shards is one person"


def _whole(people: int) -> Part:
    part = Part()
    for person in reversed(range(people)):
        count_session(part, looks(VISIT), person)
    return part


class Counting(MemoryLog):
    """Counts how many streams were looked up."""

    asked = 0

    def streams(self, streams: Sequence[UUID]) -> list[tuple[UUID, list[object]]]:  # type: ignore[override]
        self.asked += len(streams)
        return super().streams(streams)  # type: ignore[return-value]


def run(log: MemoryLog, size: int) -> bytes:
    store = MemoryStore()
    projection = StatisticsProjection(store, log, least=1)
    for start in range(0, len(log.recorded), size):
        projection.apply(log.recorded[start : start + size])
    projection.flush(idle=True)
    return store.published[-1]


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_streams_that_were_forgotten_are_looked_up_again(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    visits = [(n % 4, n, sku) for n, sku in enumerate("ABCDABDCBADCADBCABCD")]
    expected = run(MemoryLog(visits, streams(4)), 1)
    monkeypatch.setattr(project_statistics, "STREAMS", min(4, max(2, size)))  # as many as a batch has
    assert run(MemoryLog(visits, streams(4)), size) == expected


def test_a_stream_is_not_forgotten_between_the_beginning_of_a_batch_and_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits = [(0, 0, "A"), (1, 1, "B"), (2, 2, "C"), (3, 3, "D"), (0, 4, "E")]
    expected = run(MemoryLog(visits, streams(4)), 1)
    monkeypatch.setattr(project_statistics, "STREAMS", 3)
    store, log = MemoryStore(), MemoryLog(visits, streams(4))
    projection = StatisticsProjection(store, log, least=1)
    projection.apply(log.recorded[:3])
    projection.apply(log.recorded[3:])
    projection.flush(idle=True)
    assert store.published[-1] == expected


def test_what_is_remembered_is_not_looked_up() -> None:
    log = Counting([(0, minute, "A") for minute in range(10)], streams(1))
    run(log, 1)
    assert log.asked == 0


def test_a_batch_again_counts_nothing_again() -> None:
    log, store = MemoryLog([(who, 0, "A") for who in range(3)], streams(3)), MemoryStore()
    projection = StatisticsProjection(store, log, least=1)
    for _ in range(3):
        projection.apply(log.recorded)
    projection.flush(idle=True)
    assert projection.position == 3
    assert statistics.decode(store.published[-1]).popularity == (WHOLE * 3 * VIEW,)


def test_what_was_not_saved_is_forgotten_on_restart() -> None:
    log, store = MemoryLog([(who, 0, "A") for who in range(3)], streams(3)), MemoryStore()
    projection = StatisticsProjection(store, log, least=1)
    projection.apply(log.recorded[:1])
    projection.flush(idle=True)
    projection.apply(log.recorded[1:])
    projection.restart()
    assert projection.position == 1
    projection.apply(log.recorded)
    projection.flush(idle=True)
    assert statistics.decode(store.published[-1]).popularity == (WHOLE * 3 * VIEW,)


def test_a_busy_projection_holds_back_and_an_idle_one_publishes_once() -> None:
    log, store, told = MemoryLog([(0, 0, "A")], streams(1)), MemoryStore(), list[str]()
    projection = StatisticsProjection(store, log, least=1, published=told.append)
    projection.apply(log.recorded)
    projection.flush(idle=False)
    assert store.saved == {} and told == []
    for _ in range(2):
        projection.flush(idle=True)
    assert told == [sha256(store.published[0]).hexdigest()]
    assert statistics.decode_part(store.saved[0]).position == 1


def test_each_shard_publishes_the_whole() -> None:
    store = MemoryStore()
    for shard in range(2):
        log = MemoryLog([(who, 0, "A") for who in range(3)], streams(6)[3 * shard :])
        projection = StatisticsProjection(store, log, shard=shard, shards=2)
        projection.apply(log.recorded)
        projection.flush(idle=True)
    assert [statistics.decode(whole).skus for whole in store.published] == [(), ("A",)]


def test_events_of_no_interest_move_the_position_only() -> None:
    store = MemoryStore()
    (search,) = recorded([fact(Customer.Searched, 0, "s", query="q")])
    projection = StatisticsProjection(store, MemoryLog([], []))
    projection.apply([Recorded(9, search)])
    assert projection.position == 9


def test_late_views_of_a_long_stream_are_paired_and_read_it_once_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    late = [(0, minute, sku) for minute, sku in enumerate("BADCFECB")]
    visits = [(0, 30 + minute, sku) for minute, sku in enumerate("ABCDEFABCDEF")] + late
    expected = run(MemoryLog(visits, streams(1)), 1)
    monkeypatch.setattr(project_statistics, "LOOKS", 4)
    log = Counting(visits, streams(1))
    assert run(log, len(visits)) == expected
    assert log.asked == 1
    for size in (1, 5, 7):
        assert run(MemoryLog(visits, streams(1)), size) == expected


def test_a_part_that_is_saved_while_another_shard_publishes_is_published_too() -> None:
    """The other one has published before this one's part was there; so the last word must not be this one's, which
    lacks what the other one saved."""
    ours, theirs = (MemoryLog([(who, 0, "A") for who in range(3)], streams(6)[n : n + 3]) for n in (0, 3))
    late = Part(1)
    for event in (r.event for r in theirs.recorded):
        count(late, event, ())

    class Racing(MemoryStore):
        def publish(self, digest: str, whole: bytes) -> None:
            super().publish(digest, whole)
            self.save(1, statistics.encode_part(late))

    store, told = Racing(), list[str]()
    projection = StatisticsProjection(store, ours, shard=0, shards=2, published=told.append)
    projection.apply(ours.recorded)
    projection.flush(idle=True)
    assert [statistics.decode(whole).skus for whole in store.published] == [(), ("A",)]
    assert told == [sha256(store.published[-1]).hexdigest()]
