"""Scoring: a few sparse rows added up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.nextitem.model import NextItem

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """``total`` (N,) is what to rank by. ``by_item`` (N,) and ``by_popularity`` (N,) are its parts before the category
    factor; ``because`` (N,) is which of the given items speaks most for each, -1 where none does."""

    total: Floats
    by_item: Floats
    by_popularity: Floats
    affinity: Floats
    because: NDArray[np.int16]


def score(model: NextItem, recent: Sequence[int]) -> Scores:
    """Scores all N items. ``recent``: rows of the latest items, latest first; may be empty."""
    n, config = len(model.skus), model.config
    by_item, best = np.zeros(n, np.float32), np.zeros(n, np.float32)
    because = np.full(n, -1, np.int16)
    weight = 1.0
    for rank, item in enumerate(recent[: config.recent]):
        gain = np.zeros(n, np.float32)
        columns, values = model.forward.row(item)
        gain[columns] = weight * values
        columns, values = model.backward.row(item)
        gain[columns] += weight * config.backward * values
        because[gain > best] = rank
        best = np.maximum(best, gain)
        by_item += gain
        weight *= config.decay
        if weight < 1e-3:
            break
    by_popularity = config.popularity * model.prior
    affinity = _affinity(model, recent[: config.recent])
    return Scores(
        (by_item + by_popularity) * (1 + config.affinity * affinity),
        by_item,
        by_popularity,
        affinity,
        because,
    )


def _affinity(model: NextItem, recent: Sequence[int]) -> Floats:
    """(N,) share of each item's category among the recent items."""
    shares = np.zeros(len(model.categories) + 1, np.float32)  # the last stands for "no category"
    for item in recent:
        if model.category[item] >= 0:
            shares[model.category[item]] += 1 / len(recent)
    return shares[model.category]
