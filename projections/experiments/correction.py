"""p-values of several questions asked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Correction(StrEnum):
    """Holm: the chance of any false find stays below alpha. Benjamini-Hochberg: the share of false ones among the finds
    does."""

    NONE = "none"
    HOLM = "holm"
    BH = "bh"


@dataclass(frozen=True, slots=True)
class Family:
    """Questions that are corrected together, and how. ``words``: for readers, what they are."""

    name: str
    how: Correction
    words: str

    def __str__(self) -> str:
        return f"{self.words}, {NAMES[self.how]}"


NAMES = {Correction.NONE: "uncorrected", Correction.HOLM: "Holm", Correction.BH: "Benjamini-Hochberg"}


def corrected(p_values: Sequence[float], how: Correction) -> list[float]:
    """In the order given."""
    return {Correction.HOLM: holm, Correction.BH: benjamini_hochberg}.get(how, list)(p_values)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm (1979): the i-th smallest of m is multiplied by m - i + 1, and none may be below one before it."""
    out, least = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(_ascending(p_values)):
        least = max(least, min(1.0, p_values[i] * (len(p_values) - rank)))
        out[i] = least
    return out


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini & Hochberg (1995): the i-th smallest of m times m / i, and none may be above one after it."""
    out, most = [0.0] * len(p_values), 1.0
    for rank, i in reversed(list(enumerate(_ascending(p_values), 1))):
        most = min(most, p_values[i] * len(p_values) / rank)
        out[i] = most
    return out


def _ascending(p_values: Sequence[float]) -> list[int]:
    return sorted(range(len(p_values)), key=p_values.__getitem__)
