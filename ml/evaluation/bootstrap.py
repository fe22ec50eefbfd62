"""How sure a difference is: the paired bootstrap over persons (Efron & Tibshirani 1993, ch. 8 and 13)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % percentile interval."""

    value: float
    low: float
    high: float


def difference(ours: Doubles, theirs: Doubles, persons: NDArray[np.int64], seed: int = 0) -> Interval:
    """The mean of ``ours`` - ``theirs`` (Q,), over queries; whole persons are drawn, since their queries hang together.

    Both were measured on the same queries, so that what makes a query hard is in neither's favour.
    """
    return mean((ours - theirs).astype(np.float64), persons, seed)


def mean(values: Doubles, persons: NDArray[np.int64], seed: int = 0) -> Interval:
    """The mean over queries, drawing whole persons. Raises ValueError without any query."""
    if not len(values):
        raise ValueError("no query to draw from")
    _, owner = np.unique(persons, return_inverse=True)
    sums, counts = _sums(owner, values), _sums(owner, np.ones(len(owner)))
    random = np.random.Generator(np.random.Philox(seed))
    drawn = np.array([_one(random, sums, counts) for _ in range(DRAWS)])
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Interval(float(values.mean()), float(low), float(high))


def _one(random: np.random.Generator, sums: Doubles, counts: Doubles) -> float:
    """Each person is drawn a Poisson number of times, which is the bootstrap for many persons (Hanley & MacGibbon
    2006)."""
    times = random.poisson(1.0, len(sums))
    return float(times @ sums) / max(float(times @ counts), 1.0)


def _sums(owner: NDArray[np.intp], values: Doubles) -> Doubles:
    return np.asarray(np.bincount(owner, weights=values), np.float64)
