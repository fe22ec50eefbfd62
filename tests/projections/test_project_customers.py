"""The customers projection: the same records however it is cut, repeated, killed; links join, unlinking splits."""

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.identity import IdentifierKind
from readmodels.customer import decode, encode
from tests.projections.facts import folded
from tests.projections.memory import DiedError, MemoryCustomerStore, MemoryLog, projected, projection

K = IdentifierKind
Acts = Sequence[tuple[str, int, int]]
KINDS = st.lists(st.sampled_from(list(K)), min_size=2, max_size=5)
ACTS = st.lists(st.tuples(st.sampled_from("vvllu"), st.integers(0, 9), st.integers(0, 9)), max_size=14)
SOME = settings(max_examples=120, deadline=None)


def happened(kinds: Sequence[IdentifierKind], acts: Acts) -> MemoryLog:
    """A log of views, links and links taken back among so many streams."""
    log = MemoryLog(kinds)
    for act, one, other in acts:
        one, other = one % len(kinds), other % len(kinds)
        if act == "v":
            log.view(one)
        elif act == "l":
            log.link(one, other)
        else:
            log.unlink(one, other)
    return log


def killed(log: MemoryLog, steps: int, size: int, back: int) -> MemoryCustomerStore:
    """Dies after so many steps of the store; another one takes over ``back`` events before, in batches of ``size``."""
    store, at = MemoryCustomerStore(), 0
    store.steps = steps
    try:
        projector = projection(store, log)
        for at in range(len(log.recorded)):
            projector.apply(log.recorded[at : at + 1])
    except DiedError:
        store.steps = None
        projector = projection(store, log)
        for start in range(max(0, at - back), len(log.recorded), size):
            projector.apply(log.recorded[start : start + size])
    return store


@SOME
@given(KINDS, ACTS, st.integers(1, 9), st.integers(0, 3))
def test_batches_of_any_size_end_in_the_same_bytes(
    kinds: list[IdentifierKind], acts: Acts, size: int, known: int
) -> None:
    log = happened(kinds, acts)
    expected = projected(log, len(log.recorded)).content(log.ids)
    assert projected(log, size, known).content(log.ids) == expected
    for stream, (_, (_, stored), _) in expected.items():
        ((_, events),) = log.streams([stream])
        assert stored == encode(folded(events))


@SOME
@given(KINDS, ACTS, st.integers(0, 40), st.integers(1, 9))
def test_repeating_any_part_of_the_log_changes_nothing(
    kinds: list[IdentifierKind], acts: Acts, start: int, size: int
) -> None:
    log = happened(kinds, acts)
    store = projected(log, 3)
    before, writes = store.content(log.ids), store.writes
    projection(store, log).apply(log.recorded[start : start + size])
    assert store.content(log.ids) == before
    assert store.writes == writes


@settings(max_examples=150, deadline=None)
@given(KINDS, ACTS, st.integers(0, 60), st.integers(1, 9), st.integers(0, 6))
@example([K.USER, K.USER], [("l", 0, 1), ("v", 1, 0), ("u", 0, 1)], 9, 1, 0)
@example([K.USER, K.EMAIL], [("l", 0, 1), ("v", 1, 0)], 6, 9, 0)
def test_killed_at_any_step_and_taken_over_is_as_if_never_killed(
    kinds: list[IdentifierKind], acts: Acts, steps: int, size: int, back: int
) -> None:
    log = happened(kinds, acts)
    assert killed(log, steps, size, back).content(log.ids) == projected(log, 1).content(log.ids)


@pytest.mark.parametrize("then", ["nothing", "a view"])
@pytest.mark.parametrize("back", [0, 2])
@pytest.mark.parametrize("steps", range(28))
def test_a_split_of_four_survives_a_kill_at_each_step(steps: int, back: int, then: str) -> None:
    log = happened([K.USER, K.EMAIL, K.LOYALTY, K.PHONE], [("l", a, b) for a, b in pairwise(range(4))])
    log.unlink(1, 2)
    if then == "a view":
        log.view(3)
    assert killed(log, steps, 2, back).content(log.ids) == projected(log, 1).content(log.ids)


def test_links_move_streams_to_the_oldest_one_and_unlinking_splits_again() -> None:
    log = MemoryLog([K.USER, K.EMAIL, K.ANONYMOUS])
    one, two, three = log.ids
    log.link(2, 1)
    assert set(projected(log, 1).members([three])[three][1]) == {two, three}
    log.link(1, 0)
    store = projected(log, 1)
    assert {store.members([stream])[stream][0] for stream in log.ids} == {one}
    assert store.moved == {two: one, three: one}
    log.unlink(0, 1)
    store = projected(log, 1)
    assert {stream: set(store.members([stream])[stream][1]) for stream in log.ids} == {
        one: {one},
        two: {two, three},
        three: {two, three},
    }


def test_a_device_of_two_people_goes_home_to_neither() -> None:
    log = MemoryLog([K.DEVICE, K.USER, K.USER])
    log.link(0, 1)
    log.view(0)
    assert len(projected(log, 1).members([log.ids[1]])[log.ids[1]][1]) == 2
    log.link(0, 2)
    store = projected(log, 2)
    assert [set(store.members([stream])[stream][1]) for stream in log.ids] == [{stream} for stream in log.ids]


def test_a_store_that_was_changed_beside_it_is_read_again() -> None:
    log = MemoryLog([K.USER])
    log.view(0)
    store = MemoryCustomerStore()
    one, other = projection(store, log), projection(store, log)
    one.apply(log.recorded[:1])
    other.apply(log.recorded)
    log.view(0)
    one.apply(log.recorded[1:])
    assert decode(store.homes[log.ids[0]][log.ids[0]]).version == 3


def test_a_wiped_store_is_refilled_from_the_log() -> None:
    log = MemoryLog([K.USER])
    for _ in range(5):
        log.view(0)
    store = MemoryCustomerStore()
    projector = projection(store, log)
    projector.apply(log.recorded[:3])
    store.homes.clear()
    projector.restart()
    projector.apply(log.recorded[3:])
    assert store.content(log.ids) == projected(log, 1).content(log.ids)


def test_whoever_shuffles_streams_within_a_batch_gets_the_same() -> None:
    log = happened([K.USER, K.EMAIL], [("v", 0, 0), ("v", 1, 1), ("l", 0, 1), ("v", 0, 0)])
    chance, expected = random.Random(2), projected(log, 1).content(log.ids)
    for _ in range(5):
        order = sorted(log.recorded, key=lambda each: (each.event.originator_version, chance.random()))
        store = MemoryCustomerStore()
        projection(store, log).apply(order)
        assert store.content(log.ids) == expected
