"""Metrics against values worked out by hand, and the ranking against a brute-force one."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation import metrics
from ml.evaluation.ranking import BEYOND, first, hide, places, rank
from ml.sequences import Attributes, Field, Floats, Queries, Sequences


class Fixed:
    """Scores that do not depend on the history."""

    def __init__(self, scores: list[float]) -> None:
        self.given = np.array(scores, np.float32)

    def scores(self, history: Sequences) -> Floats:
        return np.repeat(self.given[None], len(history), axis=0)


def queries(histories: list[list[int]], targets: list[list[int]], hidden: str = "none") -> Queries:
    persons = np.arange(len(targets), dtype=np.int64)
    return Queries(Sequences.of(histories), Sequences.of(targets), hidden, persons)  # type: ignore[arg-type]


def test_a_worked_example() -> None:
    ranked = rank(Fixed([0.9, 0.8, 0.7, 0.6]), queries([[], []], [[1], [0, 3]]))
    assert ranked.ranks.items.tolist() == [2, 1, 4]
    assert ranked.lists[0].tolist() == [0, 1, 2, 3]
    found = metrics.by_query(ranked)
    assert found["hr@10"].tolist() == [1, 1]
    assert found["mrr@20"].tolist() == [0.5, 1]
    ideal = 1 + 1 / log2(3)
    assert found["ndcg@10"] == pytest.approx([1 / log2(3), (1 + 1 / log2(5)) / ideal])
    assert metrics.recall(ranked.ranks, 2).tolist() == [1, 0.5]


def test_ties_count_against_the_model_and_unknown_items_are_missed() -> None:
    ranked = rank(Fixed([0.5, 0.5, 0.5]), queries([[], []], [[0], [-1]]))
    assert ranked.ranks.items.tolist() == [3, BEYOND]
    assert metrics.means(metrics.by_query(ranked))["hr@20"] == 0.5


@pytest.mark.parametrize(("hidden", "rank_of_2"), [("none", 3), ("latest", 2), ("history", 1)])
def test_what_cannot_be_the_answer_is_not_ranked(hidden: str, rank_of_2: int) -> None:
    assert rank(Fixed([0.9, 0.8, 0.7]), queries([[0, 1]], [[2]], hidden)).ranks.items.tolist() == [rank_of_2]


def test_a_target_that_is_hidden_is_missed_and_not_listed() -> None:
    ranked = rank(Fixed([0.9, 0.8]), queries([[0]], [[0]], "history"))
    assert ranked.ranks.items.tolist() == [BEYOND]
    assert ranked.lists[0].tolist() == [1, -1]


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 6))
def test_ranks_and_lists_are_those_of_sorting_everything(seed: int, items: int, batch: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 5, (batch, items)).astype(np.float32)
    targets = random.integers(0, items, batch)
    asked = queries([[int(random.integers(items))]] * batch, [[int(t)] for t in targets], "latest")
    scores = hide(scores, asked)
    found = places(scores, asked.targets).tolist()
    for row, target in enumerate(targets):
        order = sorted(range(items), key=lambda i: (-scores[row, i], i == target))
        expected = order.index(target) + 1 if np.isfinite(scores[row, target]) else BEYOND
        assert found[row] == expected
    for row, listed in enumerate(first(scores, 4)):
        best = sorted((i for i in range(items) if np.isfinite(scores[row, i])), key=lambda i: -scores[row, i])
        assert sorted(scores[row, listed[listed >= 0]].tolist()) == sorted(scores[row, best[:4]].tolist())


def test_coverage_and_diversity() -> None:
    attributes = Attributes(4, {"category": Field.of([[0], [0, 1], [1], []], 2)})
    lists = np.array([[0, 1, -1], [0, 2, 3]], np.int32)
    assert metrics.coverage(lists, 5) == pytest.approx(4 / 5)
    assert metrics.diversity(lists, attributes, "category") == pytest.approx((0.5 + 3) / 4)
