"""V-SKNN and VSTAN: the sessions most like the present one tell what comes next.

V-SKNN (Ludewig & Jannach 2018) compares sessions by their items, the latest of the present one counting most, and
prefers rare items. STAN (Garg et al., SIGIR 2019) lets a past session count less the older it is, and its items less
the farther they are from the one that both share; VSTAN (Ludewig et al. 2020) is both together.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from ml.ranker import Lessons, Progress, silent
from ml.sequences import Bounds, Floats, Rows, Sequences, ragged

Doubles = NDArray[np.float64]


class Config(msgspec.Struct, frozen=True):
    """``neighbours``: how many sessions tell; ``sample``: of how many of the latest that share an item they are chosen.

    The rest are scales of exponential decays, 0 for none. ``recency``: an item of the present session, in items that
    came after it. ``age``: a past session, in parts of all sessions. ``distance``: an item of a past session, in items
    between it and the one shared latest. ``rarity``: weight of the items' inverse document frequency. ``backward``:
    what items before the shared one count, and ``same`` that one itself, those after count 1.
    """

    neighbours: int = 500
    sample: int = 2500
    recency: float = 2.0
    age: float = 0.5
    distance: float = 2.0
    rarity: float = 1.0
    backward: float = 0.5
    same: float = 1.0


@dataclass(frozen=True, slots=True)
class Vstan:
    """``sequences``: all that is remembered. ``indptr`` (N+1,), ``sessions`` and ``places`` (M,): for each item, in
    which sessions it is, the latest first, and at which place. ``idf`` (N,)."""

    config: Config
    sequences: Sequences
    indptr: Bounds
    sessions: Bounds
    places: Bounds
    idf: Floats

    def scores(self, history: Sequences) -> Floats:
        """(B, N)"""
        out = np.zeros((len(history), len(self.idf)), np.float32)
        for row, items in enumerate(history):
            if self.indptr[items + 1].sum() > self.indptr[items].sum():
                self._score(items, out[row])
        return out

    def _score(self, items: Rows, out: Floats) -> None:
        sessions, shared, similar = self._neighbours(items)
        starts, lengths = self.sequences.indptr[sessions], self.sequences.lengths_of(sessions)
        found = self.sequences.items[ragged(starts, lengths)]
        within = np.arange(len(found)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        gap = within - np.repeat(shared, lengths)
        weights = np.repeat(similar, lengths) * fading(np.abs(gap), self.config.distance)
        weights *= np.where(gap < 0, self.config.backward, np.where(gap > 0, 1.0, self.config.same))
        out += np.bincount(found, weights, len(out)) * (1 + self.config.rarity * self.idf)

    def _neighbours(self, items: Rows) -> tuple[Bounds, Bounds, Doubles]:
        """The most similar sessions, the place in each of the item shared latest, and how similar each is."""
        latest, weights = self._present(items)
        lengths = np.minimum(self.indptr[latest + 1] - self.indptr[latest], self.config.sample)
        which = ragged(self.indptr[latest], lengths)
        sessions, order = np.unique(self.sessions[which], return_inverse=True)
        similar = np.bincount(order, np.repeat(weights, lengths), len(sessions)).astype(np.float64)
        shared = np.zeros(len(sessions), np.int64)
        shared[order[::-1]] = self.places[which][::-1]
        total = len(self.sequences)
        similar /= np.sqrt(np.maximum(self.sequences.lengths_of(sessions), 1))
        similar *= fading((total - sessions) / max(total, 1), self.config.age)
        if len(sessions) > self.config.neighbours:
            kept = np.argpartition(-similar, self.config.neighbours)[: self.config.neighbours]
            sessions, shared, similar = sessions[kept], shared[kept], similar[kept]
        return sessions, shared, similar

    def _present(self, items: Rows) -> tuple[Bounds, Doubles]:
        """The present session's different items, the latest first, and what each counts."""
        backwards = items[::-1].astype(np.int64)
        _, places = np.unique(backwards, return_index=True)
        places = np.sort(places)
        latest = backwards[places]
        return latest, fading(places, self.config.recency) * (1 + self.config.rarity * self.idf[latest])


def fading(age: NDArray[np.generic], scale: float) -> Doubles:
    """1 at age 0, e⁻¹ at the ``scale``; 1 throughout where that is 0."""
    return np.exp(-age.astype(np.float64) / scale) if scale else np.ones(len(age))


def train(lessons: Lessons, seed: int = 0, progress: Progress = silent, config: Config | None = None) -> Vstan:
    """Remembers. ``seed`` changes nothing."""
    sequences = lessons.sequences
    owners = sequences.owners()
    places = np.arange(len(owners)) - np.repeat(sequences.indptr[:-1], sequences.lengths)
    order = np.lexsort((-places, -owners, sequences.items))
    kept = _first_of_each(sequences.items[order], owners[order])
    order = order[kept]
    counts = np.bincount(sequences.items[order], minlength=lessons.items)
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    idf = np.log((len(sequences) + 1) / (counts + 1)) / np.log(len(sequences) + 2)
    return Vstan(config or Config(), sequences, indptr, owners[order], places[order], idf.astype(np.float32))


def _first_of_each(items: Rows, owners: Bounds) -> NDArray[np.bool_]:
    """True where an item is not of the same session as the one before it."""
    new = np.ones(len(items), bool)
    new[1:] = (items[1:] != items[:-1]) | (owners[1:] != owners[:-1])
    return new
