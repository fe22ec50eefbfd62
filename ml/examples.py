"""Training examples as arrays: what came, and what was known just before it. No identifier is in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.packing import Packed, newness
from ml.sequences import Floats, Rows, Sequences, ragged

Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]
#: SKU → (at, tag, category, brand): what channels said last of an item.
Named = dict[str, tuple[int, int, str | None, str | None]]


class FutureError(ValueError):
    """An example's history holds something that is not earlier than the example."""


@dataclass(frozen=True, slots=True)
class Examples:
    """E interactions in the order of their time, each with what the record was before it.

    ``at`` (E,) milliseconds since 1970; ``target`` (E,) item rows; ``kind`` (E,) 0 view, 1 cart, 2 purchase; ``weight``
    (E,); ``person``, ``session`` (E,) numbers in the order of their first example; ``position`` (E,) place within the
    session. ``history``: E lists of item rows in the order of their time, with ``history_at`` (M,) and
    ``history_kind`` (M,). ``categories``: E lists of category codes, with ``affinity`` (K,) how often each was looked
    at or bought. ``features`` (E, F): the columns that ``Names.features`` names.
    """

    at: Longs
    target: Rows
    kind: Bytes
    weight: Floats
    person: Rows
    session: Rows
    position: Rows
    history: Sequences
    history_at: Longs
    history_kind: Bytes
    categories: Sequences
    affinity: Floats
    features: Floats

    def __len__(self) -> int:
        return len(self.at)

    def take(self, chosen: NDArray[np.integer] | slice) -> "Examples":
        """These examples alone, in this order."""
        places = np.arange(len(self))[chosen]
        within, of = _places(self.history, places), _places(self.categories, places)
        return replace(
            self,
            **{name: getattr(self, name)[places] for name in SINGLE},
            history=self.history.take(places),
            history_at=self.history_at[within],
            history_kind=self.history_kind[within],
            categories=self.categories.take(places),
            affinity=self.affinity[of],
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name, as they are stored."""
        found: dict[str, NDArray[Any]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Sequences):
                found |= {f"{field.name}_indptr": value.indptr, f"{field.name}_items": value.items}
            else:
                found[field.name] = value
        return found

    def digest(self) -> str:
        """SHA-256 over all arrays: the same log makes the same."""
        return digest(self.arrays())


SINGLE = ("at", "target", "kind", "weight", "person", "session", "position", "features")


@dataclass(frozen=True, slots=True)
class Names:
    """What rows and codes stand for: items, categories of ``Examples.categories``, columns of ``features``."""

    skus: tuple[str, ...]
    categories: tuple[str, ...]
    features: tuple[str, ...]


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over arrays with their names, shapes and types."""
    whole = sha256()
    for name, array in sorted(arrays.items()):
        whole.update(f"{name} {array.shape} {array.dtype.str}\n".encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()


def restored(arrays: Mapping[str, NDArray[Any]]) -> Examples:
    """From ``arrays`` again. Raises KeyError."""
    found: dict[str, Any] = {}
    for name in (field.name for field in fields(Examples)):
        lists = f"{name}_indptr" in arrays
        found[name] = Sequences(arrays[f"{name}_indptr"], arrays[f"{name}_items"]) if lists else arrays[name]
    return Examples(**found)


def split_by_time(examples: Examples, cut: int) -> tuple[Examples, Examples]:
    """Those before ``cut`` (milliseconds since 1970) and the others. Raises FutureError."""
    check_order(examples)
    place = int(np.searchsorted(examples.at, cut, side="left"))
    return examples.take(slice(0, place)), examples.take(slice(place, None))


def check_order(examples: Examples) -> None:
    """Raises FutureError unless examples are in order and each history is earlier than its example."""
    if len(examples) and bool((np.diff(examples.at) < 0).any()):
        raise FutureError("examples are not in the order of their time")
    late = examples.history_at >= examples.at[examples.history.owners()]
    if late.any():
        raise FutureError(f"{int(late.sum())} entries of histories are not earlier than their examples")


def assemble(parts: Iterable[Packed], columns: Sequence[str], more_skus: Iterable[str] = ()) -> tuple[Examples, Names]:
    """One set from parts in any order: rows by time, then source; ties by content, never by where they came from.

    ``more_skus`` get rows too, though nobody touched them.
    """
    found = [part for part in parts if len(part)]
    skus = tuple(sorted({sku for part in found for sku in part.skus} | set(more_skus)))
    categories = tuple(sorted({name for part in found for name in part.categories}))
    item, code = ({name: i for i, name in enumerate(names)} for names in (skus, categories))
    items = [np.array([item[sku] for sku in part.skus], np.int32) for part in found]
    codes = [np.array([code[name] for name in part.categories], np.int32) for part in found]
    of = np.concatenate([*(part.of_digest[part.person] for part in found), np.zeros(0, np.uint64)])
    target = _joined(np.int32, (own[part.target] for own, part in zip(items, found, strict=True)))
    joined = {name: _joined(kind, (getattr(part, name) for part in found)) for name, kind in PLAIN.items()}
    order = np.lexsort((joined["position"], joined["kind"], target, of, joined["part"], joined["tag"], joined["at"]))
    persons = _numbered(_apart(found, "person")[order])
    history, acts = _lists(found, "history", items, order)
    known, weights = _lists(found, "affinities", codes, order)
    values = [part.values for part in found]
    return Examples(
        joined["at"][order],
        target[order],
        joined["kind"][order],
        joined["weight"][order],
        persons,
        _numbered(_apart(found, "session")[order]),
        joined["position"][order],
        history,
        _joined(np.int64, (part.history_at for part in found))[acts],
        _joined(np.uint8, (part.history_kind for part in found))[acts],
        known,
        _joined(np.float32, (part.affinity for part in found))[weights],
        np.concatenate([*values, np.zeros((0, len(columns)), np.float32)])[order],
    ), Names(skus, categories, tuple(columns))


PLAIN: dict[str, type[np.generic]] = {
    "at": np.int64,
    "tag": np.int64,
    "part": np.int32,
    "kind": np.uint8,
    "weight": np.float32,
    "position": np.int32,
}


def named(parts: Iterable[Packed]) -> Named:
    """What channels said last of each item, over all parts."""
    found: Named = {}
    for part in parts:
        for sku, said in part.named.items():
            found[sku] = max(said, found.get(sku, said), key=newness)
    return found


def _joined(kind: type[np.generic], arrays: Iterable[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([*arrays, np.zeros(0, kind)]).astype(kind, copy=False)


def _places(lists: Sequences, chosen: Longs) -> Longs:
    return ragged(lists.indptr[chosen], lists.lengths[chosen])


def _lists(parts: Sequence[Packed], name: str, renumber: Sequence[Rows], order: Longs) -> tuple[Sequences, Longs]:
    """Lists of all parts, renumbered and in ``order``; and where their entries were."""
    every = [getattr(part, name) for part in parts]
    lengths = np.concatenate([*(each.lengths for each in every), np.zeros(0, np.int64)])
    items = _joined(np.int32, (own[each.items] for own, each in zip(renumber, every, strict=True)))
    whole = Sequences(np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), items)
    return whole.take(order), _places(whole, order)


def _apart(parts: Sequence[Packed], name: str) -> Longs:
    """Numbers of each part, moved so that no two parts share one."""
    found, before = [np.zeros(0, np.int64)], 0
    for part in parts:
        numbers = getattr(part, name).astype(np.int64)
        found.append(numbers + before)
        before += int(numbers.max(initial=-1)) + 1
    return np.concatenate(found)


def _numbered(labels: Longs) -> Rows:
    """Labels as 0, 1, 2 … in the order of their first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse].astype(np.int32)
