"""Recent popularity: the same for everybody."""

from dataclasses import dataclass

import msgspec
import numpy as np

from ml.ranker import Lessons, Progress, silent
from ml.sequences import Floats, Sequences


class Config(msgspec.Struct, frozen=True):
    """``half_life``: after which part of the sequences, counted from the latest, an item counts half."""

    half_life: float = 0.25


@dataclass(frozen=True, slots=True)
class Popularity:
    """``share``: (N,) each item's part of all, the latest counting most."""

    share: Floats

    def scores(self, history: Sequences) -> Floats:
        """(B, N) the shares, whatever the history."""
        return np.repeat(self.share[None], len(history), axis=0)


def train(lessons: Lessons, seed: int = 0, progress: Progress = silent, config: Config | None = None) -> Popularity:
    """Counts. ``seed`` changes nothing."""
    sequences = lessons.sequences
    age = 1 - np.arange(1, len(sequences) + 1) / max(len(sequences), 1)
    weights = np.power(0.5, age / (config or Config()).half_life)
    counts = np.bincount(sequences.items, weights[sequences.owners()], lessons.items)
    return Popularity((counts / max(counts.sum(), 1e-12)).astype(np.float32))
