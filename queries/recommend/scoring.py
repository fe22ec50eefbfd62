"""What the models say of the candidates, as the probability that each is what the person wants next."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.nextitem.sparse import score_some
from ml.score.scorer import Encoded
from ml.sequences import Floats, Rows
from queries.recommend.history import Past
from queries.recommend.serving import Learned, Serving

#: Members where no blend is in use yet: what the live statistics say.
COUNTED = ("next-item", "popularity", "category")


@dataclass(frozen=True, slots=True)
class Relevance:
    """``probability`` (K,); ``parts`` (M, K) what each member in ``names`` adds, as logarithms or as shares."""

    probability: Floats
    names: tuple[str, ...]
    parts: Floats


def learned(
    model: Learned, encoded: Encoded, rows: Rows, weights: Mapping[str, float] | None = None, without: str | None = None
) -> Relevance:
    """Of a blend. An item that it does not know yet counts as the least of those that it does."""
    own = model.rows.of.take(rows)
    if len(own) and own.min() >= 0:
        scored = model.scorer.score(encoded, own, weights, without)
        return Relevance(scored.probability, model.scorer.names, scored.parts)
    known = own >= 0
    if not known.any():
        return Relevance(np.zeros(len(rows), np.float32), model.scorer.names, np.zeros((0, len(rows)), np.float32))
    scored = model.scorer.score(encoded, own[known], weights, without)
    probability = np.full(len(rows), scored.probability.min(), np.float32)
    probability[known] = scored.probability
    parts = np.repeat(scored.parts.min(axis=1, keepdims=True), len(rows), axis=1)
    parts[:, known] = scored.parts
    return Relevance(probability, model.scorer.names, parts)


def counted(serving: Serving, past: Past, rows: Rows) -> Relevance:
    """Of the live statistics: what follows the latest items, and what is popular."""
    trends = serving.trends
    recent = [row for row in (int(trends.rows.of[seen]) for seen, _ in past.latest()) if row >= 0]
    own = trends.rows.of[rows]
    said = score_some(trends.model, recent, own)
    parts = np.stack((said.by_item, said.by_popularity, said.total - said.by_item - said.by_popularity))
    return Relevance(np.minimum(said.total, np.float32(1)), COUNTED, parts)
