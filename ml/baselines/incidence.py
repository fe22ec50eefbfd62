"""Which sequence has which item, as sparse matrices."""

import numpy as np
from scipy import sparse

from ml.sequences import Bounds, Floats, Sequences


def incidence(sequences: Sequences, items: int) -> sparse.csr_array:
    """(S, N) float32, 1 where a sequence has the item, however often."""
    ones = np.ones(len(sequences.items), np.float32)
    shape = len(sequences), items
    matrix = sparse.csr_array((ones, sequences.items, sequences.indptr), shape, copy=True)
    matrix.sum_duplicates()  # in place, hence the copy
    matrix.data[:] = 1
    return matrix


def weighted(history: Sequences, items: int, decay: float) -> sparse.csr_array:
    """(B, N) float32, ``decay`` to the power of how many items came after; of one item that comes often, its latest."""
    after = np.repeat(history.indptr[1:], history.lengths) - 1 - np.arange(len(history.items))
    weights = np.power(np.float32(decay), after.astype(np.float32))
    rows, columns, kept = latest(history)
    return sparse.csr_array((weights[kept], (rows, columns)), (len(history), items))


def latest(history: Sequences) -> tuple[Bounds, Bounds, Bounds]:
    """List, item, and place in ``history.items`` of each list's different items, where each comes last."""
    owners, items = history.owners(), history.items.astype(np.int64)
    backwards = np.arange(len(items))[::-1]
    width = int(items.max(initial=0)) + 1
    _, found = np.unique((owners * width + items)[::-1], return_index=True)
    places = backwards[found]
    return owners[places], items[places], places


def top(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    """The ``k`` largest values of each row; of equal ones, those of the lowest columns."""
    matrix.sort_indices()
    lengths = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(matrix.shape[0]), lengths)
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    within = np.arange(len(order)) - np.repeat(matrix.indptr[:-1], lengths)
    kept = np.sort(order[within < k])
    return sparse.csr_array((matrix.data[kept], (rows[kept], matrix.indices[kept])), matrix.shape)


def dense(matrix: sparse.csr_array) -> Floats:
    """The same as a full float32 array."""
    return np.asarray(matrix.toarray(), np.float32)
