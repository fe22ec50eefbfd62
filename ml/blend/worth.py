"""What each member is worth: how much worse the blend is without it, on persons the weights were not learned on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.blend.gather import Gathered
from ml.blend.learn import Weights, blended, learn, places
from ml.evaluation.bootstrap import Interval, mean

#: What a member's weight is multiplied with when its worth is not certain.
DOUBTED = 0.5


@dataclass(frozen=True, slots=True)
class Worth:
    """``gain``: of NDCG@10 by having the member, with its interval. ``kept``: the interval lies above 0."""

    member: str
    gain: Interval
    kept: bool


def halves(gathered: Gathered, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Queries in two parts, no person in both."""
    persons = np.unique(gathered.persons)
    drawn = np.random.Generator(np.random.Philox(seed)).permutation(persons)[: len(persons) // 2]
    inside = np.isin(gathered.persons, drawn)
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def crossed(gathered: Gathered, seed: int) -> NDArray[np.float64]:
    """(C,) scores of the blend whose weights were learned on the other half of the persons."""
    out = np.zeros(len(gathered.items))
    parts = halves(gathered, seed)
    for learned, asked in (parts, parts[::-1]):
        if len(learned) and len(asked):
            of = _candidates(gathered, asked)
            out[of] = blended(gathered.take(asked), learn(gathered.take(learned)))
    return out


def judge(gathered: Gathered, names: Sequence[str], seed: int) -> list[Worth]:
    """Each member's worth, by leaving it out and learning the others' weights anew."""
    columns = range(len(names))
    whole = discounted(places(gathered, crossed(gathered, seed)))
    found = []
    for left_out in columns:
        rest = gathered.members([column for column in columns if column != left_out])
        without = discounted(places(rest, crossed(rest, seed))) if len(names) > 1 else np.zeros(len(gathered))
        gain = mean(whole - without, gathered.persons, seed)
        found.append(Worth(names[left_out], gain, gain.low > 0))
    return found


def weigh(gathered: Gathered, judged: Sequence[Worth]) -> Weights:
    """(contexts, M) weights: members whose worth is not certain get at most half of what they would have,
    and none where it is certain that they do harm."""
    weights = learn(gathered)
    doubted = np.array([not each.kept for each in judged])
    if not doubted.any() or doubted.all():
        return weights
    harmful = np.array([each.gain.high < 0 for each in judged])
    return learn(gathered, np.where(doubted, weights * np.where(harmful, 0.0, DOUBTED), np.inf))


def discounted(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """(Q,) NDCG@10 with one target."""
    return np.where(places <= 10, 1 / np.log2(places + 1.0), 0.0)


def _candidates(gathered: Gathered, queries: NDArray[np.int64]) -> NDArray[np.bool_]:
    chosen = np.zeros(len(gathered), bool)
    chosen[queries] = True
    return np.repeat(chosen, np.diff(gathered.indptr))
