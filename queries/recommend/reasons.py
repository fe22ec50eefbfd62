"""One honest reason an item: what the member says that contributed most, and no more than may be used of the person.

A reason is a code, and the item that it names, if any; ``queries.recommend.words`` puts it into a language.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.nextitem.sparse import pairs
from ml.sequences import Floats, Rows
from queries.recommend.decision import Reason
from queries.recommend.placements import Source
from queries.recommend.serving import Serving, Trends
from readmodels.features import CART, PURCHASE, VIEW

#: So many of the latest items may be named, each counting so much of the one after it.
SPEAK, FADE = 5, 0.7
#: Members that say what is seen together.
_TOGETHER = ("transitions", "itemknn", "vstan", "ease", "ials", "next-item")
_BECAUSE = {VIEW: Reason.VIEWED, CART: Reason.IN_CART, PURCHASE: Reason.BOUGHT}
_PLAIN = {
    Source.TRENDING: Reason.TRENDING,
    Source.NEW: Reason.NEW,
    Source.EXPLORE: Reason.EXPLORE,
    Source.GIVEN: Reason.MATCH,
}


class Told(NamedTuple):
    """``because``: the row of the assortment that the reason names; -1 for none."""

    reason: Reason
    because: int = -1


NOW, TASTE = Told(Reason.NOW), Told(Reason.TASTE)


def strongest(names: tuple[str, ...], parts: Floats, places: NDArray[np.intp]) -> list[str]:
    """``parts`` (M, K) what each member adds to each candidate; ``places`` (L,) of those shown, -1 for one that is no
    candidate → the name of the member that lifts it most above the average candidate, "popularity" where none does."""
    if not parts.size:
        return ["popularity"] * len(places)
    lift = parts.take(places, axis=1, mode="wrap") - parts.mean(axis=1, keepdims=True)
    positive = (lift.max(axis=0) > 0) & (places >= 0)
    best = zip(lift.argmax(axis=0).tolist(), positive.tolist(), strict=True)
    return [names[row] if good else "popularity" for row, good in best]


class Explainer:
    """Of one answer: ``rows`` (L,) of the items shown. ``latest``: see ``Past.latest``; ``seeds``: rows of the page."""

    def __init__(
        self, serving: Serving, latest: Sequence[tuple[int, int]], seeds: frozenset[int], rows: Sequence[int]
    ) -> None:
        self._shelf, self._latest, self._seeds, self._rows = serving.assortment, latest, seeds, rows
        self._seen = Counter(self._shelf.category[[seed for seed, _ in latest]].tolist()) if latest else Counter()
        self._trends = serving.trends

    def told(self, place: int, row: int, source: Source, member: str) -> Told:
        """Of the item ``row`` at ``place`` of the answer: ``member`` speaks for it most, ``source`` found it."""
        if self._latest:
            if member == "ncf":
                return self._taste(row)
            if member in _TOGETHER and (seed := self._together[place]) >= 0:
                return self._because(*self._latest[seed])
            if member == "content":
                return self._similar(place)
            if member == "session":
                return NOW
            if member == "category":
                return Told(Reason.CATEGORY, row)
        return Told(_PLAIN.get(source, Reason.POPULAR))

    def _because(self, seed: int, kind: int) -> Told:
        shown = seed in self._seeds and kind == VIEW
        return Told(Reason.AFTER if shown else _BECAUSE[kind], seed)

    def _similar(self, place: int) -> Told:
        """The latest item that shares most of what is said of both."""
        best = self._alike[place]
        return Told(Reason.SIMILAR, self._latest[best][0]) if best >= 0 else Told(Reason.TASTE)

    @cached_property
    def _together(self) -> list[int]:
        return _together(self._trends, self._latest, np.array(self._rows, np.int32))

    @cached_property
    def _alike(self) -> list[int]:
        """For each item shown the place in ``latest`` of the first that shares most with it; -1 where none does."""
        seeds, rows = np.array([seed for seed, _ in self._latest], np.int32), np.array(self._rows, np.int32)
        shared = np.zeros((len(seeds), len(rows)), np.int8)
        for codes in (self._shelf.category, self._shelf.brand, self._shelf.colour, self._shelf.style):
            own = codes[rows]
            shared += (codes[seeds][:, None] == own) & (own >= 0)
        best = shared.argmax(axis=0)
        places: list[int] = np.where(shared[best, np.arange(len(rows))] > 0, best, -1).tolist()
        return places

    def _taste(self, row: int) -> Told:
        """The category, where it is the one looked at most; else the person's taste as a whole."""
        own = int(self._shelf.category[row])
        if own >= 0 and 2 * self._seen.get(own, 0) >= len(self._latest):
            return Told(Reason.CATEGORY, row)
        return TASTE


def _together(trends: Trends, latest: Sequence[tuple[int, int]], rows: Rows) -> list[int]:
    """For each row the place in ``latest`` of the item that it was seen together with most, later ones counting more;
    -1 where with none."""
    own = trends.rows.of[rows]
    seeds = [(place, int(trends.rows.of[seed])) for place, (seed, _) in enumerate(latest[:SPEAK])]
    known = [(place, seed) for place, seed in seeds if seed >= 0]
    if not known:
        return [-1] * len(rows)
    gains = pairs(trends.model, [seed for _, seed in known], own)
    gains *= np.float32(FADE) ** np.arange(len(known), dtype=np.float32)[:, None]
    best = gains.argmax(axis=0).tolist()
    good = (gains.max(axis=0) > 0).tolist()
    return [known[at][0] if fine else -1 for at, fine in zip(best, good, strict=True)]
