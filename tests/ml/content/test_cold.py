"""Removing items, and how well they are found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.content.cold import Asked, Cold, recall_at_20, remove
from ml.sequences import Sequences

LISTS = st.lists(st.lists(st.integers(0, 29), max_size=8), min_size=1, max_size=20)


@given(LISTS, st.integers(0, 5))
def test_what_is_removed_is_in_no_lesson_and_is_asked_each_time_it_came(lists: list[list[int]], seed: int) -> None:
    cold = remove(Sequences.of(lists), 30, seed, 0.3)
    gone = set(cold.removed.tolist())
    present = {item for each in lists for item in each}
    assert len(gone) == int(0.3 * len(present)) and gone <= present
    assert [each.tolist() for each in cold.lessons] == [[item for item in each if item not in gone] for each in lists]
    expected = [
        ([item for item in each[:at] if item not in gone], each[at], at == len(each) - 1)
        for each in lists
        for at in range(len(each))
        if each[at] in gone and any(item not in gone for item in each[:at])
    ]
    assert _pairs(cold.asked) == [(history, target) for history, target, _ in expected]
    assert _pairs(cold.asked_last) == [(history, target) for history, target, last in expected if last]


def _pairs(asked: Asked) -> list[tuple[list[int], int]]:
    return [(history.tolist(), int(target)) for history, target in zip(asked.history, asked.targets, strict=True)]


def asked(target: int, removed: int = 100) -> Cold:
    one = Asked(Sequences.of([[999]]), np.array([target], np.int32))
    return Cold(np.arange(removed, dtype=np.int32), Sequences.of([]), one, one)


@pytest.mark.parametrize(
    ("better", "level", "expected"), [(0, 1, 1), (19, 1, 1), (20, 1, 0), (0, 40, 0.5), (10, 20, 0.5)]
)
def test_ties_count_as_a_random_order_would(better: int, level: int, expected: float) -> None:
    scores = np.zeros((1, 100), np.float32)
    scores[0, 1:level] = 1
    scores[0, 0] = 1
    scores[0, level : level + better] = 2
    assert recall_at_20(scores, asked(0)) == pytest.approx(expected)


def test_only_the_kind_that_is_asked_for_is_ranked() -> None:
    scores = np.arange(100, dtype=np.float32)[None]
    kind = np.arange(100)[None] < 30
    assert recall_at_20(scores, asked(15)) == 0
    assert recall_at_20(scores, asked(15), of_kind=kind) == 1
    assert recall_at_20(scores, asked(5), of_kind=kind) == 0


def test_the_same_seed_removes_the_same() -> None:
    lists = Sequences.of([list(range(50))])
    assert np.array_equal(remove(lists, 50, 3, 0.2).removed, remove(lists, 50, 3, 0.2).removed)
    assert not np.array_equal(remove(lists, 50, 3, 0.2).removed, remove(lists, 50, 4, 0.2).removed)
