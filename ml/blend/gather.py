"""What members say of the candidates of many queries: what weights are learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.blend.contexts import contexts_of
from ml.blend.forms import Form, on_one_scale
from ml.evaluation.ranking import BATCH, hide
from ml.ranker import Ranker
from ml.sequences import Bounds, Floats, Queries, Rows, Sequences


@dataclass(frozen=True, slots=True)
class Member:
    """A model in a blend. ``floor``: of shares, see ``on_one_scale``."""

    name: str
    form: Form
    floor: float = 0.0


@dataclass(frozen=True, slots=True)
class Gathered:
    """The candidates of query q are at ``indptr[q]:indptr[q + 1]``: ``items`` (C,) and ``features`` (C, M), a column a
    member. ``targets`` (Q,) is the target's place among all candidates, -1 where it is none of them; ``contexts`` and
    ``persons`` (Q,)."""

    indptr: Bounds
    items: Rows
    features: Floats
    targets: Bounds
    contexts: NDArray[np.int64]
    persons: Bounds

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, chosen: NDArray[np.int64]) -> "Gathered":
        """These queries alone."""
        whole = Sequences(self.indptr, np.arange(len(self.items), dtype=np.int32)).take(chosen)
        targets = self.targets[chosen]
        moved = np.where(targets < 0, -1, targets - self.indptr[chosen] + whole.indptr[:-1])
        kept = whole.items
        return Gathered(
            whole.indptr, self.items[kept], self.features[kept], moved, self.contexts[chosen], self.persons[chosen]
        )

    def answerable(self) -> "Gathered":
        """The queries whose target is among the candidates."""
        return self.take(np.flatnonzero(self.targets >= 0))

    def members(self, columns: Sequence[int]) -> "Gathered":
        """With these members alone."""
        return Gathered(
            self.indptr, self.items, self.features[:, list(columns)], self.targets, self.contexts, self.persons
        )


def gather(models: Mapping[str, Ranker], members: Sequence[Member], queries: Queries, each: int) -> Gathered:
    """Each member's best ``each`` items of every query. Of several targets each is a query of its own; those that are
    unknown, or hidden because they came before, are left out.

    The target is not added where no member has it: all others are there because they score high, so that what was
    learned of it would be that high scores are wrong.
    """
    asked = one_by_one(queries)
    asked_for: list[int] = []
    sizes, items, features, targets = [], [], [], []
    for begin in range(0, len(asked), BATCH):
        some = asked.take(slice(begin, begin + BATCH))
        said = [_said(models[member.name], member, some) for member in members]
        for row, target in enumerate(some.targets.items):
            if not np.isfinite(said[0][row, target]):
                continue
            asked_for.append(begin + row)
            found = candidates([scores[row] for scores in said], each)
            place = int(np.searchsorted(found, target))
            sizes.append(len(found))
            items.append(found)
            targets.append(place if place < len(found) and found[place] == target else -1)
            features.append(np.stack([scores[row, found] for scores in said], axis=1))
    indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    within = np.array(targets, np.int64)
    return Gathered(
        indptr,
        np.concatenate(items).astype(np.int32),
        np.concatenate(features),
        np.where(within < 0, -1, indptr[:-1] + within),
        contexts_of(asked.history.lengths)[asked_for],
        asked.persons[asked_for],
    )


def candidates(said: Sequence[Floats], each: int) -> NDArray[np.int64]:
    """The items (K,) that any member ranks among its best, by row."""
    best = [np.argpartition(-scores, min(each, len(scores) - 1))[:each] for scores in said]
    found = np.unique(np.concatenate(best))
    return np.asarray(found[np.isfinite(said[0][found])], np.int64)


def one_by_one(queries: Queries) -> Queries:
    """The same with one known target each."""
    owners = queries.targets.owners()
    kept = np.flatnonzero(queries.targets.items >= 0)
    single = queries.take(owners[kept])
    targets = Sequences(np.arange(len(kept) + 1, dtype=np.int64), queries.targets.items[kept])
    return Queries(single.history, targets, queries.hidden, single.persons)


def _said(model: Ranker, member: Member, queries: Queries) -> Floats:
    return hide(on_one_scale(model.scores(queries.history), member.form, member.floor), queries)
