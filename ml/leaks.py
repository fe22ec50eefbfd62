"""The leak detector: finds features that know the future.

Three ways, of which each sees what another cannot. ``changed_by_future`` computes all features again in worlds whose
future is another one: a feature that changes has seen it. ``late_history`` looks at the times themselves.
``too_good`` asks whether a single column names the target, when the same column one example earlier could not.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.examples import Examples

World = TypeVar("World")
#: How much better than its own past a column may name the target, as a share of examples, and how many times.
MARGIN, TIMES = 0.25, 3.0
BINS = 256
#: Fewer examples than this tell nothing about a column.
LEAST = 200


@dataclass(frozen=True, slots=True)
class Table:
    """E rows: what each example is known by, whatever its content; its time (E,) in milliseconds; and its features by
    name, (E,) or (E, k) numbers."""

    keys: Sequence[Hashable]
    at: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Leak:
    """A column that knows the future: how it was found out, and in how many rows, or by how much."""

    column: str
    how: str
    extent: float


def changed_by_future(
    compute: Callable[[World], Table],
    world: World,
    futures: Callable[[World, int], Iterable[World]],
    cuts: Iterable[int],
) -> list[Leak]:
    """Columns whose values up to a cut, that moment included, depend on what happens at the cut or after it.

    ``futures`` gives worlds that differ from the given one at the cut and after it alone. Rows before the cut must be
    the same rows, too; those at the cut may be gone.
    """
    honest, found = compute(world), dict[str, int]()
    place = {key: row for row, key in enumerate(honest.keys)}
    for cut in cuts:
        for other in futures(world, cut):
            for column, rows in _changed(honest, compute(other), place, cut):
                found[column] = found.get(column, 0) + rows
    return [Leak(column, "changes with the future", rows) for column, rows in sorted(found.items()) if rows]


def _changed(honest: Table, other: Table, place: Mapping[Hashable, int], cut: int) -> Iterable[tuple[str, int]]:
    past = [row for row, at in enumerate(other.at) if at <= cut]
    pairs = [(place[other.keys[row]], row) for row in past if other.keys[row] in place]
    before = {honest.keys[row] for row in np.flatnonzero(honest.at < cut).tolist()}
    yield "rows", len(before ^ {other.keys[row] for row in past if other.at[row] < cut})
    if pairs:
        ours, theirs = np.array(pairs).T
        for name, values in honest.columns.items():
            same = _same(values[ours], other.columns[name][theirs])
            yield name, int((~same).sum())


def _same(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """By row; not a number equals itself."""
    equal: Any = np.equal(one, other) | (np.not_equal(one, one) & np.not_equal(other, other))
    whole: NDArray[Any] = equal.reshape(len(equal), -1).all(axis=1)
    return whole


def late_history(examples: Examples) -> list[Leak]:
    """Histories with entries that are not earlier than their example."""
    late = examples.history_at >= examples.at[examples.history.owners()]
    return [Leak("history", "is not earlier than the example", float(late.sum()))] if late.any() else []


def too_good(
    columns: Mapping[str, NDArray[Any]], target: NDArray[np.integer], person: NDArray[np.integer]
) -> list[Leak]:
    """Columns that name the target far better than they did one example of the same person earlier.

    ``columns``: (E,) numbers; rows in the order of time. What a column tells is the share of targets that its value
    names right, by the commonest target of each value among half the persons, asked of the other half.
    """
    later, earlier = _neighbours(person)
    if len(later) < LEAST:
        return []
    found = []
    for name, values in columns.items():
        codes = _binned(np.asarray(values))
        now = _told(codes[later], target[later], person[later])
        before = _told(codes[earlier], target[later], person[later])
        if now - before > MARGIN and now > TIMES * before:
            found.append(Leak(name, "names the target, and did not one example earlier", round(now - before, 3)))
    return found


def _neighbours(person: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that follow another one of their person, and that other one."""
    order = np.argsort(person, kind="stable")
    same = person[order[1:]] == person[order[:-1]]
    return order[1:][same].astype(np.int64), order[:-1][same].astype(np.int64)


def _binned(values: NDArray[Any]) -> NDArray[np.int64]:
    """Each value a code; of numbers that hardly ever repeat, equal shares."""
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) > len(values) // 4:
        ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
        return (ranks * BINS // max(1, len(values))).astype(np.int64)
    return codes.astype(np.int64)


def _told(codes: NDArray[np.int64], target: NDArray[np.integer], person: NDArray[np.integer]) -> float:
    """The share of targets named right, 0 … 1."""
    learn = person % 2 == 0
    if learn.all() or not learn.any():
        return 0.0
    width = int(target.max(initial=0)) + 1
    pairs, often = np.unique(codes[learn] * width + target[learn], return_counts=True)
    best = np.full(int(codes.max(initial=0)) + 1, -1, np.int64)
    rising = np.argsort(often, kind="stable")
    best[pairs[rising] // width] = pairs[rising] % width  # the commonest is written last
    return float((best[codes[~learn]] == target[~learn]).mean())
