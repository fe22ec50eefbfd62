"""What models learn from: lists of items in the order of their time, and the attributes of items. Arrays alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]
Bounds = NDArray[np.int64]
Floats = NDArray[np.float32]
Hidden = Literal["history", "latest", "none"]


@dataclass(frozen=True, slots=True)
class Sequences:
    """S lists of item rows, each in the order of its time; list i is ``items[indptr[i]:indptr[i + 1]]``.

    ``indptr``: (S+1,) int64. ``items``: (M,) int32. The lists too are in the order of time, where that matters.
    """

    indptr: Bounds
    items: Rows

    @classmethod
    def of(cls, lists: Iterable[Sequence[int]]) -> Self:
        """From lists of item rows."""
        kept = [np.asarray(each, np.int32) for each in lists]
        indptr = np.zeros(len(kept) + 1, np.int64)
        np.cumsum([len(each) for each in kept], out=indptr[1:])
        return cls(indptr, np.concatenate(kept) if kept else np.zeros(0, np.int32))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, i: int) -> Rows:
        return self.items[self.indptr[i] : self.indptr[i + 1]]

    def __iter__(self) -> Iterator[Rows]:
        return (self[i] for i in range(len(self)))

    @property
    def lengths(self) -> Bounds:
        """(S,) how many items each list has."""
        return np.diff(self.indptr)

    def lengths_of(self, places: Bounds) -> Bounds:
        """How many items the lists at these places have."""
        return self.indptr[places + 1] - self.indptr[places]

    def take(self, chosen: NDArray[np.integer] | slice) -> "Sequences":
        """The lists at these places, in this order."""
        places = np.arange(len(self))[chosen]
        lengths = self.lengths[places]
        indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        return Sequences(indptr, self.items[ragged(self.indptr[places], lengths)])

    def last(self, n: int) -> "Sequences":
        """Each list's latest ``n`` items."""
        lengths = np.minimum(self.lengths, n)
        indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        return Sequences(indptr, self.items[ragged(self.indptr[1:] - lengths, lengths)])

    def without_last(self) -> "Sequences":
        """Each list without its latest item."""
        lengths = np.maximum(self.lengths - 1, 0)
        indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        return Sequences(indptr, self.items[ragged(self.indptr[:-1], lengths)])

    def owners(self) -> Bounds:
        """(M,) which list each item is of."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def padded(self, n: int) -> Rows:
        """(S, n) the latest ``n`` items of each list, -1 pads on the left."""
        out = np.full((len(self), n), -1, np.int32)
        latest = self.last(n)
        lengths = latest.lengths
        within = np.arange(len(latest.items)) - np.repeat(latest.indptr[:-1], lengths)
        out[latest.owners(), within + np.repeat(n - lengths, lengths)] = latest.items
        return out


def ragged(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The whole numbers of the ranges ``start … start + length``, one range after the other."""
    ends = np.cumsum(lengths)
    within = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    moved: NDArray[np.int64] = within + np.repeat(starts - (ends - lengths), lengths)
    return moved


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute of N items: item i has ``codes[indptr[i]:indptr[i + 1]]``, of 0 … ``size`` - 1; none is allowed."""

    indptr: Bounds
    codes: Rows
    size: int

    @classmethod
    def of(cls, lists: Iterable[Sequence[int]], size: int) -> Self:
        """From each item's codes. Raises ValueError where a code is not below ``size``."""
        rows = Sequences.of(lists)
        if len(rows.items) and not 0 <= int(rows.items.min()) <= int(rows.items.max()) < size:
            raise ValueError(f"codes have to be from 0 to {size - 1}")
        return cls(rows.indptr, rows.items, size)


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a catalogue's items, by the field's name: category, brand, colour, tokens of the title …"""

    items: int
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Queries:
    """What is asked of a model, and what came: after ``history[i]`` came ``targets[i]``, -1 an item unknown to it.

    ``hidden``: which items cannot be the answer: those of the whole ``history``, the ``latest`` alone, or ``none``.
    ``persons``: (Q,) who is asked about, as a number; queries of one person are not independent, and where lessons are
    ``personal`` it is the place of the person's sequence there, or beyond the last.
    """

    history: Sequences
    targets: Sequences
    hidden: Hidden
    persons: Bounds

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, chosen: NDArray[np.integer] | slice) -> "Queries":
        """These queries alone."""
        return Queries(self.history.take(chosen), self.targets.take(chosen), self.hidden, self.persons[chosen])
