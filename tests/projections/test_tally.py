"""Counting many streams with arrays makes what counting event by event makes."""

from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import tally
from projections.statistics import WINDOW_MS, Look, _count_item, count_session, person_number, weight, weights
from projections.tally import Tally, decode_counts, encode_counts
from readmodels.statistics import Part

DAY_MS = 86_400_000
LOOKS = st.lists(
    st.tuples(
        st.integers(-3, 60).map(lambda n: n * WINDOW_MS // 7) | st.just(WINDOW_MS) | st.just(WINDOW_MS - 1),
        st.integers(0, 2),
        st.sampled_from("ABCD"),
    ),
    max_size=12,
)
ACTS = st.lists(
    st.tuples(st.integers(-2, 3).map(lambda n: n * DAY_MS), st.sampled_from("ABX"), st.sampled_from((3, 5)))
)
Streams = list[tuple[list[Look], list[tuple[int, str, int]]]]


def person(n: int) -> UUID:
    """Numbers that are in no order."""
    return UUID(int=n * 7919 % 101)


def one_by_one(streams: Streams, least: int) -> Part:
    part = Part(9)
    for n, (looks, acts) in enumerate(streams):
        count_session(part, looks, person_number(person(n)), least)
        for at, sku, points in acts:
            _count_item(part, sku, points, at, person_number(person(n)), least)
    return part


def tallied(streams: Streams, least: int, begin: int = 0) -> Tally:
    found = Tally(least)
    for n, (looks, acts) in enumerate(streams, begin):
        if looks:
            found.views(person(n), list(looks))
        for at, sku, points in acts:
            found.act(person(n), at, sku, points)
    return found


@given(streams=st.lists(st.tuples(LOOKS, ACTS), max_size=12), least=st.integers(1, 3), views=st.integers(1, 30))
def test_arrays_count_as_event_by_event(streams: Streams, least: int, views: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "VIEWS", views)
        patch.setattr(tally, "ROWS", views)
        assert tallied(streams, least).part(9) == one_by_one(streams, least)


@given(streams=st.lists(st.tuples(LOOKS, ACTS), max_size=12), least=st.integers(1, 3), cut=st.integers(0, 12))
def test_slices_come_together_in_any_order(streams: Streams, least: int, cut: int) -> None:
    slices = [tallied(streams[:cut], least), tallied(streams[cut:], least, begin=min(cut, len(streams)))]
    sent = [encode_counts(each.counts()) for each in slices]
    for order in (sent, sent[::-1]):
        whole = Tally(least)
        for counts in order:
            whole.join(decode_counts(counts))
        assert whole.part(9) == one_by_one(streams, least)


def test_many_streams_with_many_views() -> None:
    chance = Random(5)
    streams: Streams = [
        ([(chance.randrange(10 * WINDOW_MS), n, f"S{chance.randrange(90)}") for n in range(chance.randrange(60))], [])
        for _ in range(100)
    ]
    assert tallied(streams, 5).part(9) == one_by_one(streams, 5)


def test_nothing_counted_is_an_empty_part() -> None:
    assert Tally(5).part(3) == Part(3) == Tally(5).join(Tally(5).counts()).part(3)


def test_the_table_of_weights_is_the_formula() -> None:
    assert list(weights()) == [weight(apart) for apart in range(WINDOW_MS)]
