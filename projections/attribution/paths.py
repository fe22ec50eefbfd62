"""Paths of channels, and what came of them."""

from collections.abc import Iterable
from dataclasses import dataclass

#: Credits of conversions are counted in millionths of one.
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Path:
    """Channels in the order in which they were met, and of how many persons' ways this was: ``conversions`` that were
    worth ``value`` (whole units) together, and ``nulls`` that ended in nothing. ``ages``: how long before the end each
    touch was, in the unit of the half-life of the time decay (hours of the log, touches of a file)."""

    channels: tuple[str, ...]
    ages: tuple[int, ...]
    conversions: int = 0
    value: int = 0
    nulls: int = 0


def stepped(channels: tuple[str, ...], conversions: int = 0, value: int = 0, nulls: int = 0) -> Path:
    """A path without times: a touch's age is the number of touches after it."""
    return Path(channels, tuple(range(len(channels) - 1, -1, -1)), conversions, value, nulls)


def merged(paths: Iterable[Path]) -> list[Path]:
    """Equal paths as one, in order; those that were worth less than nothing by themselves."""
    sums: dict[tuple[tuple[str, ...], tuple[int, ...], bool], list[int]] = {}
    for path in paths:
        known = sums.setdefault((path.channels, path.ages, path.value < 0), [0, 0, 0])
        known[0] += path.conversions
        known[1] += path.value
        known[2] += path.nulls
    return [Path(channels, ages, *counts) for (channels, ages, _), counts in sorted(sums.items())]
