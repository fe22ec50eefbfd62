"""A blend at request time: one person a call, candidates alone, never all N items. Built once for an artefact.

It keeps room to work in, so a scorer serves one thread. What it answers depends on nothing that it answered before.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artefacts import Artefact, open_
from ml.baselines.ease import Ease
from ml.baselines.ials import Ials
from ml.baselines.itemknn import ItemKNN
from ml.baselines.popularity import Popularity
from ml.baselines.transitions import Transitions
from ml.baselines.vstan import Vstan
from ml.blend.contexts import FROM, Context, contexts_of
from ml.blend.forms import Form
from ml.blend.score import Blend
from ml.content.score import Content
from ml.ncf.score import Ncf
from ml.ranker import Ranker
from ml.score import shares
from ml.score.ann import ROLE, Index, exact, opened
from ml.score.blend import Scored, load
from ml.score.dots import Room, ServedContent, ServedNcf, ServedSession
from ml.score.member import SIZE, Block, Seen, Served, Told
from ml.sequences import Floats, Rows
from ml.session.score import Session

SERVED: Mapping[type, Callable[[Any, Room], Served]] = {
    Ncf: ServedNcf,
    Session: ServedSession,
    Content: ServedContent,
    Transitions: lambda model, room: shares.ServedTable(model.table, model.recency),
    ItemKNN: lambda model, room: shares.ServedTable(model.similar, model.decay),
    Vstan: lambda model, room: shares.ServedVstan(model),
    Popularity: lambda model, room: shares.ServedPopularity(model),
    Ease: lambda model, room: shares.ServedEase(model),
    Ials: lambda model, room: shares.ServedIals(model),
}
#: By the length of the history; the last for all that are longer.
CONTEXTS = tuple(Context(int(each)) for each in contexts_of(np.arange(FROM[-1] + 1)))
Weights = list[tuple[int, np.float32]]
#: No history's own array has so many numbers.
LARGE = 1 << 17
NONE: tuple[Rows, Floats] = np.zeros(0, np.int32), np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A history (T,) of item rows, oldest first, as each model of one artefact (``model``: its digest) hears it."""

    model: str
    seen: Seen
    context: Context
    told: Mapping[str, Told]

    @property
    def size(self) -> int:
        """Bytes of all arrays that are its own: a model may hand out one of all its items."""
        return sum(array.nbytes for told in self.told.values() for array in told if array.size < LARGE)


class Scorer:
    """``items``: N. ``names``: the members, in the order of ``Scored.parts``. ``digest``: of the artefact."""

    def __init__(self, blend: Blend, indexes: Mapping[str, Index] | None = None, digest: str = "") -> None:
        """``indexes``: by member; those that have vectors and no index are searched item by item. Raises TypeError for
        a member that cannot be served."""
        self.names = tuple(member.name for member in blend.members)
        self.digest, self._members, self._calibration = digest, blend.members, blend.calibration
        self._learned = [self._named(dict(zip(self.names, row.tolist(), strict=True))) for row in blend.weights]
        room = Room()
        self._served = {name: served(blend.models[name], room) for name in self.names}
        self._indexes = dict(indexes or {})
        for name in self.names:
            if name not in self._indexes and (made := exact(blend.models[name])):
                self._indexes[name] = made
        self.items = items_of(blend.models[self.names[0]])
        self._block, self._mark = Block(self.items), np.zeros(self.items, np.int32)

    def encode(self, history: Rows) -> Encoded:
        """``history`` (T,): item rows, oldest first, may be empty. Good for any number of searches and scorings. Raises
        IndexError for a row that is none."""
        self._check(history)
        seen, context = Seen.of(history), CONTEXTS[min(len(history), len(CONTEXTS) - 1)]
        wanted = {*self._indexes, *(self.names[row] for row, _ in self._learned[context])}
        told = {name: self._served[name].tell(seen) for name in self.names if name in wanted}
        return Encoded(self.digest, seen, context, told)

    def score(
        self,
        encoded: Encoded,
        candidates: Rows,
        weights: Mapping[str, float] | None = None,
        without: str | None = None,
    ) -> Scored:
        """``candidates`` (K,): different item rows. Equal to ``Blend.scores`` but for what is the same for all.

        ``weights``: by member, instead of those learned for the history's context; who is not named has none.
        ``without``: a member that is not heard. The calibration stays that of the learned weights. Raises ValueError
        where no member has any weight, IndexError for a row that is none.
        """
        self._check(candidates)
        used = self._used(encoded.context, weights, without)
        parts = np.zeros((len(self.names), len(candidates)), np.float32)
        heard = {row: self._told(encoded, self.names[row]) for row, _ in used}
        for begin in range(0, len(candidates), SIZE):
            some = candidates[begin : begin + SIZE]
            self._block.take(some)
            try:
                for row, weight in used:
                    said = self._said(row, heard[row])[: len(some)]
                    np.multiply(said, weight, out=parts[row, begin : begin + SIZE])
            finally:
                self._block.leave()
        total = parts.sum(axis=0)  # row after row, in the order of the members
        return Scored(total, parts, self._probability(total))

    def nearest(self, name: str, encoded: Encoded, k: int) -> tuple[Rows, Floats]:
        """The ``k`` items nearest to the person's or session's vector of a member with vectors, best first, ties by
        row, and how near; none for an empty history. Raises KeyError."""
        index, told = self._indexes[name], self._told(encoded, name)
        return index.search(told[0], k) if len(encoded.seen.rows) else NONE

    def similar(self, name: str, row: int, k: int) -> tuple[Rows, Floats]:
        """The ``k`` items, 50 at most, nearest to an item's own vector, without itself. Raises KeyError, IndexError."""
        if not 0 <= row < self.items:
            raise IndexError("row: not of the catalogue")
        return self._indexes[name].similar(row, k)

    def neighbours(self, encoded: Encoded, k: int, name: str = "transitions") -> tuple[Rows, Floats]:
        """The ``k`` items that a counting member says most of after the history, best first, ties by row; fewer where
        it knows of no more. Raises KeyError."""
        served, told = self._served[name], self._told(encoded, name)
        if not isinstance(served, shares.Sparse):
            raise KeyError(name)
        return shares.best(told, k, self._mark)

    def has(self, name: str) -> bool:
        """Whether there is such a member."""
        return name in self._served

    def _told(self, encoded: Encoded, name: str) -> Told:
        found = encoded.told.get(name)
        return self._served[name].tell(encoded.seen) if found is None else found

    def _said(self, row: int, told: Told) -> Floats:
        """(B,) logarithms."""
        member = self._members[row]
        said = self._served[member.name].scores(told, self._block)
        if member.form is Form.LOGIT:
            return said
        np.maximum(said, 0, out=said)
        said += np.float32(member.floor)
        return np.log(said, out=said)

    def _named(self, weights: Mapping[str, float]) -> Weights:
        return [(row, np.float32(weights[name])) for row, name in enumerate(self.names) if weights.get(name)]

    def _used(self, context: Context, weights: Mapping[str, float] | None, without: str | None) -> Weights:
        used = self._learned[context] if weights is None else self._named(weights)
        if without is not None:
            used = [(row, weight) for row, weight in used if self.names[row] != without]
        if not used:
            raise ValueError("weights: no member of the blend has any")
        return used

    def _probability(self, total: Floats) -> Floats:
        if not len(total):
            return total
        shifted = total.astype(np.float64)
        shifted -= shifted.max()
        shifted -= math.log(float(np.exp(shifted).sum()))
        true = self._calibration.probability(shifted) if self._calibration else np.exp(shifted)
        return np.asarray(true, np.float32)

    def _check(self, rows: NDArray[np.integer]) -> None:
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < self.items:
            raise IndexError("rows: not all of the catalogue")


def open_scorer(folder: Path, artefact: Artefact) -> Scorer:
    """Of a blend's artefact and those that it names; all stays mapped, faiss indexes too. Raises ArtefactError."""
    blend, indexes = load(folder, artefact), {}
    for role, digest in artefact.manifest.members.items():
        name = role.removeprefix(ROLE)
        if role != name and name in blend.models:
            indexes[name] = opened(open_(folder, digest), blend.models[name])
    return Scorer(blend, indexes, artefact.digest)


def served(model: Ranker, room: Room) -> Served:
    """A model, ready to be asked. Raises TypeError."""
    try:
        return SERVED[type(model)](model, room)
    except KeyError:
        raise TypeError(f"a {type(model).__name__} cannot be served") from None


def items_of(model: Any) -> int:
    """N."""
    for field in ("items", "table", "similar", "weights", "share", "idf"):
        if hasattr(model, field):
            return len(getattr(model, field)) if field not in ("table", "similar") else getattr(model, field).shape[0]
    raise TypeError(f"a {type(model).__name__} cannot be served")
