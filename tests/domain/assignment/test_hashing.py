"""Hashes: what they give never changes, is spread evenly, and says nothing of one experiment by another."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

from domain.assignment.hashing import BUCKETS, HashVersion, bucket, fnv1a, growthbook, md5_bucket
from domain.assignment.ranges import chosen, shares

UNITS = [f"01900000-0000-7000-8000-{n:012x}" for n in range(20_000)]
#: Of a thousand fixed seeds none is chosen to fit: these are the first ones tried.
SEEDS = ("home-weights", "basket", "hero-2026")


def test_what_a_version_gives_is_fixed() -> None:
    given = [bucket(version, "hero", "ann") for version in HashVersion]
    assert given == [FIXED[version] for version in HashVersion]


FIXED = {
    HashVersion.BLAKE: 7087,
    HashVersion.MD5: 1700,
    HashVersion.GROWTHBOOK_1: 7040,
    HashVersion.GROWTHBOOK_2: 8078,
}


def test_the_case_study_s_bucket() -> None:
    """By ``printf 'user_42:checkout' | md5sum``: the last two decimal digits are the bucket."""
    assert md5_bucket("checkout", "user_42") == int("bbc82f32c80113e9cf972b0b1a49a130", 16) % 100


@pytest.mark.parametrize("version", HashVersion)
@pytest.mark.parametrize("seed", SEEDS)
def test_buckets_are_spread_evenly(version: HashVersion, seed: str) -> None:
    cells = Counter(bucket(version, seed, unit) // 100 for unit in UNITS)
    expected = len(UNITS) / 100
    distance = sum((cells[cell] - expected) ** 2 / expected for cell in range(100))
    assert distance < chi2.ppf(0.9999, 99)


@pytest.mark.parametrize("version", [HashVersion.BLAKE, HashVersion.MD5, HashVersion.GROWTHBOOK_2])
def test_one_experiment_says_nothing_of_another(version: HashVersion) -> None:
    table = [[0] * 10 for _ in range(10)]
    for unit in UNITS:
        table[bucket(version, SEEDS[0], unit) // 1000][bucket(version, SEEDS[1], unit) // 1000] += 1
    assert chi2_contingency(table).pvalue > 1e-4


@given(st.text(max_size=50), st.text(max_size=50), st.sampled_from(HashVersion))
@settings(max_examples=200, deadline=None)
def test_any_seed_and_unit_have_a_bucket(seed: str, unit: str, version: HashVersion) -> None:
    seed, unit = (text.encode("utf-8", "ignore").decode() for text in (seed, unit))
    assert 0 <= bucket(version, seed, unit) < BUCKETS


def test_growthbook_s_numbers_are_the_buckets_on_a_line() -> None:
    for unit in UNITS[:200]:
        assert growthbook("s", unit, 1) == bucket(HashVersion.GROWTHBOOK_1, "s", unit) / BUCKETS
        assert growthbook("s", unit, 2) == bucket(HashVersion.GROWTHBOOK_2, "s", unit) / BUCKETS
    assert fnv1a("") == 0x811C9DC5 and fnv1a("é") != fnv1a("e")


@given(
    st.lists(st.integers(0, 2_500), min_size=2, max_size=4),
    st.integers(0, BUCKETS),
    st.integers(0, BUCKETS),
    st.integers(0, BUCKETS - 1),
)
def test_a_higher_coverage_moves_nobody_who_is_in(buckets: list[int], one: int, other: int, place: int) -> None:
    low, high = sorted((one, other))
    before, after = chosen(place, shares(buckets, low)), chosen(place, shares(buckets, high))
    assert before in (-1, after)


@given(st.lists(st.integers(0, 2_500), min_size=2, max_size=4), st.integers(0, BUCKETS - 1))
def test_what_is_nobody_s_is_not_given_to_the_control(buckets: list[int], place: int) -> None:
    """The case study's code gave it to the control."""
    assert (chosen(place, shares(buckets, BUCKETS)) < 0) is (place >= sum(buckets))
