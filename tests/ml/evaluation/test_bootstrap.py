"""Intervals that hold what they say, and slices by what is known."""

import numpy as np
import pytest

from ml.evaluation.bootstrap import difference, mean
from ml.evaluation.ranking import rank
from ml.evaluation.slices import slices
from ml.ranker import Lessons
from ml.sequences import Floats, Queries, Sequences


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(0)
    held = 0
    for seed in range(100):
        persons = np.repeat(np.arange(100), 3)
        values = np.repeat(random.normal(size=100), 3) + random.normal(scale=0.2, size=300)
        found = mean(values, persons, seed)
        held += found.low <= 0 <= found.high
    assert held >= 88


def test_persons_are_drawn_whole() -> None:
    persons, values = np.repeat(np.arange(20), 50), np.repeat(np.arange(20.0), 50)
    alone = mean(values, np.arange(1000))
    together = mean(values, persons)
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_what_is_always_better_is_surely_better() -> None:
    random = np.random.default_rng(1)
    theirs = random.random(200)
    found = difference(theirs + 0.01, theirs, np.arange(200))
    assert found.value == pytest.approx(0.01)
    assert found.low > 0


def test_nothing_has_no_interval() -> None:
    with pytest.raises(ValueError, match="no query"):
        mean(np.zeros(0), np.zeros(0, np.int64))


class Same:
    """Scores all alike."""

    def scores(self, history: Sequences) -> Floats:
        return np.zeros((len(history), 4), np.float32)


def test_cold_items_and_persons() -> None:
    lessons = Lessons(Sequences.of([[0] * 6, [1, 2]]), 4, None, "none")
    asked = Queries(Sequences.of([[0], [0] * 4, []]), Sequences.of([[0], [1], [-1]]), "none", np.arange(3))
    found = slices(rank(Same(), asked), lessons)
    assert found["cold items"].tolist() == [False, True, True]
    assert found["cold persons"].tolist() == [True, False, True]
    assert (found["cold items"] != found["other items"]).all()
