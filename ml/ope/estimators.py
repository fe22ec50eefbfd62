"""Estimators of a policy's value, each a mean (or a ratio of means) of one term a round.

With w_i = π(a_i | x_i) / p_i the weight of round i, r_i its reward, q̂ a model of rewards, and
q̂_π(x) = Σ_a π(a | x) q̂(x, a):

- IPW (Horvitz & Thompson 1952): mean w r
- SNIPW (Swaminathan & Joachims 2015): Σ w r / Σ w
- DM, direct method: mean q̂_π
- DR (Dudík, Langford & Li 2011): mean q̂_π + w (r - q̂(x, a))
- Switch-DR (Wang, Agarwal & Dudík 2017): as DR where w ≤ τ, as DM elsewhere
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: How many thresholds are tried for Switch-DR.
THRESHOLDS = 20


@dataclass(frozen=True, slots=True)
class Rounds:
    """All that the estimators need of n rounds, each (n,): ``weights`` w, ``rewards`` r, ``logged`` q̂(x, a) of the arm
    shown, ``expected`` q̂_π(x)."""

    weights: Floats
    rewards: Floats
    logged: Floats
    expected: Floats


def terms(rounds: Rounds, threshold: float) -> Floats:
    """(6, n): the terms of IPW, DM, DR, Switch-DR; then w and r, whose means SNIPW and the logged value need."""
    weighted = rounds.weights * rounds.rewards
    correction = rounds.weights * (rounds.rewards - rounds.logged)
    return np.stack(
        (
            weighted,
            rounds.expected,
            rounds.expected + correction,
            rounds.expected + np.where(rounds.weights <= threshold, correction, 0.0),
            rounds.weights,
            rounds.rewards,
        )
    )


def values(means: Floats) -> dict[str, Floats]:
    """The estimates from the terms' means (6, …), one for each of the other axes."""
    weighted, direct, robust, switched, weight, reward = means
    ratio = np.divide(weighted, weight, out=np.zeros_like(weighted), where=weight > 0)
    return {"ipw": weighted, "snipw": ratio, "dm": direct, "dr": robust, "switch_dr": switched, "logged": reward}


def effective(weights: Floats) -> float:
    """Effective sample size (Kish 1965): (Σ w)² / Σ w², so many equally weighted rounds would tell as much; 0 … n."""
    squares = float(weights @ weights)
    return float(weights.sum() ** 2 / squares) if squares else 0.0


def switch_threshold(rounds: Rounds) -> float:
    """τ for Switch-DR: of some quantiles of the weights, the one of least estimated variance + bias².

    The bias of leaving out the corrections above τ is estimated by their mean. Wang et al. bound it by the highest
    reward there may be instead; with clicks, of which there are few, that bound never lets anything be left out.
    """
    correction = rounds.weights * (rounds.rewards - rounds.logged)
    tried = np.unique(np.quantile(rounds.weights, np.linspace(0, 1, THRESHOLDS + 1), method="higher"))
    return float(min(tried[::-1], key=lambda threshold: _error(rounds, correction, float(threshold))))


def _error(rounds: Rounds, correction: Floats, threshold: float) -> float:
    kept = rounds.weights <= threshold
    term = rounds.expected + np.where(kept, correction, 0.0)
    bias = float(np.where(kept, 0.0, correction).mean())
    return float(term.var()) / len(term) + bias**2
