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
_OUT = -np.inf


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
    some = [Cap(c.groups[best], c.most) for c in caps]
    page = _Page(assortment, rows.take(best), value.take(best), weight, cap, some)
    pinned = {slot: int(np.searchsorted(best, at)) for slot, at in pins.items() if slot < limit} if pins else {}
    places = best.tolist()
    return [places[local] for local in page.filled(limit, pinned)]


def _best(value: Floats, count: int, pins: Mapping[int, int] | None) -> NDArray[np.intp]:
    """Places of the best, in canonical order, with all that are pinned."""
    if len(value) <= count:
        return np.arange(len(value))
    order = np.negative(value).argsort(kind="stable")[:count]
    if pins:
        return np.unique(np.concatenate((order, np.array(list(pins.values()), np.intp))))
    order.sort()
    return order


def _likeness(assortment: Assortment, rows: Rows, weight: float) -> NDArray[np.float32]:
    """(K, K) what each costs the others: 0 … ``weight``."""
    like: NDArray[np.float32] | None = None
    for name, share in _LIKE:
        codes = getattr(assortment, name).take(rows)
        if codes.min(initial=0) < 0:  # none is like none
            codes = np.where(codes < 0, np.arange(-2, -2 - len(codes), -1, dtype=np.int32), codes)
        costs = np.float32(share * weight) * (codes[:, None] == codes)
        like = costs if like is None else np.add(like, costs, out=like)
    assert like is not None
    return like


class _Page:
    """What is taken so far. What each is worth beside each other one is worked out at once, and what may not be taken
    is worth -inf, so that a choice is one argmax, and its effect one minimum."""

    def __init__(
        self, assortment: Assortment, rows: Rows, value: Floats, weight: float, cap: int, caps: list[Cap]
    ) -> None:
        top = float(value.max(initial=0))
        self._worth = value.astype(np.float64) * ((1 - weight) / (top if top > 0 else 1.0))
        self._beside = self._worth - _likeness(assortment, rows, weight) if weight else None
        self._cap, self._caps = cap, caps
        self._codes, self._group = assortment.category.take(rows), assortment.group.take(rows)
        self._category: list[int] = self._codes.tolist()
        self._sizes = len(set(self._group.tolist())) < len(rows)
        self._counts = dict.fromkeys(self._category, 0)
        self._taken: list[dict[int, int]] = [{} for _ in caps]
        #: Of full categories: what each would be worth, -inf for all others; and which these are.
        self._waiting = np.full(len(rows), _OUT)
        self._full = set[int]()

    def filled(self, limit: int, pinned: Mapping[int, int]) -> list[int]:
        """Places, up to ``limit`` of them; fewer where nothing is left. ``pinned``: slot → place."""
        for place in pinned.values():
            self._take(place)
        shown, worth, size = list[int](), self._worth, len(self._worth)
        while len(shown) < limit and size:
            place = pinned.get(len(shown), -1) if pinned else -1
            if place < 0:
                place = int(worth.argmax())
                if worth.item(place) == _OUT:
                    if not self._full:
                        break
                    self._raise()
                    continue
                self._take(place)
            shown.append(place)
        return shown

    def _take(self, place: int) -> None:
        """Takes one: what is like it becomes worth less, and what is of a full category or group is not taken."""
        worth = self._worth
        if self._sizes:  # of some there are several: others of the same are out
            self._drop(self._group == self._group[place])
        else:
            worth[place] = self._waiting[place] = _OUT
        if self._beside is not None:
            beside = self._beside[place]
            np.minimum(worth, beside, out=worth)
            if self._full:
                np.minimum(self._waiting, beside, out=self._waiting)
        category = self._category[place]
        if self._cap and category >= 0:
            self._counts[category] = count = self._counts[category] + 1
            if count >= self._cap and category not in self._full:
                self._wait(category)
        if self._caps:
            self._count(place)

    def _count(self, place: int) -> None:
        for limit, taken in zip(self._caps, self._taken, strict=True):
            group = int(limit.groups[place])
            if group >= 0:
                taken[group] = taken.get(group, 0) + 1
                if taken[group] >= limit.most:
                    self._drop(limit.groups == group)

    def _wait(self, category: int) -> None:
        """The rest of a category that is full."""
        rest = self._codes == category
        np.copyto(self._waiting, self._worth, where=rest)
        np.putmask(self._worth, rest, _OUT)
        self._full.add(category)

    def _raise(self) -> None:
        """One more of each category."""
        self._cap += 1
        np.maximum(self._worth, self._waiting, out=self._worth)
        self._waiting.fill(_OUT)
        self._full.clear()

    def _drop(self, members: NDArray[np.bool_]) -> None:
        self._worth[members] = self._waiting[members] = _OUT
