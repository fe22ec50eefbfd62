"""Customers by what the models need: how often, how lately, how long known. Times in any one unit, weeks say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Summary:
    """All (n,). ``frequency``: repeat purchases, so the first is not counted. ``recency``: from the first purchase to
    the latest, 0 for who bought once. ``age``: from the first purchase to now. ``money``: mean of the repeat purchases,
    0 for who made none; None where amounts are not known. Raises ValueError that says which row cannot be."""

    frequency: Floats
    recency: Floats
    age: Floats
    money: Floats | None = None

    def __post_init__(self) -> None:
        if not len(self.frequency):
            raise ValueError("no customer")
        wrong = (self.frequency < 0) | (self.frequency != np.round(self.frequency))
        wrong |= (self.recency < 0) | (self.recency > self.age)
        wrong |= (self.frequency == 0) & (self.recency > 0)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0]) + 1
            raise ValueError(f"customer {row}: frequency is a whole number from 0 on, and recency from 0 to the age")


def summarise(customers: Codes, days: Codes, amounts: Floats | None, until: int, unit_days: float) -> Summary:
    """Of purchases (p,), those after day ``until`` left out; several on one day are one. Customers in the order of
    their codes, those who had not bought by then left out. Raises ValueError without purchases."""
    known = days <= until
    if not known.any():
        raise ValueError("no purchase until then")
    money = np.zeros(int(known.sum())) if amounts is None else amounts[known]
    pairs, where = np.unique(np.stack((customers[known], days[known])), axis=1, return_inverse=True)
    paid = np.bincount(where.ravel(), weights=money)
    _, first, times = np.unique(pairs[0], return_index=True, return_counts=True)
    starts, latest = pairs[1][first], pairs[1][first + times - 1]
    frequency = (times - 1).astype(np.float64)
    spent = np.add.reduceat(paid, first) - paid[first]
    mean = np.divide(spent, frequency, out=np.zeros_like(spent), where=frequency > 0)
    recency, age = (latest - starts) / unit_days, (until - starts) / unit_days
    return Summary(frequency, recency, age, None if amounts is None else mean)
