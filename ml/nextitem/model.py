"""Item-to-item transitions with a popularity prior.

score(j) = (Σ_r decay^r · (T[x_r, j] + backward · T[j, x_r]) + popularity · P(j)) · (1 + affinity · A(category of j)),
where x_0 is the latest item, T[i, j] = C[i, j] / (Σ_j C[i, j] + shrinkage) from the published co-occurrence counts C,
P is the share of recency-weighted interest and A the share of a category among the latest items.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from readmodels.statistics import Statistics

#: Of its artefacts.
KIND = "next-item"
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Config(msgspec.Struct, frozen=True):
    """What training chooses. ``recent``: how many of the latest items count."""

    decay: float = 0.3
    backward: float = 0.3
    popularity: float = 0.01
    affinity: float = 0.0
    shrinkage: float = 1024.0
    recent: int = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """A sparse matrix by rows: ``indices`` and ``values`` of row i are at ``indptr[i]:indptr[i + 1]``."""

    indptr: Ints
    indices: Ints
    values: Floats

    def row(self, i: int) -> tuple[Ints, Floats]:
        """Column indices and values of row ``i``."""
        part = slice(self.indptr[i], self.indptr[i + 1])
        return self.indices[part], self.values[part]


@dataclass(frozen=True, slots=True)
class NextItem:
    """``index``: SKU → row. ``forward`` (N, N), ``backward`` its transpose, ``prior`` (N,), ``category`` (N,) codes."""

    config: Config
    skus: tuple[str, ...]
    index: Mapping[str, int]
    forward: Rows
    backward: Rows
    prior: Floats
    category: Ints
    categories: Mapping[str, int]


def build(statistics: Statistics, categories: Mapping[str, str | None], config: Config) -> NextItem:
    """The model of one published generation of statistics; ``categories`` is SKU → category, where known.

    SKUs that are for sale and that nobody has looked at are in it, with nothing to speak for them.
    """
    skus = (*statistics.skus, *sorted(categories.keys() - set(statistics.skus)))
    names = sorted({name for name in categories.values() if name})
    codes = {name: code for code, name in enumerate(names)}
    forward = _transitions(statistics, len(skus), config.shrinkage)
    return NextItem(
        config,
        skus,
        {sku: i for i, sku in enumerate(skus)},
        forward,
        transpose(forward, len(skus)),
        _prior(statistics, len(skus)),
        np.array([codes.get(categories.get(sku) or "", -1) for sku in skus], np.int32),
        codes,
    )


def _transitions(statistics: Statistics, n: int, shrinkage: float) -> Rows:
    bounds = np.frombuffer(statistics.bounds, "<i8")
    indptr = np.concatenate((bounds, np.full(n + 1 - len(bounds), bounds[-1]))).astype(np.int32)
    indices = np.frombuffer(statistics.others, "<i4").astype(np.int32)
    weights = np.frombuffer(statistics.weights, "<i8").astype(np.float64)
    lengths = np.diff(indptr)
    totals = np.bincount(np.repeat(np.arange(n), lengths), weights, n)
    return Rows(indptr, indices, (weights / np.repeat(totals + shrinkage, lengths)).astype(np.float32))


def transpose(rows: Rows, n: int) -> Rows:
    """The same matrix by columns."""
    of = np.repeat(np.arange(n, dtype=np.int32), np.diff(rows.indptr))
    order = np.argsort(rows.indices, kind="stable")
    lengths = np.bincount(rows.indices, minlength=n)
    return Rows(np.concatenate(([0], np.cumsum(lengths))).astype(np.int32), of[order], rows.values[order])


def _prior(statistics: Statistics, n: int) -> Floats:
    prior = np.zeros(n, np.float64)
    counts = np.frombuffer(statistics.counts, "<i8")
    prior[: len(counts)] = counts
    total = prior.sum()
    return (prior / total if total else prior).astype(np.float32)
