"""The next-item model for some items alone: nothing here touches all N of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.nextitem.model import NextItem

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Spoken(NamedTuple):
    """``items`` (M,) rows in rising order, each once; ``gains`` (M,) what the recent items say for each."""

    items: Ints
    gains: Floats


def spoken(model: NextItem, recent: Sequence[int]) -> Spoken:
    """``recent``: rows of the latest items, latest first. Gains are those of ``ml.nextitem.score``."""
    columns: list[Ints] = [np.zeros(0, np.int32)]
    gains: list[Floats] = [np.zeros(0, np.float32)]
    weight = 1.0
    for item in recent[: model.config.recent]:
        for part, share in ((model.forward, weight), (model.backward, weight * model.config.backward)):
            indices, values = part.row(item)
            columns.append(indices)
            gains.append(values * np.float32(share))
        weight *= model.config.decay
        if weight < 1e-3:
            break
    found = np.concatenate(columns)
    if not len(found):
        return Spoken(found, np.zeros(0, np.float32))
    items, place = np.unique(found, return_inverse=True)
    return Spoken(items, np.bincount(place, np.concatenate(gains), len(items)).astype(np.float32))


def neighbours(model: NextItem, recent: Sequence[int], count: int) -> Ints:
    """Rows of the ``count`` items that the recent ones speak most for, the best first, equal ones by row; the recent
    ones are among them where they speak for one another."""
    said = spoken(model, recent)
    order = np.lexsort((said.items, -said.gains))[:count]
    return said.items[order]


class Some(NamedTuple):
    """(K,) each: see ``ml.nextitem.score.Scores``."""

    total: Floats
    by_item: Floats
    by_popularity: Floats


def score_some(model: NextItem, recent: Sequence[int], candidates: Ints) -> Some:
    """The scores of ``ml.nextitem.score`` for ``candidates`` (K,) alone; rows below 0 have none."""
    said, known, there = spoken(model, recent), np.maximum(candidates, 0), candidates >= 0
    if not len(model.prior):
        return Some(*(np.zeros(len(candidates), np.float32) for _ in range(3)))
    by_popularity = np.where(there, np.float32(model.config.popularity) * model.prior[known], np.float32(0))
    by_item = np.zeros(len(candidates), np.float32)
    if len(said.items):
        place = np.minimum(np.searchsorted(said.items, known), len(said.items) - 1)
        by_item = np.where((said.items[place] == known) & there, said.gains[place], np.float32(0))
    total = by_item + by_popularity
    if model.config.affinity and recent:
        total = total * (1 + np.float32(model.config.affinity) * _affinity(model, recent, known))
    return Some(np.asarray(total, np.float32), by_item, by_popularity)


def _affinity(model: NextItem, recent: Sequence[int], candidates: Ints) -> Floats:
    recent = recent[: model.config.recent]
    shares = np.zeros(len(model.categories) + 1, np.float32)  # the last stands for "no category"
    for item in recent:
        if model.category[item] >= 0:
            shares[model.category[item]] += 1 / len(recent)
    return shares[model.category[candidates]]


def pairs(model: NextItem, items: Sequence[int], others: Ints) -> Floats:
    """(S, K) what each of ``items`` (S,) says for each of ``others`` (K,), before any weight by recency; rows of
    ``others`` below 0 get 0."""
    out = np.zeros((len(items), len(others)), np.float32)
    for place, item in enumerate(items):
        for part, share in ((model.forward, 1.0), (model.backward, model.config.backward)):
            indices, values = part.row(item)
            if len(indices):
                at = np.minimum(indices.searchsorted(others), len(indices) - 1)
                out[place] += np.float32(share) * values[at] * (indices[at] == others)
    return out
