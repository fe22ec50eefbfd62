"""Merges that are taken back leave no trace in any read model, and no order of ties matters."""

from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identity import IdentifierKind, Pair, cuts
from tests.projections.sequences import KINDS, LIVES, MERGES, Acts, any_order, lived, read_models, taken_back

K = IdentifierKind
SEEDS = st.integers(0, 2**32)


@settings(max_examples=60, deadline=None)
@given(KINDS, LIVES, MERGES, SEEDS)
def test_what_is_merged_and_taken_back_is_as_it_was(kinds: list[K], acts: Acts, merges: Acts, seed: int) -> None:
    taken_back(kinds, acts, merges, seed)


@settings(max_examples=60, deadline=None)
@given(KINDS, LIVES, SEEDS)
def test_ties_in_any_order_make_the_same_persons(kinds: list[K], acts: Acts, seed: int) -> None:
    any_order(kinds, acts, seed)


def test_a_merge_shows_in_every_read_model() -> None:
    """So that what is the same after it was taken back was another before."""
    life = lived([K.USER, K.EMAIL], [("v", 0, 0), ("v", 1, 1), ("o", 1, 1)])
    merged = life.copy()
    merged.act("p", 0, 1)
    before, after = read_models(life, Random(1)), read_models(merged, Random(1))
    assert [name for name in before if before[name] == after[name]] == []


def test_a_veto_parts_what_links_and_scores_join() -> None:
    life = lived([K.USER, K.EMAIL], [("l", 0, 1), ("a", 0, 1), ("p", 0, 1)])
    assert read_models(life, Random(1))["circle"] == {stream: {stream} for stream in life.ids}
    life.act("x", 0, 1)
    assert read_models(life, Random(1))["circle"] == {stream: set(life.ids) for stream in life.ids}


IDS = [UUID(int=n) for n in range(1, 8)]
PAIRS = st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)).filter(lambda p: p[0] < p[1]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(PAIRS, st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)).filter(lambda p: p[0] < p[1]), max_size=4))
def test_cuts_part_all_who_are_kept_apart_and_depend_on_no_order(links: list[Pair], apart: list[Pair]) -> None:
    cut = cuts(links, apart)
    assert cut == cuts(links[::-1], apart[::-1]) and cut <= set(links)
    left = set(links) - cut
    for one, other in apart:
        reached = {one}
        while grown := {b for a, b in (*left, *((b, a) for a, b in left)) if a in reached} - reached:
            reached |= grown
        assert other not in reached
    assert cuts(links, []) == frozenset()


def test_a_family_s_address_belongs_to_neither() -> None:
    one, other, shared = IDS[:3]
    assert cuts([(one, shared), (other, shared)], [(one, other)]) == {(one, shared), (other, shared)}
