"""What an item is worth: the probability that it is wanted, times what comes of it for the shop.

worth = p · (relevance + revenue · price / m + margin · margin share · price / m + clearance · c), m the mean price of
the candidates, c 1 for what is on clearance. So money is an expectation and never stands for relevance; a price counts
up to ``DEAREST`` means. Unknown prices and margins count as the mean of the others.
"""

import numpy as np

from ml.sequences import Floats, Rows
from queries.recommend.assortment import Assortment
from queries.recommend.weights import Weights

DEAREST = 5.0


def worth(assortment: Assortment, rows: Rows, probability: Floats, weights: Weights) -> Floats:
    """(K,) float32 of the candidates ``rows`` (K,) with ``probability`` (K,)."""
    price = relative_price(assortment, rows)
    share = _known(assortment.margin.take(rows))
    factor = weights.relevance + weights.revenue * price + weights.margin * share * price
    clearance = assortment.clearance.take(rows)
    if clearance.any():
        factor = (factor + weights.clearance * clearance).astype(np.float32)
    return np.asarray(probability * factor, np.float32)


def relative_price(assortment: Assortment, rows: Rows) -> Floats:
    """(K,) prices as parts of their mean; 1 where none is known."""
    cents = assortment.cents.take(rows)
    whole = cents.min(initial=0) >= 0
    priced = cents if whole else cents[cents >= 0]
    if not len(priced):
        return np.ones(len(rows), np.float32)
    mean = max(float(priced.sum(dtype=np.float64)) / len(priced), 1.0)
    relative = np.minimum(cents / mean, DEAREST)
    if not whole:
        relative[cents < 0] = 1.0
    return relative.astype(np.float32)


def _known(margin: Floats) -> Floats:
    """Margins with the mean in the place of unknown ones; 0 where none is known."""
    if not len(margin) or not np.isnan(margin.min()):  # what is unknown is no number
        return margin
    known = margin[margin == margin]
    if not len(known):
        return np.zeros(len(margin), np.float32)
    return np.asarray(np.where(np.isnan(margin), known.mean(), margin), np.float32)
