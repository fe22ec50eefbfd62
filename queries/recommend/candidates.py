"""Candidates: what each source finds, as rows of the assortment, and all of it as one list in canonical order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.nextitem.sparse import neighbours
from ml.sequences import Rows
from queries.recommend.assortment import Assortment
from queries.recommend.heard import Heard
from queries.recommend.history import Past
from queries.recommend.placements import MOST_CANDIDATES, Source
from queries.recommend.serving import Learned, Rowed, Serving
from readmodels.features import DAY_MS

Flags = NDArray[np.bool_]
SOURCES = tuple(Source)
_NONE = np.zeros(0, np.int32)
#: So many of the latest items speak for what goes together with them.
SPEAK = 5
#: What is like so many of them is looked for, and so much of it at most is known of each.
LIKE, MOST_ALIKE = 3, 50
FEW = 32
#: So long something is new.
NEW_MS = 45 * DAY_MS


class Found(NamedTuple):
    """``rows`` (K,) of the assortment in canonical order, each once; ``sources`` (K,) places in ``SOURCES``."""

    rows: Rows
    sources: NDArray[np.int8]


def near(learned: Learned | None, heard: Heard | None, member: str, quota: int) -> Rows:
    """The nearest to what a member of the blend makes of the history: the person's vector of ``ncf``, the session's of
    ``session``."""
    if learned is None or heard is None or not quota or not learned.scorer.has(member):
        return _NONE
    return _back(learned.rows, heard.near(member, quota))


def alike(learned: Learned | None, past: Past, quota: int) -> Rows:
    """What is like the latest items by what is said of them, as many of each."""
    if learned is None or not quota or not learned.scorer.has("content"):
        return _NONE
    of = learned.rows.of
    known = [own for row, _ in past.latest()[:LIKE] if (own := of.item(row)) >= 0]
    found = [learned.scorer.similar("content", row, min(MOST_ALIKE, quota // len(known)))[0] for row in known]
    return _back(learned.rows, np.concatenate((_NONE, *found)))


def together(serving: Serving, past: Past, quota: int) -> Rows:
    """What others looked at after the latest items."""
    trends = serving.trends
    of = trends.rows.of
    known = [own for row, _ in past.latest()[:SPEAK] if (own := of.item(row)) >= 0]
    return _back(trends.rows, neighbours(trends.model, known, quota)) if known and quota else _NONE


def trending(serving: Serving, quota: int) -> Rows:
    """What there is most interest in these days."""
    return serving.trends.trending[:quota]


def arrivals(serving: Serving, at_ms: int, quota: int) -> Rows:
    """What was introduced in the last weeks, the latest first."""
    latest = serving.newest[:quota]
    return latest[serving.assortment.introduced_ms[latest] > at_ms - NEW_MS]


def category(assortment: Assortment, name: str, popular: Rows) -> Rows:
    """The items of a category, the popular ones first where there are too many of them."""
    rows = assortment.rows_of(name).astype(np.int32)
    rows = rows[np.argsort(assortment.tie[rows], kind="stable")]
    if len(rows) <= MOST_CANDIDATES:
        return rows
    within = np.zeros(len(assortment.skus), np.bool_)
    within[rows] = True
    first = popular[within[popular]][:MOST_CANDIDATES]
    within[first] = False
    return np.concatenate((first, rows[within[rows]]))[:MOST_CANDIDATES]


def merged(assortment: Assortment, found: Mapping[Source, Rows], sellable: Callable[[Rows], Flags]) -> Found:
    """All of it without repetitions and without what cannot be sold; an item belongs to the first source in the order
    of ``Source``; the order is the canonical one, by ``tie``, whatever row an item has."""
    rows = np.concatenate([_NONE, *(found[source] for source in SOURCES if source in found)])
    sources = np.repeat(
        np.array([number for number, source in enumerate(SOURCES) if source in found], np.int8),
        [len(found[source]) for source in SOURCES if source in found],
    )
    ties = assortment.tie.take(rows)
    first = firsts(ties)
    first = first[sellable(rows.take(first))]
    if len(first) > MOST_CANDIDATES:  # what was found first stays
        first = np.sort(first)[:MOST_CANDIDATES]
        first = first[np.argsort(ties[first], kind="stable")]
    return Found(rows.take(first), sources.take(first))


def firsts(ties: NDArray[np.uint64]) -> NDArray[np.intp]:
    """``ties`` (F,), some more than once → where each comes first, in their order."""
    order = ties.argsort(kind="stable")
    ordered = ties.take(order)
    new = np.empty(len(ties), np.bool_)
    new[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return order[new]


def among(rows: Rows, some: Rows) -> Flags:
    """(K,) whether each is one of ``some``. Where one side has few, to compare all is faster than to sort."""
    if len(some) <= FEW:
        return np.asarray((some[:, None] == rows).any(axis=0))
    if len(rows) <= FEW:
        return np.asarray((rows[:, None] == some).any(axis=1))
    return np.isin(rows, some)


def _back(rows: Rowed, own: Rows) -> Rows:
    back = rows.back.take(own)
    return back if len(back) and back.min() >= 0 else back[back >= 0]


def given(assortment: Assortment, skus: Sequence[str]) -> Rows:
    """Rows of those SKUs that the shop knows, each once."""
    known: Iterator[int] = (assortment.index[sku] for sku in dict.fromkeys(skus) if sku in assortment.index)
    return np.fromiter(known, np.int32)
