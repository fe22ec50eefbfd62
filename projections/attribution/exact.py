"""Sums of fractions without rounding: what each channel is owed, by denominators, so that parts of a log add up in any
order."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from projections.attribution.apportion import apportion
from projections.attribution.paths import MILLION, Path
from projections.attribution.positional import Weigh


class Owed:
    """``parts``: (channel, denominator) → numerator."""

    def __init__(self) -> None:
        self.parts: defaultdict[tuple[str, int], int] = defaultdict(int)

    def add(self, channel: str, numerator: int, denominator: int) -> None:
        """So much more."""
        self.parts[channel, denominator] += numerator

    def credits(self, channels: Iterable[str]) -> dict[str, int]:
        """Whole numbers that sum to all that was added, which must be whole."""
        found = dict.fromkeys(channels, Fraction())
        for (channel, denominator), numerator in self.parts.items():
            found[channel] += Fraction(numerator, denominator)
        return apportion(found)


def divide(owed: Owed, path: Path, weights: Sequence[int], amount: int) -> None:
    """An amount divided among a path's touches as their weights are, exactly."""
    whole = sum(weights)
    for channel, weight in zip(path.channels, weights, strict=True):
        if weight:
            owed.add(channel, amount * weight, whole)


def divide_finely(owed: Owed, path: Path, weights: Sequence[int], amount: int) -> None:
    """The same where weights are of so many different sums that exact fractions would have no end of denominators: in
    millionths of a unit, cut towards 0, what is left to the last touch. So a sum does not depend on any order."""
    whole, sign = sum(weights), -1 if amount < 0 else 1
    fine = abs(amount) * MILLION
    cut = [fine * weight // whole for weight in weights]
    cut[-1] += fine - sum(cut)
    for channel, part in zip(path.channels, cut, strict=True):
        owed.add(channel, sign * part, MILLION)


def owed(paths: Iterable[Path], weigh: Weigh, *, fine: bool) -> tuple[Owed, Owed]:
    """Of conversions, in millionths of one, and of value."""
    conversions, value = Owed(), Owed()
    share = divide_finely if fine else divide
    for path in paths:
        if path.channels and (path.conversions or path.value):
            weights = weigh(path)
            share(conversions, path, weights, path.conversions * MILLION)
            share(value, path, weights, path.value)
    return conversions, value
