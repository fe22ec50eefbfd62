"""Arms that a bandit chose: who got what depended on what was known, so plain means of the arms are biased. Weighting
each round by the inverse of the propensity with which its arm was chosen undoes that.

- IPW (Horvitz & Thompson 1952): mean of w r over *all* rounds, w = 1{arm shown} / propensity; unbiased
- SNIPW (Swaminathan & Joachims 2015): Σ w r / Σ w, a ratio metric; nearly unbiased, mostly less noisy

Terms of an adaptive bandit are martingale differences once propensities are the true ones, so means of many rounds are
normal as ever, unless propensities get very small: ``effective`` says how many even rounds an arm's weights are worth.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from projections.experiments.frequentist import Estimate, estimate
from projections.experiments.moments import Floats, Sample, of_pairs, of_values, ratio

Codes = NDArray[np.int64]
LEAST_EFFECTIVE = 100


@dataclass(frozen=True, slots=True)
class Rounds:
    """n rounds: ``arms`` (n,) codes of what was shown, ``rewards`` (n,), ``propensities`` (n,) in (0, 1]."""

    arms: Codes
    rewards: Floats
    propensities: Floats

    def __post_init__(self) -> None:
        if not len(self.arms) or len({len(self.arms), len(self.rewards), len(self.propensities)}) > 1:
            raise ValueError("each of one or more rounds needs an arm, a reward and a propensity")
        if not bool(((self.propensities > 0) & (self.propensities <= 1)).all()):
            raise ValueError("propensities lie above 0 and at most at 1")


@dataclass(frozen=True, slots=True)
class ArmValue:
    """What the arm would earn a round if it were always shown. ``effective``: Kish's sample size (1965)."""

    ipw: Sample
    snipw: Sample | None
    effective: float

    @property
    def thin(self) -> bool:
        """Too few even rounds for its interval to be believed."""
        return self.effective < LEAST_EFFECTIVE


def value(rounds: Rounds, arm: int) -> ArmValue:
    """Of one arm. ``snipw`` is None where it was never shown."""
    weights = _weights(rounds, arm)
    squares = float(weights @ weights)
    ipw = of_values(weights * rounds.rewards)
    if not squares:
        return ArmValue(ipw, None, 0.0)
    return ArmValue(ipw, ratio(of_pairs(weights * rounds.rewards, weights)), float(weights.sum()) ** 2 / squares)


def compare(rounds: Rounds, control: int, treatment: int, alpha: float = 0.05) -> Estimate | None:
    """SNIPW of the treatment less that of the control, on the same rounds, by their influence. None where one of them
    was never shown, or nothing varies."""
    first, second = value(rounds, control), value(rounds, treatment)
    if first.snipw is None or second.snipw is None:
        return None
    influence = _influence(rounds, treatment, second.snipw.mean) - _influence(rounds, control, first.snipw.mean)
    n = len(influence)
    error = float(influence.std()) / math.sqrt(n)
    return estimate(second.snipw.mean - first.snipw.mean, error, n - 1, alpha) if error > 0 else None


def _weights(rounds: Rounds, arm: int) -> Floats:
    return np.where(rounds.arms == arm, 1 / rounds.propensities, 0.0)


def _influence(rounds: Rounds, arm: int, mean: float) -> Floats:
    weights = _weights(rounds, arm)
    return np.asarray(weights * (rounds.rewards - mean) / weights.mean(), np.float64)
