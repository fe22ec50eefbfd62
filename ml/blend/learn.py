"""Weights of the members, by the likelihood of what came next: a conditional logit (McFadden 1974) over candidates.

A blend scores an item with Σ wₘ fₘ, fₘ being a member's logarithm; that is a logarithmic opinion pool, whose weights
are learned rather than given. Weights are not negative. Those of a context are drawn to those of all, the more the
fewer queries it has.
"""

import numpy as np
from numpy.typing import NDArray

from ml.blend.contexts import Context
from ml.blend.gather import Gathered

Weights = NDArray[np.float64]
#: How strongly a context's weights are drawn to those of all: so many queries count as much as the pull.
PULL = 50.0
STEPS = 30
MISSED = 1 << 30
RIDGE = 1e-6
TINY = 1e-12
SMALLEST = 1e-3
#: Less of the loss than this is not worth another step.
ENOUGH = 1e-7


def learn(gathered: Gathered, most: Weights | None = None) -> Weights:
    """(contexts, M) weights. ``most``: (contexts, M) what they may be at most.

    Queries whose target is no candidate tell nothing of how candidates compare, and are left out.
    """
    gathered = gathered.answerable()
    members = gathered.features.shape[1]
    limits = np.full((len(Context), members), np.inf) if most is None else most
    start = np.minimum(np.full(members, 1.0 / members), limits.max(axis=0))
    if not len(gathered):
        return np.tile(start, (len(Context), 1))
    together = _best(gathered, start, limits.max(axis=0), 1 / len(gathered))
    found = [np.minimum(together, limits[context]) for context in Context]
    for context in Context:
        of = np.flatnonzero(gathered.contexts == context)
        if len(of):
            found[context] = _best(gathered.take(of), found[context], limits[context], PULL / len(of))
    return np.stack(found)


def _best(gathered: Gathered, start: Weights, most: Weights, pull: float) -> Weights:
    """Minimises the mean of -log p(target) plus ``pull`` times the squared distance from ``start``: Newton steps, each
    the least squares solution within the bounds. The loss is convex, so that few are enough."""
    from scipy.optimize import lsq_linear  # what serves need not load it

    weights = start
    value, slope, curve = _loss(gathered, weights, start, pull)
    for _ in range(STEPS):
        root = np.linalg.cholesky(curve + RIDGE * max(1.0, np.trace(curve)) * np.eye(len(start)))
        step = lsq_linear(root.T, -np.linalg.solve(root, slope), (-weights - TINY, most - weights + TINY)).x
        size = 1.0
        while size > SMALLEST:
            tried = np.clip(weights + size * step, 0.0, most)
            found = _loss(gathered, tried, start, pull)
            if found[0] < value:
                break
            size /= 2
        if size <= SMALLEST or value - found[0] < ENOUGH:
            break
        weights, (value, slope, curve) = tried, found
    return weights


def _loss(gathered: Gathered, weights: Weights, start: Weights, pull: float) -> tuple[float, Weights, Weights]:
    """The loss at ``weights``, its gradient (M,) and its second derivatives (M, M)."""
    features, queries = gathered.features, len(gathered)
    shares, total = softmax(features @ weights, gathered)
    root = np.sqrt(shares).astype(np.float32)[:, None] * features
    expected = np.add.reduceat(features * shares.astype(np.float32)[:, None], gathered.indptr[:-1]).astype(np.float64)
    wanted = features[gathered.targets].astype(np.float64)
    off = weights - start
    value = float((total - wanted @ weights).mean() + pull * off @ off)
    slope = (expected - wanted).mean(axis=0) + 2 * pull * off
    curve = (root.T @ root).astype(np.float64) / queries - expected.T @ expected / queries
    return value, slope, curve + 2 * pull * np.eye(len(weights))


def softmax(scores: NDArray[np.float64], gathered: Gathered) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(C,) each candidate's share within its query, and (Q,) the logarithm of the sum."""
    begins, sizes = gathered.indptr[:-1], np.diff(gathered.indptr)
    highest = np.maximum.reduceat(scores, begins)
    grown = np.exp(scores - np.repeat(highest, sizes))
    sums = np.add.reduceat(grown, begins)
    return grown / np.repeat(sums, sizes), highest + np.log(sums)


def blended(gathered: Gathered, weights: Weights) -> NDArray[np.float64]:
    """(C,) the blend's score of each candidate."""
    sizes = np.diff(gathered.indptr)
    of = np.repeat(weights[gathered.contexts], sizes, axis=0)
    return np.asarray(np.einsum("cm,cm->c", gathered.features, of), np.float64)


def places(gathered: Gathered, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """(Q,) the place of each target among its candidates, 1 is best, ties counted against the blend; ``MISSED`` where
    it is none of them."""
    wanted = np.repeat(scores[gathered.targets], np.diff(gathered.indptr))
    found = np.add.reduceat((scores >= wanted).astype(np.int64), gathered.indptr[:-1])
    return np.where(gathered.targets < 0, MISSED, found)
