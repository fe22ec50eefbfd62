"""The items nearest to a vector: by faiss, an inverted file over 8-bit codes, or item by item in a small catalogue.

An item's vector has its bias, by the scale, as one dimension more, and the person's a 1, so that the inner product is
what the model ranks by; zeros fill up to a multiple of 16 numbers, for which faiss has its fast loops. The index is an
artefact of its own that holds faiss's file as it is, so that it can be mapped: workers of a machine share it.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, Protocol

import faiss
import msgspec
import numpy as np
from numpy.typing import NDArray

from ml.artefacts import Artefact, ArtefactError, Draft, Position
from ml.artefacts.artefact import file_name
from ml.content.score import Content
from ml.ncf.score import Ncf
from ml.ranker import Ranker
from ml.score.dots import plain
from ml.score.top import top
from ml.sequences import Floats, Rows
from ml.session.score import Session

KIND = "nearest"
#: Begins the role of an index in a blend's artefact; the member's name follows.
ROLE = "nearest:"
ARRAY = "faiss"
#: So many items most like each item are worked out beforehand, where vectors come from attributes alone.
ALIKE = 50
ALIKE_ROWS, ALIKE_NEAR = "alike", "near"
#: Catalogues below are searched item by item.
LEAST_ITEMS = 5_000
LANES = 16
SEED = 1234
PROBES = 4
PART = 4096
#: Vectors a list that k-means looks at.
LOOKED_AT = 64


class Config(msgspec.Struct, frozen=True):
    """``width``: numbers a vector, bias and zeros included. ``probes``: lists that a search looks into."""

    items: int
    width: int
    lists: int
    probes: int
    storage: str = "SQ8"


@dataclass(frozen=True, slots=True)
class Vectors:
    """``items`` (N, D) and ``bias`` (N,), if any, of a model that ranks by scale · (v · u) + b."""

    items: Floats
    bias: Floats | None
    scale: float

    def matrix(self) -> Floats:
        """(N, width) as the index has them."""
        out = np.zeros((len(self.items), self.width), np.float32)
        out[:, : self.items.shape[1]] = self.items
        if self.bias is not None:
            out[:, self.items.shape[1]] = self.bias / np.float32(self.scale)
        return out

    @property
    def width(self) -> int:
        """A multiple of LANES."""
        whole: int = self.items.shape[1] + (self.bias is not None)
        return -(-whole // LANES) * LANES


class Index(Protocol):
    """``search``: the ``k`` items with the largest v · u + b / scale for a vector (D,), best first, ties by row."""

    def search(self, vector: Floats, k: int) -> tuple[Rows, Floats]: ...

    def similar(self, row: int, k: int) -> tuple[Rows, Floats]:
        """The ``k`` items, or ALIKE if that is less, nearest to an item's own vector, itself left out. Raises KeyError
        for vectors with a bias, which is a person's and not an item's."""


class Exact:
    """Looks at every item."""

    def __init__(self, vectors: Vectors) -> None:
        self._items = plain(vectors.items)
        self._bias = None if vectors.bias is None else plain(vectors.bias) / np.float32(vectors.scale)

    def search(self, vector: Floats, k: int) -> tuple[Rows, Floats]:
        """See ``Index``."""
        near = self._items @ vector
        if self._bias is not None:
            near += self._bias
        return top(np.arange(len(near)), near, k)

    def similar(self, row: int, k: int) -> tuple[Rows, Floats]:
        """See ``Index``."""
        if self._bias is not None:
            raise KeyError(row)
        rows, near = self.search(self._items[row], min(k, ALIKE) + 1)
        kept = np.flatnonzero(rows != row)[: min(k, ALIKE)]
        return rows[kept], near[kept]


class Inverted:
    """A faiss index; what it finds are the best of the lists nearest to the vector, by codes of 8 bits."""

    def __init__(self, index: Any, config: Config, alike: tuple[Rows, NDArray[np.float16]] | None) -> None:
        faiss.omp_set_num_threads(1)
        self._index, self._alike = index, alike
        self._asked = np.zeros((1, config.width), np.float32)
        index.nprobe = config.lists
        self.search(self._asked[0], 1)  # reads all of it once, so that no request waits for the disk
        index.nprobe = config.probes

    def search(self, vector: Floats, k: int) -> tuple[Rows, Floats]:
        """See ``Index``. Fewer than ``k`` where the lists hold no more."""
        self._asked[0, : len(vector)] = vector
        self._asked[0, len(vector) :] = 0
        if len(vector) < self._asked.shape[1]:
            self._asked[0, len(vector)] = 1
        near, rows = np.empty((1, k), np.float32), np.empty((1, k), np.int64)
        pointer = faiss.swig_ptr
        self._index.search_c(1, pointer(self._asked), k, pointer(near), pointer(rows))
        found = int(np.searchsorted(rows[0] < 0, True)) if rows[0, -1] < 0 else k
        return top(rows[0, :found], near[0, :found], k)

    def similar(self, row: int, k: int) -> tuple[Rows, Floats]:
        """See ``Index``; worked out beforehand."""
        if self._alike is None:
            raise KeyError(row)
        rows, near = self._alike
        found = int(np.count_nonzero(rows[row, :k] >= 0))
        return rows[row, :found], near[row, :found].astype(np.float32)


def vectors_of(model: Ranker) -> Vectors | None:
    """Of a model that has some."""
    if isinstance(model, Ncf | Session):
        return Vectors(model.items, model.bias, model.scale)
    if isinstance(model, Content):
        return Vectors(model.items, None, model.scale)
    return None


def exact(model: Ranker) -> Exact | None:
    """Looks at every item; None where the model has no vectors."""
    vectors = vectors_of(model)
    return Exact(vectors) if vectors else None


def index_of(model: Ranker, names: tuple[str, ...], position: Position) -> Draft | None:
    """The artefact that finds a model's nearest items; None for a model without vectors, or a small catalogue. The same
    vectors give the same bytes on the same machine."""
    vectors = vectors_of(model)
    if vectors is None or len(vectors.items) < LEAST_ITEMS:
        return None
    lists = 1 << round(np.log2(2 * sqrt(len(vectors.items))))
    config = Config(len(vectors.items), vectors.width, lists, PROBES)
    matrix = vectors.matrix()
    index = built(matrix, config)
    arrays: dict[str, NDArray[Any]] = {ARRAY: faiss.serialize_index(index)}
    if vectors.bias is None:
        arrays[ALIKE_ROWS], arrays[ALIKE_NEAR] = alike(index, matrix)
    return Draft(KIND, config, arrays, names, position, origin={"made by": f"faiss {faiss.__version__}"})


def built(matrix: Floats, config: Config) -> Any:
    """A faiss index of ``matrix`` (N, width)."""
    faiss.omp_set_num_threads(1)
    index: Any = faiss.index_factory(config.width, f"IVF{config.lists},{config.storage}", faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = SEED
    step = max(1, len(matrix) // (config.lists * LOOKED_AT))
    index.train(np.ascontiguousarray(matrix[::step]))
    index.add(matrix)
    return index


def alike(index: Any, matrix: Floats) -> tuple[Rows, NDArray[np.float16]]:
    """``matrix`` (N, width) → (N, ALIKE) the items nearest to each, itself left out, best first, ties by row; -1 and 0
    where the lists hold no more."""
    index.nprobe = PROBES
    rows = np.full((len(matrix), ALIKE), -1, np.int32)
    near = np.zeros((len(matrix), ALIKE), np.float16)
    for begin in range(0, len(matrix), PART):
        distances, found = index.search(matrix[begin : begin + PART], ALIKE + 1)
        for row in range(len(found)):
            others = np.flatnonzero((found[row] >= 0) & (found[row] != begin + row))
            best, values = top(found[row][others], distances[row][others], ALIKE)
            rows[begin + row, : len(best)], near[begin + row, : len(best)] = best, values
    return rows, near


def opened(artefact: Artefact, model: Ranker) -> Inverted:
    """An index, mapped. Raises ArtefactError."""
    if artefact.manifest.kind != KIND:
        raise ArtefactError("kind: no index of nearest items")
    config, vectors = artefact.config(Config), vectors_of(model)
    path = artefact.folder / file_name(ARRAY)
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError:
        raise ArtefactError(f"array {ARRAY}: not an index that can be read") from None
    if vectors is None or (index.ntotal, index.d) != (len(vectors.items), vectors.width):
        raise ArtefactError(f"array {ARRAY}: not of this model's vectors")
    if vectors.bias is not None:
        return Inverted(index, config, None)
    rows, near = (plain(artefact.arrays[name]) for name in (ALIKE_ROWS, ALIKE_NEAR))
    return Inverted(index, config, (rows, near))
