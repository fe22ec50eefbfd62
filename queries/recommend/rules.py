"""Merchandising rules over candidates: what is not shown, what counts more or less, what stands where, and at most how
many of a kind. A request reads a few bytes of each candidate, whatever rules there are; see ``compiled``.

Who wins: a filter beats a pin; a pin beats a cap and a bury; boosts and buries multiply; two pins at one slot: the
higher priority, then the first key. The one that loses does nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from queries.recommend.columns import Rows
from queries.recommend.compiled import (
    CAP,
    FILTER,
    LAST,
    LEAST_FACTOR,
    MOST_FACTOR,
    Active,
    Compiled,
    Ready,
    compile,
    refreshed,
)
from queries.recommend.conditions import Mask
from queries.recommend.situation import Situation

__all__ = ["CAP", "NOT_COUNTED", "Capped", "Compiled", "Effect", "Pinned", "Ruled", "apply", "compile", "refreshed"]

NOT_COUNTED = -1
#: By what is left of a byte: -1 where the bit is not set, else 0.
HIT = np.where(np.arange(256) > 0, 0, NOT_COUNTED).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Pinned:
    """``place``: in the arrays of ``Ruled``. ``slot``: 1 is the first."""

    slot: int
    place: int
    rule: str


@dataclass(frozen=True, slots=True)
class Capped:
    """At most ``at_most`` of each group in an answer. ``groups`` (K,): a number for each candidate, -1: not counted."""

    rule: str
    at_most: int
    groups: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule does to a candidate: filter, boost, bury, last, pin, lost (a pin without its slot) or cap.
    ``amount``: the factor, the slot, or how many at most."""

    rule: str
    does: str
    amount: float | None = None


@dataclass(frozen=True)
class Ruled:
    """What the rules make of candidates. ``rows`` (K + A): the candidates, then A other items that pins name. ``keep``:
    may be shown; of the A only what is pinned. ``factor``: float32, what the score is multiplied by. ``last``: comes
    after all others. ``hits`` (B, K + A): which active rules hold for it. ``lost``: pins that got no slot."""

    compiled: Compiled
    rows: Rows
    candidates: int
    keep: Mask
    factor: NDArray[np.float32]
    last: Mask
    pins: tuple[Pinned, ...]
    lost: tuple[Pinned, ...]
    caps: tuple[Capped, ...]
    hits: NDArray[np.uint8]

    @property
    def added(self) -> Rows:
        """The rows that only pins bring."""
        return self.rows[self.candidates :][self.keep[self.candidates :]]

    def effects(self, place: int) -> tuple[Effect, ...]:
        """What the rules do to one of ``rows``, in the order in which they are applied."""
        return tuple(effect for one in self.compiled.ready for effect in self._effects(one, place))

    def _effects(self, one: Ready, place: int) -> Iterator[Effect]:
        key, then = one.rule.key, one.rule.then
        if then.pin:
            yield from (Effect(key, "pin", p.slot) for p in self.pins if p.rule == key and p.place == place)
            yield from (Effect(key, "lost", p.slot) for p in self.lost if p.rule == key and p.place == place)
        elif self.hits[one.plane, place] & one.mask:
            if then.filter:
                yield Effect(key, FILTER)
            elif then.cap:
                yield Effect(key, CAP, then.cap.at_most)
            elif then.boost:
                yield Effect(key, "boost", then.boost.factor)
            elif then.bury:
                yield Effect(key, "bury" if then.bury.factor else LAST, then.bury.factor)


def apply(
    compiled: Compiled,
    candidates: Rows,
    scores: NDArray[np.float32],
    situation: Situation,
    *,
    without: Collection[str] = (),
    hidden: Collection[int] = (),
) -> Ruled:
    """What the rules make of ``candidates`` (K,), rows of the assortment without repetition, with ``scores`` (K,) of
    0 or more. ``without``: keys of rules that are left out. ``hidden``: rows that no pin may bring or move."""
    active, count = compiled.active(situation, without), len(candidates)
    places = _places(active, candidates)
    rows = np.concatenate([candidates, list(places)[-extra:]]) if (extra := _beyond(places, count)) else candidates
    hits = _hits(compiled, active, rows, situation)
    keep = _kept(compiled, active, hits, len(rows))
    factor = _factor(compiled, active, hits, len(rows))
    last = _any(hits[compiled.spans[LAST]]) if active.last else np.zeros(len(rows), np.bool_)
    choice = _Choice(compiled, active, rows, places, hits, keep, situation, hidden)
    pins, lost = choice.pins(scores, factor) if active.pins else ((), ())
    if extra:
        keep[count:] = False
        keep[[pin.place for pin in pins]] = True
    caps = tuple(_capped(compiled, one, rows, hits) for one in active.caps)
    return Ruled(compiled, rows, count, keep, factor, last, pins, lost, caps, hits)


def _beyond(places: Mapping[int, int], count: int) -> int:
    """How many of the places are not of candidates."""
    return sum(place >= count for place in places.values())


def _places(active: Active, candidates: Rows) -> dict[int, int]:
    """Row → place, of all rows that pins name: among the candidates, or after them."""
    if not len(active.named):
        return {}
    named, count = active.named.tolist(), len(candidates)
    same = np.flatnonzero(active.named[:, None] == candidates).tolist()
    places = {named[at // count]: at % count for at in same}
    beyond = [row for row in named if row not in places]
    return places | {row: count + i for i, row in enumerate(beyond)}


def _hits(compiled: Compiled, active: Active, rows: Rows, situation: Situation) -> NDArray[np.uint8]:
    hits = compiled.planes.take(rows, axis=1)
    hits &= active.bits
    for one in active.late:
        assert one.late is not None
        found = one.late.test(situation, rows)
        if found is False:
            hits[one.plane] &= np.uint8(0xFF ^ one.mask)
        elif found is not True:
            hits[one.plane] &= np.where(found, np.uint8(0xFF), np.uint8(0xFF ^ one.mask))
    return hits


def _any(hits: NDArray[np.uint8]) -> Mask:
    """(K,) whether any bit is set."""
    found: Mask = (hits[0] if len(hits) == 1 else np.bitwise_or.reduce(hits, axis=0)) != 0
    return found


def _kept(compiled: Compiled, active: Active, hits: NDArray[np.uint8], count: int) -> Mask:
    return ~_any(hits[compiled.spans[FILTER]]) if active.filters else np.ones(count, np.bool_)


def _factor(compiled: Compiled, active: Active, hits: NDArray[np.uint8], count: int) -> NDArray[np.float32]:
    if not active.factors:
        return np.ones(count, np.float32)
    first, *others = active.factors
    factor: NDArray[np.float32] = compiled.tables[first].take(hits[first])
    for plane in others:
        factor *= compiled.tables[plane].take(hits[plane])
    if active.wide:
        np.clip(factor, LEAST_FACTOR, MOST_FACTOR, out=factor)
    return factor


class _Choice:
    """Gives each slot to a pin."""

    def __init__(
        self,
        compiled: Compiled,
        active: Active,
        rows: Rows,
        places: Mapping[int, int],
        hits: NDArray[np.uint8],
        keep: Mask,
        situation: Situation,
        hidden: Collection[int],
    ) -> None:
        self._columns, self._active, self._rows, self._places = compiled.columns, active, rows, places
        self._hits, self._keep, self._situation, self._hidden = hits, keep, situation, hidden
        self._taken: set[int] = set()

    def pins(
        self, scores: NDArray[np.float32], factor: NDArray[np.float32]
    ) -> tuple[tuple[Pinned, ...], tuple[Pinned, ...]]:
        """Pins by priority, each at its slot unless that is taken; and those that lost theirs."""
        pins, lost = dict[int, Pinned](), list[Pinned]()
        for one in self._active.pins:
            pin = one.rule.then.pin
            assert pin is not None
            place = self._best(one, scores, factor) if one.pinned is None else self._first(one, one.pinned)
            if place is None:
                continue
            found = Pinned(pin.slot, place, one.rule.key)
            if pin.slot in pins:
                lost.append(found)
            else:
                pins[pin.slot] = found
                self._taken.add(place)
        return tuple(pins[slot] for slot in sorted(pins)), tuple(lost)

    def _best(self, one: Ready, scores: NDArray[np.float32], factor: NDArray[np.float32]) -> int | None:
        """The place of the candidate with the highest score, of equal ones by ``tie``."""
        count = len(scores)
        may = self._keep[:count] & (self._hits[one.plane, :count] & np.uint8(one.mask) != 0)
        found = [p for p in np.flatnonzero(may).tolist() if p not in self._taken and self._shown(p)]
        if not found:
            return None
        totals = scores[found] * factor[found]
        top = [found[i] for i in np.flatnonzero(totals == totals.max()).tolist()]
        return int(top[self._columns.tie[self._rows[top]].argmin()])

    def _first(self, one: Ready, pinned: Sequence[int]) -> int | None:
        """The place of the first of these rows that can be shown: on sale, and in stock where it is counted, at the
        store too where the answer is for one."""
        for row in pinned:
            place = self._places[row]
            if (
                place not in self._taken
                and self._keep[place]
                and self._hits[one.plane, place] & one.mask
                and self._shown(place)
                and self._sold(row)
            ):
                return place
        return None

    def _shown(self, place: int) -> bool:
        return not self._hidden or int(self._rows[place]) not in self._hidden

    def _sold(self, row: int) -> bool:
        columns, store = self._columns, self._situation.store
        if not columns.active[row] or columns.available[row] == 0:
            return False
        return store is None or int(columns.stock_at(store, np.array([row], np.intp))[0]) != 0


def _capped(compiled: Compiled, one: Ready, rows: Rows, hits: NDArray[np.uint8]) -> Capped:
    cap = one.rule.then.cap
    assert cap is not None
    counted = HIT.take(hits[one.plane] & np.uint8(one.mask))
    if cap.each is not None:
        counted |= getattr(compiled.columns, cap.each).take(rows)
    return Capped(one.rule.key, cap.at_most, counted)
