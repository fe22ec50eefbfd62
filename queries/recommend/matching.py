"""What goes with the items shown: the same style or season, a colour that goes with theirs."""

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows
from queries.recommend.assortment import Assortment

#: Go with every colour.
NEUTRAL = frozenset(("black", "white", "grey", "gray", "beige", "ecru", "cream", "ivory", "brown", "navy", "navy blue"))
_COLOUR, _STYLE, _SEASON = 0.4, 0.3, 0.3


def matching(assortment: Assortment, rows: Rows, seeds: Rows) -> Floats:
    """(K,) 0 … 1: how well each of ``rows`` (K,) goes with that of ``seeds`` (S,) which it goes with best."""
    best = np.zeros(len(rows), np.float32)
    neutral = _neutral(assortment)
    for seed in seeds.tolist():
        good = _COLOUR * _goes(assortment.colour, rows, seed, neutral)
        good = good + _STYLE * _same(assortment.style, rows, seed) + _SEASON * _same(assortment.season, rows, seed)
        np.maximum(best, good, out=best)
    return best


def _neutral(assortment: Assortment) -> NDArray[np.bool_]:
    """A flag for each code of a colour, and False at the end for "no colour", which is what -1 finds."""
    return np.array([*(name.lower() in NEUTRAL for name in assortment.codes["colour"].names), False])


def _goes(colour: Rows, rows: Rows, seed: int, neutral: NDArray[np.bool_]) -> Floats:
    own, other = colour[rows], int(colour[seed])
    if other < 0:
        return np.zeros(len(rows), np.float32)
    return np.asarray((own == other) | (neutral[own] | neutral[other]) & (own >= 0), np.float32)


def _same(codes: Rows, rows: Rows, seed: int) -> Floats:
    return np.asarray((codes[rows] == codes[seed]) & (codes[seed] >= 0), np.float32)
