"""Shapley values of the game in which a set of channels is worth what came of the paths that it alone makes up (Zhao,
Mahboobi & Bagheri 2018).

That game is a sum of one small game for each set of channels met together, whose worth its members share equally. So
the value is exact for any number of channels, as a fraction, and nothing needs to be sampled. A path of nothing counts
for nothing: see ``markov_game`` for a game in which it does.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from projections.attribution.exact import Owed
from projections.attribution.paths import MILLION, Path


@dataclass(slots=True)
class Together:
    """Set of channels → conversions and value of the paths that met all of them and no other."""

    conversions: defaultdict[frozenset[str], int] = field(default_factory=lambda: defaultdict(int))
    value: defaultdict[frozenset[str], int] = field(default_factory=lambda: defaultdict(int))


def together(paths: Iterable[Path]) -> Together:
    """Who was met with whom."""
    found = Together()
    for path in paths:
        if path.channels and (path.conversions or path.value):
            met = frozenset(path.channels)
            found.conversions[met] += path.conversions
            found.value[met] += path.value
    return found


def owed(found: Together) -> tuple[Owed, Owed]:
    """Of conversions, in millionths of one, and of value."""
    return _shared(found.conversions, MILLION), _shared(found.value, 1)


def _shared(worth: defaultdict[frozenset[str], int], scale: int) -> Owed:
    found = Owed()
    for met, amount in worth.items():
        for channel in met:
            found.add(channel, amount * scale, len(met))
    return found
