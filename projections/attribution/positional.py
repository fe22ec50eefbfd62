"""Models that look at one path alone: each touch has a whole-number weight, by its place or by its age."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

from projections.attribution.paths import Path

DIRECT = "direct"
#: The weight of a touch at the moment of the conversion.
SCALE = 1 << 30
Weigh = Callable[[Path], Sequence[int]]


def first(path: Path) -> Sequence[int]:
    """All to the first touch."""
    return (1, *(0,) * (len(path.channels) - 1))


def last(path: Path) -> Sequence[int]:
    """All to the last touch."""
    return (*(0,) * (len(path.channels) - 1), 1)


def last_non_direct(path: Path, direct: str = DIRECT) -> Sequence[int]:
    """All to the last touch that is not direct; where all are, to the last."""
    others = [place for place, channel in enumerate(path.channels) if channel != direct]
    chosen = others[-1] if others else len(path.channels) - 1
    return [int(place == chosen) for place in range(len(path.channels))]


def linear(path: Path) -> Sequence[int]:
    """The same to each touch."""
    return (1,) * len(path.channels)


def position(path: Path) -> Sequence[int]:
    """40 % to the first touch, 40 % to the last, 20 % to those between; half each where there are but two."""
    return _position(len(path.channels))


@cache
def _position(touches: int) -> Sequence[int]:
    if touches < 3:
        return (1,) * touches
    between = touches - 2
    return (2 * between, *(1,) * between, 2 * between)


def time_decay(path: Path, half_life: int) -> Sequence[int]:
    """Half as much for each half-life that a touch is older, in ``SCALE``-ths, 1 at least."""
    return [decayed(age, half_life) for age in path.ages]


@cache
def decayed(age: int, half_life: int) -> int:
    """The weight of a touch of this age; both in the same unit."""
    left: float = 0.5 ** (age / half_life)
    return max(1, round(SCALE * left))


def weighing(half_life: int, direct: str = DIRECT) -> Mapping[str, Weigh]:
    """Model → what weighs the touches of a path."""
    return {
        "first": first,
        "last": last,
        "last-non-direct": partial(last_non_direct, direct=direct),
        "linear": linear,
        "position": position,
        "time-decay": partial(time_decay, half_life=half_life),
    }
