"""Features of units as a matrix: numbers standardised, words as one column each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
MOST_COLUMNS = 500


def matrix(numbers: Sequence[Floats], words: Sequence[tuple[Codes, int]]) -> Floats:
    """(n, d): each of ``numbers`` (n,) with mean 0 and deviation 1, then of each of ``words`` (codes (n,), how many
    there are) a 0/1 column for all but the first. Raises ValueError without features, or with too many columns."""
    columns = [_standard(each) for each in numbers]
    columns += [(codes == code).astype(np.float64) for codes, size in words for code in range(1, size)]
    if not columns or len(columns) > MOST_COLUMNS:
        raise ValueError(f"features make {len(columns)} columns; 1 to {MOST_COLUMNS} can be learnt from")
    return np.stack(columns, axis=1)


def _standard(values: Floats) -> Floats:
    deviation = values.std()
    return np.asarray((values - values.mean()) / (deviation if deviation > 0 else 1.0), np.float64)
