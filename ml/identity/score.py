"""The match weight of one pair, exactly as the engine for whole files computes it, from the same table."""

from collections.abc import Callable, Iterable
from math import log2
from typing import NamedTuple

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from ml.identity.comparisons import Condition, Kind, Level
from ml.identity.fields import PLACE, Prepared
from ml.identity.model import LEAST, Frequencies, IdentityModel, Learnt

Test = Callable[[Prepared, Prepared], bool]
Compared = Callable[[Prepared, Prepared], tuple[int, float]]
UNKNOWN = -1
#: Comparisons that tell a person from others of the same household.
PERSONAL = frozenset(("given", "born", "personal_id", "loyalty"))


class Evidence(NamedTuple):
    """What one comparison told: name, name of the level, bits. No value of anybody's."""

    comparison: str
    level: str
    weight: float


class Scorer:
    """Of one model; pure and without state."""

    def __init__(self, model: IdentityModel) -> None:
        self.model = model
        self._prior = model.prior_weight
        self._compare = [_comparison(each, model.frequencies) for each in model.learnt]
        self._most = [_most(each, model.frequencies) for each in model.learnt]
        self._order = sorted(range(len(self._compare)), key=lambda place: -self._most[place])
        self._born = [c for c, e in zip(self._compare, model.learnt, strict=True) if e.comparison.name == "born"]
        self._strangers = [len(e.comparison.levels) for e in model.learnt if e.comparison.name == "born"]
        self._personal = [
            compare
            for compare, each in zip(self._compare, model.learnt, strict=True)
            if each.comparison.name in PERSONAL
        ]

    def weight(self, one: Prepared, other: Prepared) -> float:
        """In bits; ``model.probability`` makes it the probability that they are one person."""
        return self._prior + sum([compare(one, other)[1] for compare in self._compare])

    def at_least(self, one: Prepared, other: Prepared, least: float) -> float | None:
        """The weight if it is ``least`` or more, else None: looks no further when that cannot be reached any more."""
        found, left = [0.0] * len(self._compare), sum(self._most) + self._prior - least + 1e-6
        for place in self._order:
            found[place] = bits = self._compare[place](one, other)[1]
            left += bits - self._most[place]
            if left < 0:
                return None
        weight = self._prior + sum(found)
        return weight if weight >= least else None

    def levels(self, one: Prepared, other: Prepared) -> tuple[int, ...]:
        """Of each comparison the place of the level, ``UNKNOWN`` where either record tells nothing."""
        return tuple(compare(one, other)[0] for compare in self._compare)

    def personal(self, one: Prepared, other: Prepared) -> float:
        """Bits for one person, if they share all that a household shares: below 0, these are two of one household."""
        return self.model.household + sum([compare(one, other)[1] for compare in self._personal])

    def born_apart(self, one: Prepared, other: Prepared) -> bool:
        """Both birth dates are known and do not agree at any level."""
        return any(c(one, other)[0] == worst for c, worst in zip(self._born, self._strangers, strict=True))

    def evidence(self, one: Prepared, other: Prepared) -> tuple[Evidence, ...]:
        """What each comparison told that had something to tell."""
        return tuple(self._evidence(one, other))

    def _evidence(self, one: Prepared, other: Prepared) -> Iterable[Evidence]:
        for compare, each in zip(self._compare, self.model.learnt, strict=True):
            place, weight = compare(one, other)
            if place != UNKNOWN:
                names = [*(level.name for level in each.comparison.levels), "else"]
                yield Evidence(each.comparison.name, names[place], round(weight, 4))


def _comparison(learnt: Learnt, frequencies: dict[str, Frequencies]) -> Compared:
    needs = tuple(PLACE[need] for need in learnt.comparison.needs)
    weights = tuple(odds.weight for odds in learnt.odds)
    levels = tuple(
        (place, _all(level), weights[place], _rarity(level, max(learnt.odds[place].u, LEAST), frequencies))
        for place, level in enumerate(learnt.comparison.levels)
    )
    otherwise = len(levels), weights[-1]

    def compared(one: Prepared, other: Prepared) -> tuple[int, float]:
        if all(one[need] is None or other[need] is None for need in needs):
            return UNKNOWN, 0.0
        for place, holds, weight, rarity in levels:
            if holds(one, other):
                return place, weight + rarity(one) if rarity else weight
        return otherwise

    return compared


def _most(learnt: Learnt, frequencies: dict[str, Frequencies]) -> float:
    """The most bits that a comparison can give."""
    bits = [0.0]
    for level, odds in zip(learnt.comparison.levels, learnt.odds, strict=False):
        rarest = 0.0
        if level.frequency:
            known = frequencies[level.frequency]
            rarest = log2(max(odds.u, LEAST) / min(known.rare, *known.common.values(), 1.0))
        bits.append(odds.weight + max(rarest, 0.0))
    return max(*bits, learnt.odds[-1].weight)


def _rarity(level: Level, u: float, frequencies: dict[str, Frequencies]) -> Callable[[Prepared], float] | None:
    """Bits more for a rare value, less for a frequent one: log2(u / its frequency) (Winkler 2000)."""
    if level.frequency is None:
        return None
    known, place = frequencies[level.frequency], PLACE[level.frequency]
    common = {value.encode(): log2(u / share) for value, share in known.common.items()}
    rare = log2(u / known.rare)
    return lambda record: common.get(record[place] or b"", rare)


def _all(level: Level) -> Test:
    tests = tuple(_test(each) for each in level.conditions)
    if len(tests) == 1:
        return tests[0]
    return lambda one, other: all(test(one, other) for test in tests)


def _test(condition: Condition) -> Test:
    if condition.kind in (Kind.CROSSED, Kind.CROSSED_SIMILAR):
        return _crossed(condition)
    place, limit = PLACE[condition.columns[0]], condition.limit
    same = _agree(condition.kind, limit)

    def holds(one: Prepared, other: Prepared) -> bool:
        a, b = one[place], other[place]
        return a is not None and b is not None and same(a, b)

    return holds


def _crossed(condition: Condition) -> Test:
    first, second = (PLACE[column] for column in condition.columns)
    same = _agree(Kind.EQUAL if condition.kind is Kind.CROSSED else Kind.SIMILAR, condition.limit)

    def holds(one: Prepared, other: Prepared) -> bool:
        a, b, c, d = one[first], other[second], one[second], other[first]
        return bool((a and b and same(a, b)) or (c and d and same(c, d)))

    return holds


def _agree(kind: Kind, limit: float) -> Callable[[bytes, bytes], bool]:
    similarity, distance, most = JaroWinkler.similarity, DamerauLevenshtein.distance, int(limit)
    if kind is Kind.SIMILAR:
        return lambda a, b: similarity(a, b) >= limit
    if kind is Kind.NEAR:
        return lambda a, b: distance(a, b) <= most
    return lambda a, b: a == b
