"""How much is known of whom a recommendation is for."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Bounds


class Context(IntEnum):
    """By how many items the history has: up to two, up to nine, more."""

    ANONYMOUS = 0
    SPARSE = 1
    KNOWN = 2


FROM = (0, 3, 10)


def contexts_of(lengths: Bounds) -> NDArray[np.int64]:
    """(B,) the context of each history by its length (B,)."""
    return np.searchsorted(FROM, lengths, side="right") - 1
