"""What a ranking is worth, query by query, each 0 … 1. With one target a query, recall@k and hr@k are the same.

hr@k: whether any target is among the first k. recall@k: which part of the targets is. ndcg@k: gains discounted by
1 / log2(place + 1), over the best that the targets allow (Järvelin & Kekäläinen 2002). mrr@k: 1 / place of the first
target, 0 beyond k.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.ranking import Ranked
from ml.sequences import Attributes, Rows, Sequences

Doubles = NDArray[np.float64]


def hit_rate(ranks: Sequences, k: int) -> Doubles:
    """(Q,) 1 where a target is among the first ``k``."""
    return (_best(ranks) <= k).astype(np.float64)


def recall(ranks: Sequences, k: int) -> Doubles:
    """(Q,) the part of the targets among the first ``k``."""
    return _summed(ranks, ranks.items <= k) / np.maximum(ranks.lengths, 1)


def ndcg(ranks: Sequences, k: int) -> Doubles:
    """(Q,) normalised discounted cumulative gain."""
    gains = np.where(ranks.items <= k, 1 / np.log2(ranks.items.astype(np.float64) + 1), 0.0)
    ideal = np.concatenate(([0.0], np.cumsum(1 / np.log2(np.arange(k) + 2.0))))
    return _summed(ranks, gains) / ideal[np.clip(ranks.lengths, 1, k)]


def reciprocal_rank(ranks: Sequences, k: int) -> Doubles:
    """(Q,) 1 / place of the first target, 0 beyond ``k``."""
    best = _best(ranks)
    return np.where(best <= k, 1 / best, 0.0)


def by_query(ranked: Ranked) -> dict[str, Doubles]:
    """All of them, (Q,) each, by their names."""
    ranks = ranked.ranks
    return {
        "hr@10": hit_rate(ranks, 10),
        "hr@20": hit_rate(ranks, 20),
        "ndcg@10": ndcg(ranks, 10),
        "mrr@20": reciprocal_rank(ranks, 20),
        "recall@20": recall(ranks, 20),
    }


def means(measured: Mapping[str, Doubles]) -> dict[str, float]:
    """Each metric over all queries; 0 where there are none."""
    return {name: float(values.mean()) if len(values) else 0.0 for name, values in measured.items()}


def coverage(lists: Rows, items: int) -> float:
    """The part of the catalogue that is in any list."""
    return len(np.unique(lists[lists >= 0])) / max(items, 1)


def diversity(lists: Rows, attributes: Attributes, field: str) -> float:
    """Intra-list diversity (Ziegler et al. 2005): how different two items of a list are, 1 - Jaccard of their codes of
    ``field``, meaned over all pairs of all lists. Items without codes differ wholly from all."""
    codes = attributes.fields[field]
    differing, pairs = 0.0, 0
    for row in lists:
        known = row[row >= 0]
        sets = [frozenset(codes.codes[codes.indptr[i] : codes.indptr[i + 1]].tolist()) for i in known]
        for place, one in enumerate(sets):
            differing += sum(1 - len(one & other) / max(len(one | other), 1) for other in sets[:place])
        pairs += len(sets) * (len(sets) - 1) // 2
    return differing / max(pairs, 1)


def _best(ranks: Sequences) -> Doubles:
    """(Q,) the place of the first target; infinite without one."""
    best = np.full(len(ranks), np.inf)
    np.minimum.at(best, ranks.owners(), ranks.items.astype(np.float64))
    return best


def _summed(ranks: Sequences, values: NDArray[np.generic]) -> Doubles:
    sums = np.bincount(ranks.owners(), weights=values.astype(np.float64), minlength=len(ranks))
    return np.asarray(sums, np.float64)
