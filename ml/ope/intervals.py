"""Confidence intervals by the bootstrap (Efron 1979): rounds are drawn anew with replacement, percentiles are taken."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml.ope.estimators import values

Floats = NDArray[np.float64]


def replicates(terms: Floats, draws: int, seed: int, drawn: Callable[[int], None] = lambda n: None) -> Floats:
    """(T, draws) means of ``terms`` (T, n) over n rounds drawn with replacement, ``draws`` times. ``drawn`` is told of
    each."""
    random = np.random.Generator(np.random.Philox(seed))
    rounds = terms.shape[1]
    columns = np.ascontiguousarray(terms.T)
    out = np.empty((len(terms), draws))
    for draw in range(draws):
        counts = np.bincount(random.integers(0, rounds, rounds), minlength=rounds).astype(np.float64)
        out[:, draw] = counts @ columns / rounds
        drawn(1)
    return out


def intervals(means: Floats, level: float = 0.95) -> dict[str, tuple[float, float]]:
    """Each estimate's lower and upper percentile, from replicates (T, draws)."""
    edges = ((1 - level) / 2, (1 + level) / 2)
    found = {name: np.quantile(each, edges) for name, each in values(means).items()}
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}
