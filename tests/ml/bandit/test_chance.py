"""The quick chance of an arm, beside the exact one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml.bandit.propensity import chance, propensity


@given(st.integers(0, 2**32 - 1), st.integers(2, 24))
def test_the_quick_chance_is_near_the_exact_one(seed: int, arms: int) -> None:
    random = np.random.default_rng(seed)
    means, deviations = random.normal(0, 0.5, arms), random.uniform(0.1, 0.5, arms)
    for arm in range(arms):
        assert abs(chance(means, deviations, arm) - propensity(means, deviations, arm)) < 2e-3
