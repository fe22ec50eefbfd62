"""The best items that are not all alike: maximal marginal relevance (Carbonell & Goldstein 1998) under caps."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows
from queries.recommend.assortment import Assortment

#: Only so many of the best are compared with one another.
COMPARED = 80
_LIKE = (("category", 0.4), ("brand", 0.2), ("colour", 0.2), ("style", 0.2))


class Cap(NamedTuple):
    """At most ``most`` of each group. ``groups`` (K,): a number for each candidate, -1 for what is not counted."""

    groups: NDArray[np.int32]
    most: int


def pick(
    assortment: Assortment,
    rows: Rows,
    value: Floats,
    *,
    limit: int,
    weight: float,
    cap: int,
    caps: Sequence[Cap] = (),
    pins: Mapping[int, int] | None = None,
) -> list[int]:
    """Places of the chosen candidates, in the order they are shown; ``rows`` and ``value`` (K,) are in canonical order,
    so equal values are taken in it. ``pins``: slot → place; they stand where they are pinned, and count for caps.

    Where nothing is left under ``cap`` of a category, it rises by one: a shop of few categories still fills its page.
    ``caps`` never rise.
    """
    best = _best(value, max(COMPARED, 4 * limit), pins)
    state = _State(assortment, rows[best], value[best], weight, cap, [Cap(c.groups[best], c.most) for c in caps])
    pinned = {slot: int(np.searchsorted(best, at)) for slot, at in (pins or {}).items() if slot < limit}
    for local in pinned.values():
        state.take(local)
    shown: list[int] = []
    while len(shown) < limit:
        local = pinned.get(len(shown), -1)
        if local < 0:
            local = state.next()
            if local < 0:
                break
            state.take(local)
        shown.append(int(best[local]))
    return shown


def _best(value: Floats, count: int, pins: Mapping[int, int] | None) -> NDArray[np.intp]:
    """Places of the best, in canonical order, with all that are pinned."""
    if len(value) <= count:
        return np.arange(len(value))
    order = np.argsort(-value, kind="stable")[:count]
    if pins:
        return np.unique(np.concatenate((order, np.array(list(pins.values()), np.intp))))
    order.sort()
    return order


def _likeness(assortment: Assortment, rows: Rows, weight: float) -> NDArray[np.float32]:
    """(K, K) what each costs the others: 0 … ``weight``."""
    like = np.zeros((len(rows), len(rows)), np.float32)
    for name, share in _LIKE:
        codes = getattr(assortment, name)[rows]
        none = codes < 0
        if none.any():  # none is like none
            codes = np.where(none, np.arange(-2, -2 - len(codes), -1, dtype=np.int32), codes)
        like += np.float32(share * weight) * (codes[:, None] == codes)
    return like


class _State:
    """What is taken so far. A tight loop, twenty times a request: what each is worth beside each other one is worked
    out at once, and what may not be taken is worth -inf, so that a choice is one argmax, and its effect one minimum."""

    def __init__(
        self, assortment: Assortment, rows: Rows, value: Floats, weight: float, cap: int, caps: list[Cap]
    ) -> None:
        top = float(value.max(initial=0))
        own = value.astype(np.float64) * ((1 - weight) / (top if top > 0 else 1.0))
        self._beside = own - _likeness(assortment, rows, weight) if weight else None
        self._worth = own
        self._cap, self._caps = cap, caps
        self._codes, self._group = assortment.category[rows], assortment.group[rows]
        self._category, groups = self._codes.tolist(), self._group.tolist()
        self._sizes = len(set(groups)) < len(groups)
        self._counts: dict[int, int] = {}
        self._taken: list[dict[int, int]] = [{} for _ in caps]
        #: Of full categories: what each would be worth, -inf for all others; and which these are.
        self._waiting = np.full(len(rows), -np.inf)
        self._full: set[int] = set()

    def next(self) -> int:
        """The best that may be taken; -1 where none is left."""
        if not len(self._worth):
            return -1
        while True:
            place = int(self._worth.argmax())
            if self._worth[place] != -np.inf:
                return place
            if not self._full:
                return -1
            self._raise()

    def take(self, place: int) -> None:
        """Takes one: what is like it becomes worth less, and what is of a full category or group is not taken."""
        if self._sizes:  # of some there are several: others of the same are out
            self._drop(self._group == self._group[place])
        else:
            self._worth[place] = self._waiting[place] = -np.inf
        if self._beside is not None:
            np.minimum(self._worth, self._beside[place], out=self._worth)
            if self._full:
                np.minimum(self._waiting, self._beside[place], out=self._waiting)
        self._count(place)

    def _count(self, place: int) -> None:
        category = self._category[place]
        if self._cap and category >= 0:
            self._counts[category] = self._counts.get(category, 0) + 1
            if self._counts[category] >= self._cap and category not in self._full:
                self._wait(category)
        for limit, taken in zip(self._caps, self._taken, strict=True):
            group = int(limit.groups[place])
            if group >= 0:
                taken[group] = taken.get(group, 0) + 1
                if taken[group] >= limit.most:
                    self._drop(limit.groups == group)

    def _wait(self, category: int) -> None:
        """The rest of a category that is full."""
        rest = self._codes == category
        self._waiting[rest] = self._worth[rest]
        self._worth[rest] = -np.inf
        self._full.add(category)

    def _raise(self) -> None:
        """One more of each category."""
        self._cap += 1
        np.maximum(self._worth, self._waiting, out=self._worth)
        self._waiting.fill(-np.inf)
        self._full.clear()

    def _drop(self, members: NDArray[np.bool_]) -> None:
        self._worth[members] = self._waiting[members] = -np.inf
