"""EASE: the linear item-to-item model with a closed form (Steck, WWW 2019): B = I - P diag(P)⁻¹, P = (XᵀX + λI)⁻¹.

It needs the whole (N, N) matrix at once, so catalogues above ``MOST_ITEMS`` are left out, saying so.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from ml.baselines.incidence import incidence, weighted
from ml.ranker import Lessons, Progress, silent
from ml.sequences import Floats, Sequences

MOST_ITEMS = 30_000


class TooManyItemsError(ValueError):
    """The catalogue is too large for a model that needs all pairs of items at once."""


class Config(msgspec.Struct, frozen=True):
    """``ridge``: λ, how much the weights are held back."""

    ridge: float = 200.0


@dataclass(frozen=True, slots=True)
class Ease:
    """``weights``: (N, N), row i what speaks for others when i is in the history."""

    weights: Floats

    def scores(self, history: Sequences) -> Floats:
        """(B, N)"""
        return np.asarray(weighted(history, len(self.weights), 1.0) @ self.weights, np.float32)


def train(lessons: Lessons, seed: int = 0, progress: Progress = silent, config: Config | None = None) -> Ease:
    """Solves. ``seed`` changes nothing. Raises TooManyItemsError."""
    from scipy import linalg  # what serves need not load it

    if lessons.items > MOST_ITEMS:
        raise TooManyItemsError(f"EASE is left out: {lessons.items:,} items are more than {MOST_ITEMS:,}")
    having = incidence(lessons.sequences, lessons.items)
    gram = np.asarray((having.T @ having).toarray(), np.float32, order="F")
    gram[np.diag_indices(lessons.items)] += (config or Config()).ridge
    factor, _ = linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
    inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    mirror(inverse)
    inverse /= -np.diag(inverse)[None, :].copy()
    inverse[np.diag_indices(lessons.items)] = 0
    return Ease(np.ascontiguousarray(inverse))


def mirror(matrix: Floats, block: int = 2048) -> None:
    """Copies the lower half of a square matrix to its upper half, in place."""
    n = len(matrix)
    for begin in range(0, n, block):
        end = min(begin + block, n)
        inner = matrix[begin:end, begin:end]
        inner[:] = np.tril(inner) + np.tril(inner, -1).T
        matrix[begin:end, end:] = matrix[end:, begin:end].T
