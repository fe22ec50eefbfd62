"""Full ranking: each query's targets among all items, no sampling of negatives, ties counted against the model.

Sampled metrics order models differently from what they are (Krichene & Rendle, KDD 2020), so there are none here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.ranker import PersonalRanker, Ranker
from ml.sequences import Floats, Queries, Rows, Sequences

LISTED = 20
BATCH = 256
BEYOND = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Ranked:
    """``ranks``: as ``queries.targets``, the place of each target, 1 is best, ``BEYOND`` for an item unknown to the
    model. ``lists``: (Q, 20) the first items of each answer, -1 where there were fewer."""

    queries: Queries
    ranks: Sequences
    lists: Rows


def rank(model: Ranker, queries: Queries, progress: Callable[[int], None] = lambda done: None) -> Ranked:
    """Asks the model everything, a batch at a time."""
    ranks, lists = [], []
    for begin in range(0, len(queries), BATCH):
        some = queries.take(slice(begin, begin + BATCH))
        scores = hide(_scores(model, some), some)
        ranks.append(places(scores, some.targets))
        lists.append(first(scores, LISTED))
        progress(len(some))
    of_targets = np.concatenate(ranks) if ranks else np.zeros(0, np.int32)
    return Ranked(queries, Sequences(queries.targets.indptr, of_targets), _stacked(lists))


def _scores(model: Ranker, queries: Queries) -> Floats:
    if isinstance(model, PersonalRanker):
        return model.scores_of(queries.history, queries.persons)
    return model.scores(queries.history)


def hide(scores: Floats, queries: Queries) -> Floats:
    """(B, N) the scores, -inf for what cannot be the answer. The array given is changed."""
    hidden = {"history": queries.history, "latest": queries.history.last(1), "none": None}[queries.hidden]
    if hidden is not None:
        scores[hidden.owners(), hidden.items] = -np.inf
    return scores


def places(scores: Floats, targets: Sequences) -> Rows:
    """(M,) the place of each target within its row of ``scores`` (B, N): how many items score as high or higher."""
    of = targets.owners()
    known = targets.items >= 0
    own = scores[of, np.where(known, targets.items, 0)]
    found = np.fromiter(
        (np.count_nonzero(scores[row] >= value) for row, value in zip(of, own, strict=True)), np.int32, len(of)
    )
    return np.where(known & np.isfinite(own), found, BEYOND).astype(np.int32)


def first(scores: Floats, count: int) -> Rows:
    """(B, count) the items with the highest scores, best first, ties by row; -1 after the last that may be shown."""
    count = min(count, scores.shape[1])
    some = np.argpartition(-scores, count - 1, axis=1)[:, :count].astype(np.int32)
    some.sort(axis=1)
    kept = np.take_along_axis(scores, some, axis=1)
    order = np.argsort(-kept, axis=1, kind="stable")
    best = np.take_along_axis(some, order, axis=1)
    return np.where(np.isfinite(np.take_along_axis(kept, order, axis=1)), best, -1).astype(np.int32)


def _stacked(lists: list[NDArray[np.int32]]) -> Rows:
    return np.concatenate(lists) if lists else np.zeros((0, LISTED), np.int32)
