"""What can be sold, here and now."""

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows
from queries.recommend.assortment import Assortment


def sellable(assortment: Assortment, rows: Rows, store: str | None) -> NDArray[np.bool_]:
    """(K,) on sale and not out of stock, as far as anybody counts; in a shop, what that shop has."""
    shown: NDArray[np.bool_] = assortment.active[rows] & (assortment.available[rows] != 0)
    if store is not None:
        shown &= assortment.stock_at(store, rows) != 0
    return shown


def damping(assortment: Assortment, rows: Rows, store: str | None, low: int) -> Floats:
    """(K,) factors: 1 from ``low`` pieces on and where nobody counts, less the fewer there are."""
    pieces = assortment.available[rows] if store is None else assortment.stock_at(store, rows)
    scarce = (pieces >= 0) & (pieces < low)
    return np.asarray(np.where(scarce, (pieces + 1) / (low + 1), 1.0), np.float32)
