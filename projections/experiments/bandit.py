"""Arms that a bandit chose: who got what depended on what was known, so plain means of the arms are biased. Weighting
each round by the inverse of the propensity with which its arm was chosen undoes that.

- IPW (Horvitz & Thompson 1952): mean of w r over *all* rounds, w = 1{arm shown} / propensity; unbiased
- SNIPW (Swaminathan & Joachims 2015): Σ w r / Σ w, a ratio metric; nearly unbiased, mostly less noisy

Rounds of one unit (a person) depend on one another: where units are told, variances are those of units.

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
    """n rounds: ``arms`` (n,) codes of what was shown, ``rewards`` (n,), ``propensities`` (n,) in (0, 1]. ``targets``
    (n,) in (0, 1]: the chance with which the policy that is asked about would have shown the same; 1, always, where
    nothing is said. ``units`` (n,) codes of whose rounds they are; each a unit of its own where nothing is said."""

    arms: Codes
    rewards: Floats
    propensities: Floats
    targets: Floats | None = None
    units: Codes | None = None

    def __post_init__(self) -> None:
        columns = [self.arms, self.rewards, self.propensities]
        columns += [column for column in (self.targets, self.units) if column is not None]
        if not len(self.arms) or len(set(map(len, columns))) > 1:
            raise ValueError("each of one or more rounds needs an arm, a reward and a propensity")
        for name, chances in (("propensities", self.propensities), ("targets", self.targets)):
            if chances is not None and not bool(((chances > 0) & (chances <= 1)).all()):
                raise ValueError(f"{name} lie above 0 and at most at 1")


@dataclass(frozen=True, slots=True)
class ArmValue:
    """What the arm would earn a round if it were always shown, or by ``Rounds.targets``; n of the samples are units.
    ``effective``: Kish's sample size (1965), in rounds."""

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
    earned, weighed = _by_unit(rounds, weights * rounds.rewards), _by_unit(rounds, weights)
    many = _by_unit(rounds, np.ones(len(weights)))
    ipw = of_values(earned) if rounds.units is None else ratio(of_pairs(earned, many))
    if not squares:
        return ArmValue(ipw, None, 0.0)
    return ArmValue(ipw, ratio(of_pairs(earned, weighed)), float(weights.sum()) ** 2 / squares)


def compare(rounds: Rounds, control: int, treatment: int, alpha: float = 0.05) -> Estimate | None:
    """SNIPW of the treatment less that of the control, on the same rounds, by their influence. None where one of them
    was never shown, nothing varies, or there is one unit alone."""
    first, second = value(rounds, control), value(rounds, treatment)
    if first.snipw is None or second.snipw is None:
        return None
    influence = _influence(rounds, treatment, second.snipw.mean) - _influence(rounds, control, first.snipw.mean)
    mine = _by_unit(rounds, influence)
    error = math.sqrt(len(mine)) * float(mine.std()) / len(influence)
    if error == 0 or len(mine) < 2:
        return None
    return estimate(second.snipw.mean - first.snipw.mean, error, len(mine) - 1, alpha)


def _weights(rounds: Rounds, arm: int) -> Floats:
    targets = 1.0 if rounds.targets is None else rounds.targets
    return np.where(rounds.arms == arm, targets / rounds.propensities, 0.0)


def _by_unit(rounds: Rounds, values: Floats) -> Floats:
    """(U,) sums of the units; the values (n,) themselves where each round is one."""
    if rounds.units is None:
        return values
    _, units = np.unique(rounds.units, return_inverse=True)
    return np.asarray(np.bincount(units, values), np.float64)


def _influence(rounds: Rounds, arm: int, mean: float) -> Floats:
    weights = _weights(rounds, arm)
    return np.asarray(weights * (rounds.rewards - mean) / weights.mean(), np.float64)
