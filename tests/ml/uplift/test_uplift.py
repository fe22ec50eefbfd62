"""Uplift models and the Qini curve."""

import numpy as np
import pytest

from ml.uplift.features import matrix
from ml.uplift.learners import LEARNERS, cross_fitted, ridge
from ml.uplift.qini import groups, qini


def silent(n: int) -> None:
    pass


def test_a_perfect_ranking_by_hand() -> None:
    """Two respond, two do not, each once treated and once not; those who respond come first."""
    effects = np.array([1.0, 1, 0, 0])
    treated = np.array([True, False, True, False])
    found = qini(effects, np.array([1.0, 0, 0, 0]), treated, 10, 0, silent)
    # gains (0, 0), (.5, .5), (1, .5): area .375, less that of the straight line, .25
    assert found.coefficient == pytest.approx(0.125) and found.curve[-1] == 0.5


def test_ties_are_broken_by_nobody() -> None:
    random = np.random.default_rng(1)
    y, treated = random.random(500), random.random(500) < 0.5
    assert qini(np.zeros(500), y, treated, 10, 0, silent).coefficient == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", LEARNERS)
def test_planted_effects_are_ranked_and_sized(name: str) -> None:
    random = np.random.default_rng(2)
    x = random.standard_normal((8000, 3))
    treated = random.random(8000) < 0.3
    effect = 0.5 + x[:, 0]
    y = x[:, 1] * x[:, 2] + treated * effect + random.standard_normal(8000)
    effects = cross_fitted(LEARNERS[name], x, y, treated, seed=0)
    assert np.corrcoef(effects, effect)[0, 1] > 0.98
    found = qini(effects, y, treated, 100, 0, silent)
    assert found.shown and found.low < found.coefficient < found.high
    first, last = groups(effects, y, treated)[0], groups(effects, y, treated)[-1]
    assert first[1] == pytest.approx(first[0], abs=4 * first[2]) and first[1] > last[1]


@pytest.mark.parametrize("name", LEARNERS)
def test_no_effect_is_no_ranking(name: str) -> None:
    found = 0
    for seed in range(20):
        random = np.random.default_rng((3, seed))
        x, treated = random.standard_normal((400, 4)), random.random(400) < 0.5
        y = x[:, 0] + random.standard_normal(400)
        found += qini(cross_fitted(LEARNERS[name], x, y, treated, seed), y, treated, 100, seed, silent).shown
    assert found <= 4


def test_the_x_learner_is_nearer_where_outcomes_are_less_simple_than_effects() -> None:
    random = np.random.default_rng(4)
    x = random.standard_normal((3000, 4))
    treated = random.random(3000) < 0.5
    y = 3 * x[:, 1] * x[:, 2] + treated * (1 + 0.5 * x[:, 0]) + 0.5 * random.standard_normal(3000)
    errors = {
        name: float(np.mean((cross_fitted(learner, x, y, treated, 0) - 1 - 0.5 * x[:, 0]) ** 2))
        for name, learner in LEARNERS.items()
    }
    assert errors["x"] < errors["t"] / 2


def test_features() -> None:
    made = matrix([np.array([1.0, 2, 3]), np.ones(3)], [(np.array([0, 2, 1]), 3)])
    assert made[:, 0].mean() == pytest.approx(0) and made[:, 0].std() == pytest.approx(1)
    assert made[:, 1].tolist() == [0, 0, 0] and made[:, 2:].tolist() == [[0, 0], [0, 1], [1, 0]]
    with pytest.raises(ValueError, match="columns"):
        matrix([], [])
    assert ridge(np.arange(5.0)[:, None], np.arange(5.0) * 2 + 1, 0.0) == pytest.approx([1, 2])
