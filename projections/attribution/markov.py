"""Removal effects of a Markov chain over paths (Anderl et al. 2016), solved as linear equations, never simulated.

A state is the latest channels, up to the order. What is lost without a channel: everybody who would come to it ends in
nothing instead. The visits of each state solve (I - Qᵀ) y = start; conversions are y · (chance to convert there), and
their value y · (what comes in there at a visit).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, eye
from scipy.sparse.linalg import splu

from projections.attribution.paths import Path

State = tuple[str, ...]
START: State = ()
MOST_STEPS = 500_000
#: So many equations are solved by elimination, which would fill the matrix of a larger chain: those are by walking on,
#: until what is left can change no result by more than ``LEFT`` of a conversion.
ELIMINATED, LEFT = 200, 1e-15


@dataclass(slots=True)
class Transitions:
    """Whole counts, so that parts of a log add up in any order. ``between``: (state, next) → how often; ``ended``:
    state → how often a path ended there, ``converted``: in conversions, ``value``: what these brought, 0 or more."""

    between: defaultdict[tuple[State, State], int] = field(default_factory=lambda: defaultdict(int))
    ended: defaultdict[State, int] = field(default_factory=lambda: defaultdict(int))
    converted: defaultdict[State, int] = field(default_factory=lambda: defaultdict(int))
    value: defaultdict[State, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class Chain:
    """``states`` (n,) begin with the start. ``q`` (n, n): chance to go from one to another; ``converts`` and ``brings``
    (n,): conversions and value that end a visit, on average. ``whole``: both, of one path that begins."""

    states: tuple[State, ...]
    q: csr_matrix
    converts: NDArray[np.float64]
    brings: NDArray[np.float64]
    whole: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Effect:
    """The part of all conversions, and of all value, that is lost without a channel: 0 … 1."""

    conversions: float
    value: float


def count(paths: Iterable[Path], order: int = 1) -> Transitions:
    """Transitions of a chain of this order. Raises ValueError where there are more than 500,000 different ones."""
    found = Transitions()
    for path in paths:
        times, state = path.conversions + path.nulls, START
        if not times or not path.channels:
            continue
        for channel in path.channels:
            after = (*state, channel)[-order:]
            found.between[state, after] += times
            state = after
        found.ended[state] += times
        found.converted[state] += path.conversions
        found.value[state] += max(path.value, 0)
        _check(found)
    return found


def _check(counts: Transitions) -> None:
    if len(counts.between) > MOST_STEPS:
        raise ValueError(f"the chain has more than {MOST_STEPS:,} different steps: ask for a lower order")


def chain(counts: Transitions) -> Chain:
    """The chances that the counts say. Raises ValueError where there are more than 500,000 different steps."""
    _check(counts)
    states = tuple(sorted({START, *(state for pair in counts.between for state in pair)}))
    index = {state: number for number, state in enumerate(states)}
    pairs = sorted(counts.between.items())
    rows = np.array([index[before] for (before, _), _ in pairs], np.intp)
    columns = np.array([index[after] for (_, after), _ in pairs], np.intp)
    times = np.array([count for _, count in pairs], np.float64)
    ended, converted, value = (
        np.array([ends.get(state, 0) for state in states], np.float64)
        for ends in (counts.ended, counts.converted, counts.value)
    )
    left = np.maximum(ended + np.bincount(rows, times, len(states)), 1.0)
    q = csr_matrix((times / left[rows], (rows, columns)), shape=(len(states), len(states)))
    paths = max(float(ended.sum()), 1.0)
    whole = float(converted.sum()) / paths, float(value.sum()) / paths  # what the chain says too: as many come as go on
    return Chain(states, q, converted / left, value / left, whole)


def effects(found: Chain) -> dict[str, Effect]:
    """Channel → what is lost without it."""
    named = sorted({state[-1] for state in found.states if state})
    number = {channel: place for place, channel in enumerate(named)}
    met = np.full((len(found.states), max(map(len, found.states))), -1, np.int32)
    for row, state in enumerate(found.states):
        met[row, : len(state)] = [number[channel] for channel in state]
    return {
        channel: _effect(found.whole, reached(found, (met != place).all(axis=1))) for channel, place in number.items()
    }


def _effect(whole: tuple[float, float], without: tuple[float, float]) -> Effect:
    lost = [min(max(1 - kept / all_, 0.0), 1.0) if all_ > 0 else 0.0 for all_, kept in zip(whole, without, strict=True)]
    return Effect(*lost)


def reached(found: Chain, kept: NDArray[np.bool_]) -> tuple[float, float]:
    """Conversions and value of one path that begins, with these states (n,) alone. The start is the first of them."""
    onward = found.q[kept][:, kept].T
    start = np.zeros(onward.shape[0])
    start[0] = 1.0
    visits = _eliminated(onward, start) if len(start) <= ELIMINATED else _walked(onward.tocsr(), start)
    return float(visits @ found.converts[kept]), float(visits @ found.brings[kept])


def _eliminated(onward: csr_matrix, start: NDArray[np.float64]) -> NDArray[np.float64]:
    equations = (eye(len(start), format="csc") - onward.tocsc()).tocsc()
    solved: NDArray[np.float64] = splu(equations, diag_pivot_thresh=0.0).solve(start)
    return solved


def _walked(onward: csr_matrix, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ (Qᵀ)ⁿ start: everybody goes a step at a time. Where a step leaves a part ``lasting`` of all that are on their
    way and moves none of them otherwise, what is to come is a geometric series."""
    visits, here = start.copy(), start
    while True:
        before, here = here, onward @ here
        left = float(here.sum())
        lasting = left / float(before.sum()) if left else 0.0
        unlike = float(np.abs(here - lasting * before).sum())
        if left <= LEFT or unlike <= LEFT * (1 - lasting):
            rest: NDArray[np.float64] = visits + here / (1 - lasting)
            return rest
        visits += here


def shares(found: Mapping[str, Effect]) -> tuple[dict[str, float], dict[str, float]]:
    """By which conversions and value are divided: a channel's effect, of the sum of all. Value goes as conversions do
    where none came."""
    conversions = {channel: effect.conversions for channel, effect in found.items()}
    value = {channel: effect.value for channel, effect in found.items()}
    return conversions, value if any(value.values()) else conversions
