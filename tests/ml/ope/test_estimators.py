"""Estimators: worked examples by hand, properties, and truths that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.ope.estimators import Rounds, effective, switch_threshold, terms, values
from ml.ope.intervals import intervals, replicates
from tests.ml.ope.worlds import SHOWN, TRUTH

#: Four rounds: weights, rewards, modelled reward of the arm shown, and expected by the policy.
FOUR = Rounds(
    np.array([0.5, 2.0, 1.0, 4.5]),
    np.array([1.0, 0.0, 1.0, 0.0]),
    np.array([0.8, 0.4, 0.6, 0.2]),
    np.array([0.5, 0.3, 0.7, 0.1]),
)


def estimates(rounds: Rounds, threshold: float) -> dict[str, float]:
    return {name: float(value) for name, value in values(terms(rounds, threshold).mean(axis=1)).items()}


def test_four_rounds_by_hand() -> None:
    found = estimates(FOUR, threshold=2.0)
    assert found["logged"] == 2 / 4
    assert found["ipw"] == pytest.approx((0.5 + 1.0) / 4)
    assert found["snipw"] == pytest.approx((0.5 + 1.0) / (0.5 + 2 + 1 + 4.5))
    assert found["dm"] == pytest.approx((0.5 + 0.3 + 0.7 + 0.1) / 4)
    corrections = (0.5 * 0.2, 2 * -0.4, 1 * 0.4, 4.5 * -0.2)
    assert found["dr"] == pytest.approx((1.6 + sum(corrections)) / 4)
    assert found["switch_dr"] == pytest.approx((1.6 + sum(corrections[:3])) / 4)


def test_effective_sample_size_by_hand() -> None:
    assert effective(FOUR.weights) == pytest.approx(8**2 / (0.25 + 4 + 1 + 20.25))
    assert effective(np.ones(7)) == pytest.approx(7)
    assert effective(np.zeros(7)) == 0.0


@given(st.lists(st.tuples(*[st.floats(0, 10)] * 2, *[st.floats(0, 1)] * 2), min_size=2, max_size=30))
def test_what_always_holds(rows: list[tuple[float, float, float, float]]) -> None:
    weights, rewards, logged, expected = (np.array(column) for column in zip(*rows, strict=True))
    rounds = Rounds(weights, rewards, logged, expected)
    found, size = estimates(rounds, float(weights.max())), effective(weights)
    assert found["switch_dr"] == pytest.approx(found["dr"])
    assert estimates(rounds, -1.0)["switch_dr"] == pytest.approx(found["dm"])
    assert 0 <= size <= len(rows) + 1e-9
    assert -1e-9 <= found["snipw"] <= rewards.max() + 1e-9
    same = estimates(Rounds(np.ones(len(rows)), rewards, logged, logged), 1.0)
    assert same["ipw"] == same["snipw"] == pytest.approx(rewards.mean()) == pytest.approx(same["dr"])
    nothing = estimates(Rounds(weights, rewards, np.zeros(len(rows)), np.zeros(len(rows))), 1e9)
    assert nothing["dr"] == pytest.approx(nothing["ipw"])


def drawn(rounds: int, q: np.ndarray, wrong_chances: bool = False) -> Rounds:
    """The uniform policy's rounds in the known world, rewards modelled as ``q`` (2, 3)."""
    random = np.random.default_rng(8)
    kinds = random.integers(0, 2, rounds)
    arms = (random.random(rounds)[:, None] > SHOWN[kinds].cumsum(axis=1)).sum(axis=1)
    rewards = (random.random(rounds) < TRUTH[kinds, arms]).astype(np.float64)
    chances = np.full(rounds, 0.5) if wrong_chances else SHOWN[kinds, arms]
    return Rounds(1 / 3 / chances, rewards, q[kinds, arms], q[kinds].mean(axis=1))


def test_the_value_that_is_known_is_found_and_dr_forgives_either_mistake() -> None:
    truth, far = TRUTH.mean(), np.full((2, 3), 0.9)
    found = estimates(drawn(200_000, TRUTH), 100.0)
    assert all(found[name] == pytest.approx(truth, abs=0.01) for name in ("ipw", "snipw", "dm", "dr"))
    wrong_model = estimates(drawn(200_000, far), 100.0)
    assert wrong_model["dm"] == pytest.approx(0.9)
    assert wrong_model["dr"] == pytest.approx(truth, abs=0.02)
    wrong_chances = estimates(drawn(200_000, TRUTH, wrong_chances=True), 100.0)
    assert abs(wrong_chances["ipw"] - truth) > 0.03
    assert wrong_chances["dr"] == pytest.approx(truth, abs=0.01)


def test_the_threshold_leaves_out_what_costs_more_than_it_tells() -> None:
    random = np.random.default_rng(4)
    weights = np.concatenate((np.ones(5000), np.full(20, 500.0)))
    rewards = (random.random(5020) < 0.3).astype(np.float64)
    rewards[5000:] = [1.0, 0.0, 0.0, 1.0, 0.0] * 4  # few, heavy, and their mean as the model has it
    good = Rounds(weights, rewards, np.full(5020, 0.3), np.full(5020, 0.3))
    rewards[5000:] = np.where(np.arange(20) < 6, 1.0, 0.0)
    assert switch_threshold(good) < 500
    bad = Rounds(weights, rewards, np.full(5020, 0.9), np.full(5020, 0.9))
    assert switch_threshold(bad) == 500


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random, held = np.random.default_rng(6), 0
    for repeat in range(100):
        rewards = (random.random(300) < 0.3).astype(np.float64)
        rounds = Rounds(np.ones(300), rewards, np.zeros(300), np.zeros(300))
        low, high = intervals(replicates(terms(rounds, 1.0), 200, repeat))["ipw"]
        held += low <= 0.3 <= high
    assert 88 <= held <= 100


def test_a_seed_gives_the_same_intervals() -> None:
    told: list[int] = []
    one = intervals(replicates(terms(FOUR, 2.0), 150, 7, told.append))
    assert one == intervals(replicates(terms(FOUR, 2.0), 150, 7)) and sum(told) == 150
    assert one != intervals(replicates(terms(FOUR, 2.0), 150, 8))
