"""Batches of windows of sequences, each about as many clicks, of sequences about as long."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Bounds, Sequences

POOL = 64


def windows(sequences: Sequences, length: int) -> tuple[Sequences, NDArray[np.int64]]:
    """All sequences of two items or more, cut from their ends into windows of up to ``length`` + 1 items; neighbours
    share one item, so that each item but a sequence's first is predicted exactly once. And which sequence each window
    is of."""
    starts, lengths, owners = [], [], []
    for owner, (begin, size) in enumerate(zip(sequences.indptr[:-1].tolist(), sequences.lengths.tolist(), strict=True)):
        end = size
        while end > 1:
            first = max(0, end - length - 1)
            starts.append(begin + first)
            lengths.append(end - first)
            owners.append(owner)
            end = first + 1
    sizes = np.array(lengths, np.int64)
    indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], sizes)
    items = sequences.items[np.repeat(np.array(starts, np.int64), sizes) + within]
    return Sequences(indptr, items), np.array(owners, np.int64)


def batches(lengths: Bounds, clicks: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Places of sequences, ``clicks`` items a batch with its padding, in random order."""
    order = random.permutation(len(lengths))
    found: list[NDArray[np.int64]] = []
    share = max(1, int(clicks / max(float(lengths.mean()), 1.0))) * POOL
    for begin in range(0, len(order), share):
        pool = order[begin : begin + share]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        found.extend(_cut(pool, lengths, clicks))
    for which in random.permutation(len(found)):
        yield found[which]


def _cut(pool: NDArray[np.int64], lengths: Bounds, clicks: int) -> Iterator[NDArray[np.int64]]:
    """``pool`` is sorted by length, so the last of a batch is the longest of it."""
    begin = 0
    for end in range(1, len(pool) + 1):
        if end == len(pool) or (end + 1 - begin) * lengths[pool[end]] > clicks:
            yield pool[begin:end]
            begin = end


def right_padded(sequences: Sequences, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """(B, T) items of these sequences, -1 pads on the right."""
    some = sequences.take(places)
    lengths = some.lengths
    out = np.full((len(places), int(lengths.max())), -1, np.int64)
    out[some.owners(), np.arange(len(some.items)) - np.repeat(some.indptr[:-1], lengths)] = some.items
    return out
