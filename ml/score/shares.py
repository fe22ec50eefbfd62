"""The counting models at request time: sparse rows added up where candidates stand, and their sum over all items."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ml.baselines.ease import Ease
from ml.baselines.ials import Ials
from ml.baselines.popularity import Popularity
from ml.baselines.vstan import Vstan
from ml.score.dots import plain
from ml.score.member import LEAST, SIZE, Block, Seen, Told
from ml.score.top import added_up, top
from ml.sequences import Floats, Rows, Sequences

TINY = 1e-12


class Sparse:
    """Of what is told as items (F,), some more than once, and what each adds (F,); and the sum of it all (1,)."""

    def scores(self, told: Told, block: Block) -> Floats:
        """(B,) each row's part of the sum."""
        items, values, total = told
        sums = np.bincount(block.place.take(items), values, SIZE + 1)
        return np.asarray(sums.take(block.place.take(block.rows)) / total[0], np.float32)


def best(told: Told, k: int, mark: Rows) -> tuple[Rows, Floats]:
    """The ``k`` items with the largest parts of what ``Sparse`` is told, best first, ties by row. ``mark``: see
    ``added_up``."""
    found, values, total = told
    items, sums = added_up(found, values, mark)
    return top(items, sums / np.float32(total[0]), k)


class ServedTable(Sparse):
    """Transitions and ItemKNN: the table's rows of the history's items, each weighted by how many came after."""

    def __init__(self, table: sparse.csr_array, decay: float) -> None:
        self._bounds, self._items, self._values = (plain(x) for x in (table.indptr, table.indices, table.data))
        self._decay = decay

    def tell(self, seen: Seen) -> Told:
        """See ``Sparse``."""
        return self.weighted(seen.items, np.power(self._decay, seen.after))

    def weighted(self, items: NDArray[np.intp], weights: NDArray[np.float64]) -> Told:
        """The same of these rows of the table, (D,), with these weights (D,)."""
        kept = weights >= LEAST
        items, weights = items[kept], weights[kept].astype(np.float32)
        begin, end = self._bounds.take(items).tolist(), self._bounds.take(items + 1).tolist()
        parts = [slice(*bounds) for bounds in zip(begin, end, strict=True)]
        if not parts:
            return np.zeros(0, np.int32), np.zeros(0, np.float32), np.array([TINY])
        found = np.concatenate([self._items[part] for part in parts])
        values = np.concatenate([self._values[part] for part in parts])
        values *= np.repeat(weights, [part.stop - part.start for part in parts])
        return found, values, np.array([max(float(values.sum(dtype=np.float64)), TINY)])


class ServedVstan(Sparse):
    """VSTAN, by its inverted index: at most ``most`` sessions are compared, and ``neighbours`` of them read."""

    def __init__(self, model: Vstan) -> None:
        arrays = (plain(x) for x in (model.indptr, model.sessions, model.places, model.idf))
        remembered = Sequences(plain(model.sequences.indptr), plain(model.sequences.items))
        self._model = Vstan(model.config, remembered, *arrays)
        self._room = self._model.room()

    def tell(self, seen: Seen) -> Told:
        """See ``Sparse``."""
        found, values = self._model.told(seen.rows, self._room)
        return found, values.astype(np.float32), np.array([max(float(values.sum()), TINY)])


class Whole:
    """Of what is told as scores of all items (N,), none negative, and their sum (1,)."""

    def scores(self, told: Told, block: Block) -> Floats:
        """(B,) each row's part of the sum."""
        return np.asarray(told[0].take(block.rows) / told[1][0], np.float32)


class ServedPopularity(Whole):
    """The same for everybody."""

    def __init__(self, model: Popularity) -> None:
        self._told = whole(plain(model.share))

    def tell(self, seen: Seen) -> Told:
        """See ``Whole``."""
        return self._told


class ServedEase(Whole):
    """EASE. Its rows are full, and what is negative is cut off only after they are added up, so N numbers an item of
    the history are read; it is left out above 30,000 items."""

    def __init__(self, model: Ease) -> None:
        self._weights = plain(model.weights)

    def tell(self, seen: Seen) -> Told:
        """See ``Whole``."""
        out = np.zeros(self._weights.shape[1], np.float32)
        for item in seen.items.tolist():
            out += self._weights[item]
        return whole(out)


class ServedIals(Whole):
    """iALS. The sum goes over dot products with all N items: a rival, which no blend has unless asked for."""

    def __init__(self, model: Ials) -> None:
        self._model = Ials(plain(model.items), model.config)

    def tell(self, seen: Seen) -> Told:
        """See ``Whole``."""
        scores: Floats = self._model.scores(Sequences.of([seen.rows.tolist()]))[0]
        return whole(scores)


def whole(scores: Floats) -> Told:
    """What ``Whole`` wants, of scores (N,)."""
    kept = np.maximum(scores, 0)
    return kept, np.array([max(float(kept.sum(dtype=np.float64)), TINY)])
