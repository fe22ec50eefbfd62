"""Learning how often the records of one person agree, from pairs that nobody has labelled (EM; Winkler 1988)."""

from collections.abc import Sequence
from math import log2

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.int8]
Doubles = NDArray[np.float64]
ROUNDS = 500
CLOSE = 1e-7
#: Pairs that we have seen before there was any, at each level.
PSEUDO = 0.5
#: A record has at most so many others of the same person, on average: else what was found is not persons but, say,
#: everybody of one given name.
MATES = 3.0
#: What a household shares makes a match as likely as this, taken alone.
SHARED = 0.999


def expectation_maximization(
    levels: Levels,
    random: Sequence[Doubles],
    start: Sequence[Doubles],
    pairs: int,
    *,
    drawn: bool = True,
    records: int | None = None,
) -> tuple[float, list[Doubles], list[Doubles]]:
    """The prior and, of each comparison, the m and the u of its levels.

    ``levels`` (n, comparisons): of each candidate pair, place of the level, -1 where unknown. ``random``: how often
    pairs drawn at random agree at each level. Some of them match, so u is what is left of it: random = prior m +
    (1 - prior) u. ``pairs`` is how many pairs there are in all; those that are no candidates share no blocking key,
    and count as no match. ``records``: how many they are of; without, any share may match. ``drawn``: whether
    ``random`` was drawn so, else it is u itself.
    """
    patterns, counts = np.unique(levels, axis=0, return_counts=True)
    m = [each.copy() for each in start]
    most = MATES * records / pairs if records else 1.0
    prior = min(0.5, max(1.0, 0.5 * len(levels)) / pairs, most / 6)
    u = list(random)
    for _ in range(ROUNDS):
        match = posterior(patterns, prior, m, u) * counts
        following = [_shares(patterns[:, i], match, len(each)) for i, each in enumerate(m)]
        moved = max(float(np.abs(a - b).max()) for a, b in zip(m, following, strict=True))
        m, prior = following, min(max(float(match.sum()), PSEUDO) / pairs, most)
        prior = min(prior, 1 - PSEUDO / max(pairs, 1))
        if drawn:
            u = [_of_others(r, each, prior, PSEUDO / pairs) for r, each in zip(random, m, strict=True)]
        if moved < CLOSE:
            break
    return prior, m, u


def posterior(levels: Levels, prior: float, m: Sequence[Doubles], u: Sequence[Doubles]) -> Doubles:
    """(n,) the probability of a match of each row, comparisons taken as independent."""
    weight = np.full(len(levels), np.log(prior / (1 - prior)))
    for i, (of_match, of_other) in enumerate(zip(m, u, strict=True)):
        bits = np.append(np.log(of_match / of_other), 0.0)  # -1 is the last
        weight += bits[levels[:, i]]
    return np.asarray(1 / (1 + np.exp(-weight)))


def _of_others(random: Doubles, m: Doubles, prior: float, least: float) -> Doubles:
    """At least a tenth of what was seen: how many of few random pairs match is not known that well."""
    left = np.maximum((random - prior * m) / (1 - prior), np.maximum(random / 10, least))
    return np.asarray(left / left.sum())


def _shares(levels: Levels, match: Doubles, size: int) -> Doubles:
    known = levels >= 0
    found = np.bincount(levels[known], weights=match[known], minlength=size) + PSEUDO / size
    return np.asarray(found / found.sum())


def household(
    levels: Levels, personal: Sequence[int], prior: float, m: Sequence[Doubles], u: Sequence[Doubles]
) -> float:
    """Bits for one person, of two records that share what a household shares: name, address, telephone.

    Such pairs are of one person, who agrees with himself in given name and birth date as m says, or of two, who agree
    as strangers do; which part is of one is learnt from these ``personal`` comparisons. 0 where there are no such
    pairs.
    """
    shared = [i for i in range(len(m)) if i not in personal]
    rest = list(personal)
    chance = posterior(levels[:, shared], prior, [m[i] for i in shared], [u[i] for i in shared])
    some = levels[chance >= SHARED][:, rest]
    some = some[(some >= 0).all(axis=1)]
    if not rest or not len(some):
        return 0.0
    of_one, _, _ = expectation_maximization(some, [u[i] for i in rest], [m[i] for i in rest], len(some), drawn=False)
    return log2(of_one / (1 - of_one))
