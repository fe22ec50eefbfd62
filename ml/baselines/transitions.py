"""Transitions: which items come soon after which, in the same sequence.

T[i, j] = Σ over pairs of i before j of decay^(places between), over √(n_i n_j); what comes before counts ``backward``.
An item's score is the sum of T over the history, the latest items counting most.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from scipy import sparse

from ml.baselines.incidence import dense, top, weighted
from ml.ranker import Lessons, Progress, silent
from ml.sequences import Floats, Sequences


class Config(msgspec.Struct, frozen=True):
    """``within``: how far apart two items may stand. ``decay``: what each place between takes off, in sequences that
    are learnt from, and ``recency`` in those asked about."""

    within: int = 10
    decay: float = 0.7
    recency: float = 0.6
    backward: float = 0.5
    popular: float = 0.5
    neighbours: int = 300


@dataclass(frozen=True, slots=True)
class Transitions:
    """``table``: (N, N) sparse, row i what speaks for others after i."""

    table: sparse.csr_array
    recency: float

    def scores(self, history: Sequences) -> Floats:
        """(B, N)"""
        return dense(weighted(history, self.table.shape[0], self.recency) @ self.table)


def train(lessons: Lessons, seed: int = 0, progress: Progress = silent, config: Config | None = None) -> Transitions:
    """Counts pairs. ``seed`` changes nothing."""
    config = config or Config()
    shape = lessons.items, lessons.items
    owners, items = lessons.sequences.owners(), lessons.sequences.items
    forward = sparse.csr_array(shape, dtype=np.float32)
    for gap in range(1, config.within + 1):
        same = (owners[gap:] == owners[:-gap]) & (items[gap:] != items[:-gap])
        values = np.full(np.count_nonzero(same), config.decay ** (gap - 1), np.float32)
        forward = forward + sparse.coo_array((values, (items[:-gap][same], items[gap:][same])), shape).tocsr()
    both = (forward + config.backward * forward.T).tocoo()
    counts = np.maximum(np.bincount(items, minlength=lessons.items), 1.0)
    rows, columns = both.coords
    values = both.data / (counts[rows] * counts[columns]) ** config.popular
    table = sparse.csr_array((values.astype(np.float32), (rows, columns)), shape)
    return Transitions(top(table, config.neighbours), config.recency)
