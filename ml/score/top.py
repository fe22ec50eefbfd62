"""The best few of many, in one order whatever the machine: best first, ties by row."""

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows


def top(rows: NDArray[np.integer], values: Floats, k: int) -> tuple[Rows, Floats]:
    """``rows`` (F,) and ``values`` (F,) → the ``k`` with the largest values."""
    if k < len(values):
        least = np.partition(values, len(values) - k)[len(values) - k]
        kept = np.flatnonzero(values >= least)
        rows, values = rows[kept], values[kept]
    if len(values) <= k and (values[1:] < values[:-1]).all():  # in order already, as an index gives them
        return rows.astype(np.int32), values
    order = np.lexsort((rows, -values))[:k]
    return rows[order].astype(np.int32), values[order]


def added_up(items: Rows, values: NDArray[np.floating], mark: Rows) -> tuple[Rows, Floats]:
    """``items`` (F,), some more than once, and ``values`` (F,) → the different ones, in the order in which they come,
    and their sums. ``mark`` (N,) is room to work in; what stands in it is of no matter."""
    order = np.arange(len(items), dtype=np.int32)
    mark[items[::-1]] = order[::-1]
    firsts = mark.take(items)
    different = np.flatnonzero(firsts == order)
    sums = np.bincount(firsts, values, len(items))
    return items.take(different), sums.take(different).astype(np.float32)
