"""Records that come one by one: after each the persons are those that all records at once would have given."""

from collections.abc import Callable

from ml.identity.blocking import MOST, keys
from ml.identity.cluster import PLACES, Conflict, Pair, clusters, components
from ml.identity.fields import Prepared
from ml.identity.score import Scorer

Key = tuple[int, bytes]


def anybody(one: int, other: int) -> bool:
    """Any two records may be compared."""
    return True


class Graph:
    """``threshold`` in bits. ``may`` tells which records are compared at all, by their ids."""

    def __init__(
        self, scorer: Scorer, conflict: Conflict, threshold: float, may: Callable[[int, int], bool] = anybody
    ) -> None:
        self._scorer, self._conflict, self._may = scorer, conflict, may
        self._threshold = round(threshold, PLACES)
        self._records: dict[int, Prepared] = {}
        self._keys: dict[int, list[Key]] = {}
        self._members: dict[Key, list[int]] = {}
        self._edges: dict[int, dict[int, float]] = {}
        self._persons: dict[int, tuple[int, ...]] = {}

    def add(self, number: int, record: Prepared) -> tuple[int, ...]:
        """The records that are one person with it now; those around it are clustered anew, nobody else."""
        mine = [(rule, key) for rule, key in enumerate(keys(record)) if key is not None]
        self._records[number], self._keys[number], self._edges[number] = record, mine, {}
        touched = {number}
        for key in mine:
            members = self._members.setdefault(key, [])
            members.append(number)
            if len(members) == MOST + 1:
                touched |= self._retire(key)
        others = {m for key in mine if len(self._members[key]) <= MOST for m in self._members[key]} - {number}
        for other in others:
            if self._may(number, other):
                self._compare(number, other)
        for component in components(self._edges, touched):
            self._recluster(component)
        return self._persons.get(number, (number,))

    def persons(self) -> list[tuple[int, ...]]:
        """All of two records or more, as ``clusters`` gives them."""
        return sorted(set(self._persons.values()))

    def _compare(self, one: int, other: int) -> None:
        weight = round(self._scorer.weight(self._records[one], self._records[other]), PLACES)
        if weight >= self._threshold:
            self._edges[one][other] = self._edges[other][one] = weight

    def _retire(self, key: Key) -> set[int]:
        """A key that too many have now tells nothing: who was compared by it alone no longer is. Who that touches."""
        touched = set()
        among = set(self._members[key])
        for one in among:
            for other in [o for o in self._edges[one] if o in among and not self._share(one, o)]:
                del self._edges[one][other], self._edges[other][one]
                touched |= {one, other}
        return touched

    def _share(self, one: int, other: int) -> bool:
        theirs = set(self._keys[other])
        return any(key in theirs and len(self._members[key]) <= MOST for key in self._keys[one])

    def _recluster(self, component: set[int]) -> None:
        pairs = [Pair(a, b, weight) for a in component for b, weight in self._edges[a].items() if a < b]
        for each in component:
            self._persons.pop(each, None)
        for person in clusters(pairs, self._conflicts):
            self._persons.update(dict.fromkeys(person, person))

    def _conflicts(self, one: int, other: int) -> bool:
        return self._conflict(self._records[one], self._records[other])
