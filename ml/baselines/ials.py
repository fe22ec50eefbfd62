"""iALS: matrix factorisation of implicit feedback (Hu, Koren & Volinsky 2008), as the library ``implicit`` solves it.

A person's vector is solved from the history as a person's of training is (fold-in), so strangers have one too. Rendle
et al. (RecSys 2022) found that it is as good as newer models where it is regularised well.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from scipy.sparse import csr_matrix

from ml.baselines.incidence import incidence
from ml.ranker import Lessons, Progress, silent
from ml.sequences import Floats, Sequences


class Config(msgspec.Struct, frozen=True):
    """``width``: numbers a vector. ``confidence``: c, what an interaction counts, where none counts 1."""

    width: int = 128
    regularization: float = 0.05
    confidence: float = 10.0
    iterations: int = 12


@dataclass(frozen=True, slots=True)
class Ials:
    """``items`` (N, D) vectors; ``config`` for solving persons by it."""

    items: Floats
    config: Config

    def scores(self, history: Sequences) -> Floats:
        """(B, N)"""
        return np.asarray(self.users(history) @ self.items.T, np.float32)

    def users(self, history: Sequences) -> Floats:
        """(B, D) solutions of (YᵀY + (c - 1) Σ y yᵀ + λI) u = c Σ y over the history's different items y."""
        ridge = self.config.regularization * np.eye(self.items.shape[1])
        gram = self.items.T.astype(np.float64) @ self.items + ridge
        out = np.zeros((len(history), self.items.shape[1]), np.float32)
        for row, each in enumerate(history):
            seen = self.items[np.unique(each)].astype(np.float64)
            if len(seen):
                more = self.config.confidence
                out[row] = np.linalg.solve(gram + (more - 1) * seen.T @ seen, more * seen.sum(axis=0))
        return out


def train(lessons: Lessons, seed: int = 0, progress: Progress = silent, config: Config | None = None) -> Ials:
    """Alternates. Raises ImportError without ``implicit``."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    config = config or Config()
    with threadpool_limits(1, "blas"):  # many small systems: threads within each only wait for one another
        model: Any = AlternatingLeastSquares(
            factors=config.width,
            regularization=config.regularization,
            alpha=config.confidence,
            iterations=config.iterations,
            random_state=seed,
            num_threads=1,
        )
        model.fit(csr_matrix(incidence(lessons.sequences, lessons.items)), show_progress=False)
    return Ials(np.asarray(model.item_factors, np.float32), config)
