"""Choosing an arm while a customer waits: numpy alone, one random number an arm, the same for the same decision."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.bandit.model import Posterior
from ml.bandit.philox import normals
from ml.bandit.propensity import CHEAP, Effort, propensity

Floats = NDArray[np.float64]
Rows = NDArray[np.int32]
Moments = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Scorer:
    """``means`` (D, A); ``spreads`` (D(D+1)/2, A): what each product x_i x_j, i ≤ j, adds to an arm's variance."""

    means: Floats
    spreads: Floats
    first: NDArray[np.intp]
    second: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Choice:
    """``arms``: the candidates, best draw first; ``draws`` (A,) float32 are theirs, in the same order. ``propensity``
    is the chance that ``arms[0]`` had of being first among these candidates."""

    arms: Rows
    draws: NDArray[np.float32]
    propensity: float

    @property
    def arm(self) -> int:
        """The chosen one."""
        return int(self.arms[0])


def scorer(posterior: Posterior) -> Scorer:
    """Made once a posterior: covariances, scaled by how much is explored, in the order that scoring adds them."""
    covariances = np.linalg.inv(posterior.precisions) * posterior.config.exploration**2
    first, second = np.triu_indices(posterior.config.dimensions)
    twice = np.where(first == second, 1.0, 2.0)
    spreads = np.ascontiguousarray((covariances[:, first, second] * twice).T)
    return Scorer(np.ascontiguousarray(posterior.means.T), spreads, first, second)


def moments(model: Scorer, x: Floats) -> Moments:
    """Mean and standard deviation (A,) of each arm's draw of θ · x, in log-odds; ``x`` (D,). Zeros cost nothing."""
    products = x[model.first] * x[model.second]
    felt, active = np.flatnonzero(products), np.flatnonzero(x)
    variances = products[felt] @ model.spreads[felt]
    return x[active] @ model.means[active], np.sqrt(np.maximum(variances, 1e-18))


def moments_of(model: Scorer, contexts: Floats) -> tuple[Floats, Floats]:
    """The moments (M, A) of each of M contexts (M, D), for whoever has many at once."""
    products = contexts[:, model.first] * contexts[:, model.second]
    return contexts @ model.means, np.sqrt(np.maximum(products @ model.spreads, 1e-18))


def choose(
    model: Scorer, decision_id: str, x: Floats, candidates: Rows | None = None, effort: Effort = CHEAP
) -> Choice:
    """Thompson sampling (Thompson 1933): one draw an arm, the highest first; equal draws in the order of rows.

    ``candidates``: the rows that may be shown, all by default. An arm's random number depends on the decision and on
    its row, so leaving another arm out does not change its draw. Raises ValueError naming ``candidates``.
    """
    means, deviations = moments(model, x)
    draws = means + deviations * normals(decision_id, len(means))
    rows = np.arange(len(means), dtype=np.int32) if candidates is None else np.unique(candidates).astype(np.int32)
    if not len(rows) or not 0 <= rows[0] <= rows[-1] < len(means):
        raise ValueError(f"candidates has to name rows from 0 to {len(means) - 1}")
    order = np.argsort(-draws[rows], kind="stable")
    chance = propensity(means[rows], deviations[rows], int(order[0]), effort)
    best = rows[order]
    return Choice(best, draws[best].astype(np.float32), chance)
