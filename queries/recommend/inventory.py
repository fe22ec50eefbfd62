"""What can be sold, here and now."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows
from queries.recommend.assortment import Assortment


def sellable(assortment: Assortment, rows: Rows, store: str | None) -> NDArray[np.bool_]:
    """(K,) on sale and not out of stock, as far as anybody counts; in a shop, what that shop has."""
    shown: NDArray[np.bool_] = assortment.available.take(rows) != 0
    shown &= assortment.active.take(rows)
    if store is not None:
        shown &= assortment.stock_at(store, rows) != 0
    return shown


def damping(assortment: Assortment, rows: Rows, store: str | None, low: int) -> Floats:
    """(K,) factors: 1 from ``low`` pieces on and where nobody counts, less the fewer there are."""
    pieces = assortment.available.take(rows) if store is None else assortment.stock_at(store, rows)
    return _factors(low)[np.minimum(pieces, low)]


@lru_cache(16)
def _factors(low: int) -> Floats:
    """(low + 1,) by how many there are; the last is 1, and what -1 finds."""
    factors = np.append(np.arange(1, low + 1) / (low + 1), 1.0).astype(np.float32)
    factors.flags.writeable = False
    return factors
