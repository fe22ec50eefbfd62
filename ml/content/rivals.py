"""What the content model has to beat: simpler ways from attributes to items that nobody has looked at yet."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ml.baselines.incidence import incidence
from ml.content.cold import SHOWN, Asked, Cold
from ml.sequences import Attributes, Field, Floats, Sequences

RIDGE = 10.0


def overlap(attributes: Attributes, cold: Cold, asked: Asked) -> Floats:
    """(Q, R) cosines of attributes weighted by how rare they are, summed over the history with weights 1, 1/2, 1/3 …
    from its latest item back."""
    having = described(attributes)
    rarity = np.log(attributes.items / np.maximum(having.sum(axis=0), 1))
    rare = having @ sparse.diags_array(rarity.astype(np.float32))
    lengths = np.sqrt(np.asarray(rare.multiply(rare).sum(axis=1)).ravel())
    vectors = sparse.csr_array(sparse.diags_array((1 / np.maximum(lengths, 1e-9)).astype(np.float32)) @ rare)
    return np.asarray(
        (_recent(asked.history, attributes.items) @ vectors @ vectors[cold.removed].T).toarray(), np.float32
    )


def ridge(attributes: Attributes, cold: Cold, asked: Asked) -> Floats:
    """(Q, R): co-occurrence with each item, as a linear function of the item's attributes, by ridge regression over
    the items of the lessons; counts are cosines, as in ItemKNN."""
    seen = incidence(cold.lessons, attributes.items)
    counts = np.asarray(seen.sum(axis=0)).ravel()
    scale = sparse.diags_array((1 / np.sqrt(np.maximum(counts, 1))).astype(np.float32))
    pairs = sparse.csr_array(scale @ (seen.T @ seen) @ scale)
    pairs.setdiag(0)
    having = described(attributes)
    taught = having[np.flatnonzero(counts)]
    inverse = np.linalg.inv((taught.T @ taught).toarray() + RIDGE * np.eye(having.shape[1], dtype=np.float32))
    spoken_for = _recent(asked.history, attributes.items) @ (pairs @ having)
    return np.asarray(spoken_for @ (inverse @ having[cold.removed].T.toarray()), np.float32)


def described(attributes: Attributes) -> sparse.csr_array:
    """(N, F) float32, 1 where an item has a code; the codes of all fields side by side."""
    fields = [Sequences(field.indptr, field.codes) for field in attributes.fields.values()]
    sizes = [field.size for field in attributes.fields.values()]
    return sparse.csr_array(
        sparse.hstack([incidence(field, size) for field, size in zip(fields, sizes, strict=True)], format="csr")
    )


def most_general(field: Field) -> NDArray[np.int64]:
    """(N,) of each item's codes the one that most items have; -1 for an item without any."""
    items = len(field.indptr) - 1
    owners = np.repeat(np.arange(items), np.diff(field.indptr))
    common = np.bincount(field.codes, minlength=field.size)[field.codes]
    order = np.lexsort((-field.codes, common, owners))
    found = np.full(items, -1, np.int64)
    found[owners[order]] = field.codes[order]
    return found


def random_of(category: NDArray[np.int64], cold: Cold, asked: Asked, like: NDArray[np.int64]) -> float:
    """Recall@20 to be expected of 20 removed items drawn from those of the category ``like`` (Q,)."""
    right = category[asked.targets] == like
    many = np.bincount(category[cold.removed] + 1, minlength=int(category.max(initial=-1)) + 2)[like + 1]
    return float((right * np.minimum(1.0, SHOWN / np.maximum(many, 1))).mean()) if len(asked.targets) else 0.0


def latest(asked: Asked) -> NDArray[np.int64]:
    """(Q,) the latest item of each history."""
    return asked.history.items[asked.history.indptr[1:] - 1].astype(np.int64)


def _recent(history: Sequences, items: int) -> sparse.csr_array:
    """(Q, N) 1 over how many places ago."""
    ago = np.repeat(history.indptr[1:], history.lengths) - np.arange(len(history.items))
    return sparse.csr_array(((1 / ago).astype(np.float32), history.items, history.indptr), (len(history), items))
