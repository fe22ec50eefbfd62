"""ItemKNN: items are neighbours when the same sequences have both (Sarwar et al. 2001; Deshpande & Karypis 2004).

sim(i, j) = |S_i ∩ S_j| / (√(|S_i| |S_j|) + shrinkage), of which each item keeps its ``neighbours`` nearest; an item's
score is the sum of its similarities to the items of the history.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from scipy import sparse

from ml.baselines.incidence import dense, incidence, top, weighted
from ml.ranker import Lessons, Progress, silent
from ml.sequences import Floats, Sequences


class Config(msgspec.Struct, frozen=True):
    """``decay``: what an item of the history counts less for each item that came after it; 1: all count the same."""

    neighbours: int = 200
    shrinkage: float = 0.0
    decay: float = 1.0


@dataclass(frozen=True, slots=True)
class ItemKNN:
    """``similar``: (N, N) sparse, row i what speaks for others when i is in the history."""

    similar: sparse.csr_array
    decay: float

    def scores(self, history: Sequences) -> Floats:
        """(B, N)"""
        return dense(weighted(history, self.similar.shape[0], self.decay) @ self.similar)


def train(lessons: Lessons, seed: int = 0, progress: Progress = silent, config: Config | None = None) -> ItemKNN:
    """Counts pairs. ``seed`` changes nothing."""
    config = config or Config()
    having = incidence(lessons.sequences, lessons.items)
    pairs = (having.T @ having).tocoo()
    counts = np.sqrt(np.asarray(having.sum(axis=0)).ravel())
    rows, columns = pairs.coords
    others = rows != columns
    rows, columns = rows[others], columns[others]
    values = pairs.data[others] / (counts[rows] * counts[columns] + config.shrinkage)
    similar = sparse.csr_array((values.astype(np.float32), (rows, columns)), (lessons.items, lessons.items))
    return ItemKNN(top(similar, config.neighbours), config.decay)
