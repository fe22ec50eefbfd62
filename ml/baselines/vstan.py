"""V-SKNN and VSTAN: the sessions most like the present one tell what comes next.

V-SKNN (Ludewig & Jannach 2018) compares sessions by their items, the latest of the present one counting most, and
prefers rare items. STAN (Garg et al., SIGIR 2019) lets a past session count less the older it is, and its items less
the farther they are from the one that both share; VSTAN (Ludewig et al. 2020) is both together.
"""

from dataclasses import dataclass
from functools import cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from ml.ranker import Lessons, Progress, silent
from ml.sequences import Bounds, Floats, Rows, Sequences, ragged

Doubles = NDArray[np.float64]


class Config(msgspec.Struct, frozen=True):
    """``neighbours``: how many sessions tell; ``sample``: of how many of the latest that share an item they are chosen,
    and ``most``: of all items together, the latest item's sessions first, so that an answer takes no longer however
    popular its items are. ``reach``: how far from the item shared latest a past session is read, to either side.

    The rest are scales of exponential decays, 0 for none. ``recency``: an item of the present session, in items that
    came after it. ``age``: a past session, in parts of all sessions. ``distance``: an item of a past session, in items
    between it and the one shared latest. ``rarity``: weight of the items' inverse document frequency. ``backward``:
    what items before the shared one count, and ``same`` that one itself, those after count 1.
    """

    neighbours: int = 300
    sample: int = 2500
    most: int = 1000
    reach: int = 15
    recency: float = 2.0
    age: float = 0.5
    distance: float = 2.0
    rarity: float = 1.0
    backward: float = 0.5
    same: float = 1.0


@dataclass(frozen=True, slots=True)
class Room:
    """``strength`` (S,): what a session counts for its age and length. ``rarity`` (N,): what an item counts for being
    rare. ``mark`` (S,): to work in; what stands in it is of no matter."""

    strength: Floats
    rarity: Floats
    mark: Rows


@dataclass(frozen=True, slots=True)
class Vstan:
    """``sequences``: all that is remembered. ``indptr`` (N+1,), ``sessions`` and ``places`` (M,): for each item, in
    which sessions it is, the latest first, and at which place. ``idf`` (N,)."""

    config: Config
    sequences: Sequences
    indptr: Bounds
    sessions: Bounds
    places: Bounds
    idf: Floats

    def scores(self, history: Sequences) -> Floats:
        """(B, N)"""
        out = np.zeros((len(history), len(self.idf)), np.float32)
        room = self.room()
        for row, items in enumerate(history):
            found, values = self.told(items, room)
            if len(found):
                out[row] = np.bincount(found, values, len(self.idf))
        return out

    def room(self) -> Room:
        """What ``told`` may be given again and again."""
        total = len(self.sequences)
        strength = fading((total - np.arange(total)) / max(total, 1), self.config.age)
        strength /= np.sqrt(np.maximum(self.sequences.lengths, 1))
        rarity = 1 + self.config.rarity * self.idf
        return Room(strength.astype(np.float32), rarity, np.zeros(total, np.int32))

    def told(self, items: NDArray[np.integer], room: Room) -> tuple[Rows, Doubles]:
        """``items`` (T,) the present session → (F,) items, some more than once, and what each adds to its score."""
        sessions, shared, similar = self._neighbours(items, room)
        reach, indptr = self.config.reach, self.sequences.indptr
        begin, starts = np.maximum(shared - reach, 0), indptr.take(sessions)
        count = np.minimum(shared + reach + 1, indptr.take(sessions + 1) - starts) - begin
        starts += begin
        places = ragged(starts, count)
        found = self.sequences.items.take(places)
        values = np.repeat(similar, count)
        places -= np.repeat(starts - (begin - shared + reach), count)
        values *= by_gap(self.config).take(places)
        values *= room.rarity.take(found)
        return found, values

    def _neighbours(self, items: NDArray[np.integer], room: Room) -> tuple[Bounds, Bounds, Doubles]:
        """The most similar sessions, the place in each of the item shared latest, and how similar each is."""
        latest, weights = self._present(items)
        begin = self.indptr.take(latest)
        lengths = np.minimum(self.indptr.take(latest + 1) - begin, self.config.sample)
        lengths = np.minimum(lengths, np.maximum(self.config.most - (np.cumsum(lengths) - lengths), 0))
        which = ragged(begin, lengths)
        all_ = self.sessions.take(which)
        order = np.arange(len(which), dtype=np.int32)
        room.mark[all_[::-1]] = order[::-1]  # of a session that comes often, where it comes first
        firsts = room.mark.take(all_)
        similar = np.bincount(firsts, np.repeat(weights, lengths), len(which)).astype(np.float64, copy=False)
        new = np.flatnonzero(firsts == order)
        sessions, similar = all_.take(new), similar.take(new)
        similar *= room.strength.take(sessions)
        if len(sessions) > self.config.neighbours:
            kept = np.argpartition(-similar, self.config.neighbours)[: self.config.neighbours]
            sessions, similar, new = sessions.take(kept), similar.take(kept), new.take(kept)
        return sessions, self.places.take(which.take(new)), similar

    def _present(self, items: NDArray[np.integer]) -> tuple[Bounds, Doubles]:
        """The present session's different items, the latest first, and what each counts."""
        places: dict[int, int] = {}
        for place, item in enumerate(reversed(items.tolist())):
            places.setdefault(item, place)
        latest = np.fromiter(places, np.int64, len(places))
        since = np.fromiter(places.values(), np.int64, len(places))
        return latest, fading(since, self.config.recency) * (1 + self.config.rarity * self.idf[latest])


def fading(age: NDArray[np.generic], scale: float) -> Doubles:
    """1 at age 0, e⁻¹ at the ``scale``; 1 throughout where that is 0."""
    return np.exp(-age.astype(np.float64) / scale) if scale else np.ones(len(age))


@cache
def by_gap(config: Config) -> Doubles:
    """(2 reach + 1,) what an item of a past session counts, from ``reach`` places before the shared one to as many
    after it."""
    gap = np.arange(-config.reach, config.reach + 1)
    side = np.where(gap < 0, config.backward, np.where(gap > 0, 1.0, config.same))
    return side * fading(np.abs(gap), config.distance)


def train(lessons: Lessons, seed: int = 0, progress: Progress = silent, config: Config | None = None) -> Vstan:
    """Remembers. ``seed`` changes nothing."""
    sequences = lessons.sequences
    owners = sequences.owners()
    places = np.arange(len(owners)) - np.repeat(sequences.indptr[:-1], sequences.lengths)
    order = np.lexsort((-places, -owners, sequences.items))
    kept = _first_of_each(sequences.items[order], owners[order])
    order = order[kept]
    counts = np.bincount(sequences.items[order], minlength=lessons.items)
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    idf = np.log((len(sequences) + 1) / (counts + 1)) / np.log(len(sequences) + 2)
    return Vstan(config or Config(), sequences, indptr, owners[order], places[order], idf.astype(np.float32))


def _first_of_each(items: Rows, owners: Bounds) -> NDArray[np.bool_]:
    """True where an item is not of the same session as the one before it."""
    new = np.ones(len(items), bool)
    new[1:] = (items[1:] != items[:-1]) | (owners[1:] != owners[:-1])
    return new
