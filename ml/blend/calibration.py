"""From a blend's scores to probabilities that can be summed with money.

A candidate's raw probability is its share of the softmax over all candidates. Isotonic regression (Zadrozny & Elkan
2002) on later data makes it true: of what is said to come with probability p, a part of p does come.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.blend.gather import Gathered
from ml.blend.learn import softmax

SHOWN = 20
KNOTS = 64
BINS = 15
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Between the knots, ``raw`` (K,) logarithms of shares, rising, and ``true`` (K,), lies a straight line."""

    raw: Doubles
    true: Doubles

    def probability(self, log_shares: Doubles) -> Doubles:
        """Probabilities for logarithms of shares, of any shape."""
        return np.interp(log_shares, self.raw, self.true)


@dataclass(frozen=True, slots=True)
class Shown:
    """What would have been shown: ``log_shares`` and ``came`` (0 or 1), each (V,), and ``queries`` (V,)."""

    log_shares: Doubles
    came: Doubles
    queries: NDArray[np.int64]


def shown(gathered: Gathered, scores: Doubles) -> Shown:
    """Each query's best ``SHOWN`` candidates."""
    sizes = np.diff(gathered.indptr)
    of = np.repeat(np.arange(len(gathered)), sizes)
    shares, _ = softmax(scores, gathered)
    came = np.zeros(len(scores))
    came[gathered.targets[gathered.targets >= 0]] = 1
    order = np.lexsort((-scores, of))
    within = np.arange(len(order)) - np.repeat(gathered.indptr[:-1], sizes)
    best = order[within < SHOWN]
    return Shown(np.log(np.maximum(shares[best], 1e-12)), came[best], of[best])


def calibrate(seen: Shown) -> Calibration:
    """Learns from what was shown and what came."""
    from scipy.optimize import isotonic_regression  # what serves need not load it

    order = np.argsort(seen.log_shares, kind="stable")
    raw, came = seen.log_shares[order], seen.came[order]
    bounds = np.linspace(0, len(raw), min(KNOTS, max(len(raw) // 50, 2)) + 1).astype(np.int64)
    sizes = np.diff(bounds)
    means = np.add.reduceat(raw, bounds[:-1]) / sizes
    rates = np.add.reduceat(came, bounds[:-1]) / sizes
    fitted = isotonic_regression(rates, weights=sizes.astype(np.float64)).x
    return Calibration(means, np.asarray(fitted))


def calibration_error(said: Doubles, came: Doubles, bins: int = BINS) -> float:
    """ECE: the mean of |said - came| over ``bins`` groups of equal size, ordered by what was said (Naeini et al.
    2015)."""
    groups = reliability(said, came, bins)
    return float(sum(abs(mean - rate) * count for mean, rate, count in groups) / len(said))


def reliability(said: Doubles, came: Doubles, bins: int = BINS) -> list[tuple[float, float, int]]:
    """Of each of ``bins`` groups of equal size: the mean of what was said, the part that came, and how many."""
    parts = np.array_split(np.argsort(said, kind="stable"), min(bins, max(len(said), 1)))
    return [(float(said[part].mean()), float(came[part].mean()), len(part)) for part in parts if len(part)]
