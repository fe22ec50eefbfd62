"""Projectors of several shards move people at once, in any interleaving, killed between any two calls: no write is
lost, and the end is what a rebuild makes."""

import threading
from collections.abc import Callable, Sequence
from random import Random
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.identity import IdentifierKind
from projections.history import FromLog
from projections.project_customers import CustomersProjection
from projections.settle import ATTEMPTS, PATIENCE, Settler, UnsettledError
from readmodels.stores import Change
from tests.projections.memory import MemoryCustomerStore, MemoryLog, projected
from tests.projections.test_project_customers import ACTS, KINDS, Acts, happened
from tests.projections.turns import Worker, interleave

K = IdentifierKind


class Kept:
    """No stream is in an earlier version than before, and who was found by following markers goes on being found."""

    def __init__(self, store: MemoryCustomerStore) -> None:
        self._store = store
        self._versions: dict[UUID, int] = {}
        self._found: set[UUID] = set()

    def check(self) -> None:
        now: dict[UUID, int] = {}
        for stream, value in ((s, v) for fields in self._store.homes.values() for s, v in fields.items()):
            now[stream] = max(now.get(stream, 0), int.from_bytes(value[:4], "big"))
        assert all(now.get(stream, 0) >= version for stream, version in self._versions.items()), "a write is lost"
        found = {stream for stream in now if stream in self._store.homes.get(self._end(stream), {})}
        assert found >= self._found, "a stream is not found any more"
        self._versions, self._found = now, found

    def _end(self, stream: UUID) -> UUID:
        while stream in self._store.moved:
            stream = self._store.moved[stream]
        return stream


def at_once(log: MemoryLog, shards: int, chance: Random, kills: int) -> MemoryCustomerStore:
    """What several projectors make of the log; a shard may have two of them, one of which should be dead."""
    store = MemoryCustomerStore()
    turns: dict[int, Callable[[], None]] = {}
    kept = Kept(store)

    def turn() -> None:
        kept.check()
        turns.get(threading.get_ident(), lambda: None)()

    store.turn = turn

    def projector(shard: int) -> Callable[[Worker], None]:
        confirmed = 0

        def work(worker: Worker) -> None:
            nonlocal confirmed
            turns[threading.get_ident()] = worker.turn
            settler = Settler(store, FromLog(log), pause=lambda attempt: worker.turn())
            one = CustomersProjection(store, log, chance.choice((0, 2, 100)), settler=settler)
            mine = [r for r in log.recorded if r.event.originator_id.int % shards == shard]
            at = confirmed
            while at < len(mine):
                size = chance.randrange(1, 5)
                one.apply(mine[at : at + size])
                at += size
                confirmed = max(confirmed, at - chance.randrange(6))

        return work

    works = [projector(shard) for shard in (*range(shards), *([0] * chance.randrange(2)))]
    interleave(chance, works, kills, store.expire)
    store.turn = lambda: None
    return store


@settings(max_examples=300, deadline=None)
@given(KINDS, ACTS, st.integers(2, 3), st.integers(0, 4), st.integers(0, 2**32))
@example([K.USER, K.EMAIL], [("l", 0, 1), ("u", 0, 1), ("l", 0, 1)], 2, 2, 7)
def test_projectors_in_any_interleaving_end_as_a_rebuild_does(
    kinds: list[K], acts: Acts, shards: int, kills: int, seed: int
) -> None:
    log = happened(kinds, acts)
    store = at_once(log, shards, Random(seed), kills)
    assert store.content(log.ids) == projected(log, 1).content(log.ids)


@pytest.mark.parametrize("seed", range(60))
def test_a_family_that_joins_and_parts_again_and_again(seed: int) -> None:
    chance = Random(seed)
    log = MemoryLog([K.USER, K.EMAIL, K.LOYALTY, K.DEVICE, K.USER, K.ANONYMOUS])
    for _ in range(30):
        one, other = chance.sample(range(6), 2)
        chance.choice((log.link, log.link, log.unlink, lambda one, other: log.view(one)))(one, other)
    store = at_once(log, 3, chance, 6)
    assert store.content(log.ids) == projected(log, 1).content(log.ids)


def linked() -> tuple[MemoryLog, MemoryCustomerStore]:
    """Two streams that are to be one person, in a store that knows them apart."""
    log = MemoryLog([K.USER, K.EMAIL])
    store = projected(log, 1)
    log.link(0, 1)
    return log, store


def settler(store: MemoryCustomerStore, log: MemoryLog, pauses: list[int] | None = None) -> Settler:
    return Settler(store, FromLog(log), pause=(pauses if pauses is not None else []).append)


def project_links(store: MemoryCustomerStore, log: MemoryLog, pauses: list[int]) -> None:
    CustomersProjection(store, log, settler=settler(store, log, pauses)).apply(log.recorded)


def test_whoever_holds_a_group_is_waited_for_and_replaced_when_it_does_not_go_on() -> None:
    log, store = linked()
    store.held[log.ids[1]] = b"somebody dead"
    pauses: list[int] = []
    project_links(store, log, pauses)
    assert len(pauses) == PATIENCE
    assert store.members([log.ids[1]])[log.ids[1]][0] == log.ids[0]
    assert store.held == {}


def test_late_calls_of_a_holder_that_was_replaced_change_nothing() -> None:
    log, store = linked()
    one, two = log.ids
    assert store.hold({one: None, two: None}, b"late") == {one, two}
    project_links(store, log, [])
    before = store.content(log.ids)
    assert store.change([Change(two, moved_to=one), Change(one, drop={two: 99})], b"late") == [False, False]
    store.release([one, two], b"late")
    assert store.content(log.ids) == before


def test_a_holder_that_always_comes_back_ends_the_attempts() -> None:
    log, store = linked()

    def another(attempt: int) -> None:
        store.held[log.ids[0]] = str(attempt).encode()

    another(-1)
    with pytest.raises(UnsettledError):
        Settler(store, FromLog(log), pause=another).settle(log.ids[:1])
    assert store.held.keys() <= {log.ids[0]}
    assert store.held[log.ids[0]] == str(ATTEMPTS - 1).encode()


def test_what_a_server_lost_is_folded_from_the_log_again() -> None:
    log = happened([K.USER, K.EMAIL, K.LOYALTY], [("l", 0, 1), ("l", 1, 2), ("v", 2, 2)])
    expected = projected(log, 1).content(log.ids)
    for gone in log.ids:
        store = projected(log, 1)
        store.homes.pop(gone, None)
        store.moved.pop(gone, None)
        settler(store, log).settle(log.ids)
        assert store.content(log.ids) == expected


def test_a_stream_that_was_led_to_a_hash_and_is_not_there_is_put_there_again() -> None:
    log = happened([K.USER, K.EMAIL], [("l", 0, 1), ("v", 1, 1)])
    store = projected(log, 1)
    del store.homes[log.ids[0]][log.ids[1]]
    log.view(1)
    one = CustomersProjection(store, log, settler=settler(store, log))
    one.apply(log.recorded[-1:])
    assert store.content(log.ids) == projected(log, 1).content(log.ids)


def test_who_moves_while_being_looked_for_is_not_left_behind() -> None:
    log = happened([K.USER, K.USER, K.EMAIL], [("l", 1, 2)])
    store = projected(log, 1)
    log.unlink(1, 2)
    log.link(0, 2)
    log.view(2)
    before, other, steps = log.recorded[:-1], CustomersProjection(store, log, settler=settler(store, log)), [0]

    def move_in_between() -> None:
        steps[0] += 1
        if steps[0] == 3:  # the marker has been read, the hash that it leads to has not
            store.turn = lambda: None
            other.apply(before)

    late = CustomersProjection(store, log, settler=settler(store, log))
    store.turn = move_in_between
    late.apply(log.recorded[-1:])
    assert steps[0] == 3
    assert store.content(log.ids) == projected(log, 1).content(log.ids)


def test_a_link_with_one_side_recorded_counts_in_any_order_of_the_shards() -> None:
    log = MemoryLog([K.USER, K.EMAIL])
    one, other = log.customers
    log.link_one_side(0, 1)
    expected = projected(log, 1).content(log.ids)
    for order in ((one.id, other.id), (other.id, one.id)):
        store = MemoryCustomerStore()
        for stream in order:
            mine = [r for r in log.recorded if r.event.originator_id == stream]
            CustomersProjection(store, log, settler=settler(store, log)).apply(mine)
        assert store.content(log.ids) == expected
    assert expected[other.id][0][0] == one.id


def test_a_strange_end_of_a_link_that_never_was_is_no_hindrance() -> None:
    log = MemoryLog([K.USER])
    store = projected(log, 1)
    assert settler(store, log).settle([log.ids[0], UUID(int=99)]) == {log.ids[0]: log.ids[0]}


def steps_of(log: MemoryLog, starts: Sequence[int]) -> MemoryCustomerStore:
    """A projector that dies after each of so many steps; the last one goes on to the end."""
    store = MemoryCustomerStore()
    for start in starts:
        store.steps = start
        try:
            CustomersProjection(store, log, settler=settler(store, log)).apply(log.recorded)
        except Exception:
            continue
    store.steps = None
    project_links(store, log, [])
    return store


@pytest.mark.parametrize("second", [3, 8, 13, 21, 40])
@pytest.mark.parametrize("first", range(0, 40, 3))
def test_killed_twice_at_any_steps_nothing_stays_held(first: int, second: int) -> None:
    log = happened([K.USER, K.EMAIL, K.LOYALTY], [("l", 0, 2), ("l", 1, 2), ("v", 0, 0), ("u", 0, 2)])
    store = steps_of(log, (first, second))
    assert store.content(log.ids) == projected(log, 1).content(log.ids)
    assert store.held == {}
