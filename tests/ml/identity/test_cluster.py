"""Persons are a pure function of scored pairs: no order of arrival matters, and nobody is chained to a conflict."""

import random

from hypothesis import given
from hypothesis import strategies as st

from ml.identity.cluster import Pair, clusters, components

PAIRS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12), st.sampled_from([3.0, 5.5, 9.0, 14.0])).filter(
        lambda p: p[0] < p[1]
    ),
    max_size=30,
    unique_by=lambda p: p[:2],
)
CONFLICTS = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=12)


def conflicting(found: set[tuple[int, int]]):  # type: ignore[no-untyped-def]
    return lambda one, other: (one, other) in found or (other, one) in found


@given(PAIRS, CONFLICTS, st.integers(0, 99))
def test_the_order_of_pairs_is_of_no_matter(
    pairs: list[tuple[int, int, float]], apart: set[tuple[int, int]], seed: int
) -> None:
    one = [Pair(*pair) for pair in pairs]
    other = one.copy()
    random.Random(seed).shuffle(other)
    found = clusters(one, conflicting(apart))
    assert found == clusters(other, conflicting(apart))
    assert not any(conflicting(apart)(a, b) for group in found for a in group for b in group if a < b)
    assert len({each for group in found for each in group}) == sum(map(len, found))


@given(PAIRS, CONFLICTS)
def test_components_are_clustered_apart(pairs: list[tuple[int, int, float]], apart: set[tuple[int, int]]) -> None:
    edges: dict[int, dict[int, float]] = {}
    for one, other, weight in pairs:
        edges.setdefault(one, {})[other] = weight
        edges.setdefault(other, {})[one] = weight
    parts = []
    for component in components(edges, list(edges)):
        parts += clusters([Pair(*p) for p in pairs if p[0] in component], conflicting(apart))
    assert sorted(parts) == clusters([Pair(*p) for p in pairs], conflicting(apart))


def test_a_family_is_not_chained_by_what_it_shares() -> None:
    """Two people who are both like a third record: the stronger pair is a person, a veto keeps the other out."""
    pairs = [Pair(1, 2, 14.0), Pair(2, 3, 9.0)]
    assert clusters(pairs, conflicting({(1, 3)})) == [(1, 2)]
    assert clusters(pairs, conflicting(set())) == [(1, 2, 3)]
