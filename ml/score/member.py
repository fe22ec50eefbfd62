"""What a model is at request time: it hears one person's history once, and then scores candidates, ``SIZE`` at a time.

Candidates fill a block of a multiple of ``STEP`` rows: no matrix product has an odd end, which the loops of a BLAS add
up in another way than the rest.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows

SIZE, STEP = 512, 64
PLACES = np.arange(SIZE, dtype=np.int16)
#: What counts less beside the latest item is below what float32 can tell.
LEAST = 1e-7
#: What a model made of a history: arrays that are never changed again.
Told = tuple[NDArray[Any], ...]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Seen:
    """A history. ``rows`` (T,): oldest first. ``items`` (D,): its different items, the latest first, and ``after``
    (D,): how many came after each. All int64."""

    rows: Places
    items: Places
    after: Places

    @classmethod
    def of(cls, history: Rows) -> "Seen":
        """From item rows, oldest first."""
        latest: dict[int, int] = {}
        for after, item in enumerate(reversed(history.tolist())):
            latest.setdefault(item, after)
        items = np.fromiter(latest, np.intp, len(latest))
        return cls(history.astype(np.intp), items, np.fromiter(latest.values(), np.intp, len(latest)))


class Block:
    """``rows`` (B,), B at most SIZE: the candidates, the first of them once more in what is left over. ``place`` (N,):
    where a candidate stands among them, SIZE for all others."""

    def __init__(self, items: int) -> None:
        self.place = np.full(items, SIZE, np.int16)
        self._all = np.zeros(SIZE, np.intp)
        self.rows = self._all[:0]

    def take(self, candidates: NDArray[np.integer]) -> None:
        """These candidates, at least 1 and at most SIZE."""
        count = len(candidates)
        self.rows = self._all[: -(-count // STEP) * STEP]
        self.rows[:count] = candidates
        self.rows[count:] = self.rows[0]
        self.place[self.rows[:count]] = PLACES[:count]

    def leave(self) -> None:
        """No candidates: as it was."""
        self.place[self.rows] = SIZE


class Served(Protocol):
    """A model that is ready to be asked. It keeps room to work in, so it serves one thread."""

    def tell(self, seen: Seen) -> Told:
        """What it makes of a history."""

    def scores(self, told: Told, block: Block) -> Floats:
        """(B,) of the block's rows: logits, or parts of the sum over all N items. The array is used again for the
        next answer."""
