"""Items with no history: some are removed from all sequences, then asked for among themselves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows, Sequences, ragged

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """After ``history[i]``, in which no item is removed and at least one is left, came ``targets[i]``, which is."""

    history: Sequences
    targets: Rows


@dataclass(frozen=True, slots=True)
class Cold:
    """``removed`` (R,) rows of items, ascending. ``lessons``: the sequences without them. ``asked``: each time one of
    them came; ``asked_last``: where it was a sequence's last, so that no lesson is later than it."""

    removed: Rows
    lessons: Sequences
    asked: Asked
    asked_last: Asked

    def places(self, items: Rows) -> NDArray[np.int64]:
        """Where removed items stand among the removed."""
        return np.searchsorted(self.removed, items)


def remove(sequences: Sequences, items: int, seed: int, part: float) -> Cold:
    """Removes a random ``part`` of the items that are in any sequence."""
    random = np.random.Generator(np.random.Philox(seed))
    present = np.unique(sequences.items)
    removed = np.sort(random.choice(present, int(len(present) * part), replace=False)).astype(np.int32)
    gone = np.zeros(items, bool)
    gone[removed] = True
    kept = ~gone[sequences.items]
    before = np.concatenate(([0], np.cumsum(kept)))  # how many kept items stand before each place
    lessons = Sequences(before[sequences.indptr].astype(np.int64), sequences.items[kept])
    starts = before[sequences.indptr[:-1]][sequences.owners()]
    lengths = before[:-1] - starts
    asked = ~kept & (lengths > 0)
    ends = np.zeros(len(sequences.items), bool)
    ends[sequences.indptr[1:][sequences.lengths > 0] - 1] = True

    def gather(which: NDArray[np.bool_]) -> Asked:
        indptr = np.concatenate(([0], np.cumsum(lengths[which]))).astype(np.int64)
        history = Sequences(indptr, lessons.items[ragged(starts[which], lengths[which])])
        return Asked(history, sequences.items[which])

    return Cold(removed, lessons, gather(asked), gather(asked & ends))


def recall_at_20(
    scores: Floats, cold: Cold, asked: Asked | None = None, of_kind: NDArray[np.bool_] | None = None
) -> float:
    """The part of the targets that are among the first 20 of the removed items, by ``scores`` (Q, R).

    Items that score the same as the target, as those with the same attributes do, are in random order: what is given
    is the mean over all such orders. ``of_kind`` (Q, R): which items are ranked at all.
    """
    asked = asked or cold.asked
    own = scores[np.arange(len(scores)), cold.places(asked.targets)][:, None]
    better, level = scores > own, scores == own
    if of_kind is not None:
        better, level = better & of_kind, level & of_kind
    found = np.clip((SHOWN - better.sum(axis=1)) / np.maximum(level.sum(axis=1), 1), 0, 1)
    return float(found.mean()) if len(found) else 0.0
