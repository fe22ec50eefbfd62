"""A model whose items have other rows than ours, asked by our rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.ranker import Ranker
from ml.sequences import Floats, Sequences


@dataclass(frozen=True, slots=True)
class Renamed:
    """``places`` (N,): the row in ``model`` of each of our items, -1 for those that it does not know."""

    model: Ranker
    places: NDArray[np.int64]

    def scores(self, history: Sequences) -> Floats:
        """(B, N): -inf for what the model does not know, which is left out of histories too."""
        theirs = self.places[history.items]
        known = theirs >= 0
        before = np.concatenate(([0], np.cumsum(known)))
        asked = Sequences(before[history.indptr].astype(np.int64), theirs[known].astype(np.int32))
        found = self.model.scores(asked)
        return np.where(self.places >= 0, found[:, np.maximum(self.places, 0)], np.float32(-np.inf))


def places(ours: tuple[str, ...], theirs: tuple[str, ...]) -> NDArray[np.int64]:
    """(N,) the row among ``theirs`` of each of our names, or -1."""
    rows = {name: row for row, name in enumerate(theirs)}
    return np.array([rows.get(name, -1) for name in ours], np.int64)
