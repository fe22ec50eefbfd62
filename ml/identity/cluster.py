"""Persons from scored pairs: a pure function of the pairs of a component, in whatever order they came."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from ml.identity.fields import PLACE, Prepared
from ml.identity.model import weight_of
from ml.identity.score import Scorer

#: Records are merged without asking anybody from this probability on: of a thousand such merges at the very limit, one
#: is wrong; of all together, far fewer.
AUTOMATIC = 0.999
#: From here to ``AUTOMATIC`` a person is asked: more likely than not.
ASKED = 0.5
#: Bits are compared to this many places, so that the last digits of two engines' sums are of no matter.
PLACES = 6
Id = TypeVar("Id", bound=Hashable)
Conflict = Callable[[Prepared, Prepared], bool]


class Pair(NamedTuple):
    """Two records, ``one`` < ``other``, and their match weight in bits."""

    one: int
    other: int
    weight: float


def automatic_weight() -> float:
    """``AUTOMATIC`` in bits."""
    return weight_of(AUTOMATIC)


def conflict_of(scorer: Scorer, differs: Iterable[str] = ("loyalty",)) -> Conflict:
    """A veto on two records being one person, whoever says otherwise: different loyalty ids (``differs`` names such
    columns); other birth dates, and as surely two people as is asked for one; or given name and birth date so
    different that, of two records that share everything else, most like these are two people of one household."""
    places, certain = [PLACE[column] for column in differs], automatic_weight()

    def conflict(one: Prepared, other: Prepared) -> bool:
        for place in places:
            a, b = one[place], other[place]
            if a is not None and b is not None and a != b:
                return True
        if scorer.personal(one, other) < 0:
            return True
        return scorer.born_apart(one, other) and scorer.weight(one, other) < -certain

    return conflict


def clusters(pairs: Iterable[Pair], conflicts: Callable[[int, int], bool]) -> list[tuple[int, ...]]:
    """Groups of two records or more, each sorted, the groups too.

    Pairs are taken by descending weight, equal ones by their ids; a pair joins its two groups unless any record of the
    one conflicts with any of the other. So the result depends on the set of pairs alone.
    """
    group: dict[int, list[int]] = {}
    for one, other, _ in sorted(pairs, key=_strongest):
        left, right = group.setdefault(one, [one]), group.setdefault(other, [other])
        if left is right or any(conflicts(a, b) for a in left for b in right):
            continue
        left.extend(right)
        group.update(dict.fromkeys(right, left))
    found = {id(members): tuple(sorted(members)) for members in group.values() if len(members) > 1}
    return sorted(found.values())


def components(edges: Mapping[int, Mapping[int, float]], start: Iterable[int]) -> Iterator[set[int]]:
    """What hangs together with each of ``start``, every component once."""
    seen: set[int] = set()
    for each in start:
        if each in seen:
            continue
        reached, frontier = {each}, [each]
        while frontier:
            for other in edges.get(frontier.pop(), ()):
                if other not in reached:
                    reached.add(other)
                    frontier.append(other)
        seen |= reached
        yield reached


def _strongest(pair: Pair) -> tuple[float, int, int]:
    return -round(pair.weight, PLACES), pair.one, pair.other
