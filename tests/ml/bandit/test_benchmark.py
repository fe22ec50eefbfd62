"""The benchmark in little: the same seed gives the same regret, and learning pays."""

import numpy as np

from benchmarks.bandit import POLICIES, Thompson, World, regret
from ml.bandit.score import moments, moments_of, scorer

LITTLE = World(rounds=3_000, arms=5, dimensions=4, scale=1.0, bias=0.0, batch=100)


def test_thompson_learns_more_cheaply_than_its_rivals_in_a_little_world() -> None:
    found = {
        name: np.mean([regret(policy(LITTLE), LITTLE, seed) for seed in (50, 51)]) for name, policy in POLICIES.items()
    }
    assert found["thompson"] < 0.8 * found["epsilon_greedy"] < 0.8 * found["context_free"]


def test_a_seed_gives_the_same_regret() -> None:
    assert regret(Thompson(LITTLE), LITTLE, 52) == regret(Thompson(LITTLE), LITTLE, 52)


def test_many_decisions_at_once_have_the_moments_of_one() -> None:
    policy = Thompson(LITTLE)
    regret(policy, LITTLE, 53)
    model, x = scorer(policy.posterior), np.array([[1.0, 0.2, -0.3, 0.0]])
    assert np.allclose(moments_of(model, x), [[part] for part in moments(model, x[0])])
