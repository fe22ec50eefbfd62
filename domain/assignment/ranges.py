"""Ranges of buckets: which part of a line from 0 to 1 (or from 0 to 10,000) is whose."""

from collections.abc import Sequence
from typing import TypeVar

from domain.assignment.hashing import BUCKETS

N = TypeVar("N", int, float)
Range = tuple[float, float]
#: What weights may sum to, so that thirds can be written down.
NEARLY_ONE = 0.99, 1.01


def chosen(place: N, ranges: Sequence[tuple[N, N]]) -> int:
    """The first range that holds the place, its end left out; -1 for none."""
    return next((at for at, (start, end) in enumerate(ranges) if start <= place < end), -1)


def shares(buckets: Sequence[int], coverage: int) -> list[tuple[int, int]]:
    """The ranges of variants that lie side by side, each filled from its beginning as far as the coverage (0 … 10,000)
    goes. So a higher coverage adds people to each variant and moves nobody; what is no variant's stays nobody's."""
    found, start = list[tuple[int, int]](), 0
    for width in buckets:
        found.append((start, start + width * coverage // BUCKETS))
        start += width
    return found


def equal_weights(variations: int) -> list[float]:
    """1 in equal parts; nothing for no variations."""
    return [1 / variations] * variations if variations > 0 else []


def bucket_ranges(variations: int, coverage: float, weights: Sequence[float] | None) -> list[Range]:
    """As ``shares``, in GrowthBook's form: coverage is brought between 0 and 1; weights that are not one a
    variation, or do not sum to 1, are equal ones."""
    used = list(weights or ())
    if len(used) != variations or not NEARLY_ONE[0] <= sum(used) <= NEARLY_ONE[1]:
        used = equal_weights(variations)
    covered, start, found = min(max(coverage, 0.0), 1.0), 0.0, list[Range]()
    for weight in used:
        found.append((start, start + covered * weight))
        start += weight
    return found
