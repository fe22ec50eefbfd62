"""Sufficient statistics of one metric in one arm. Parts can be added in any order (Chan, Golub & LeVeque 1979), which
stays exact where sums of squares would lose their digits."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """n units with a mean and a variance of one unit (n - 1 below; p(1 - p) where ``binary``). ``raw``: the mean before
    a covariate was taken out; relative uplift is always relative to it."""

    n: int
    mean: float
    variance: float
    binary: bool = False
    raw: float | None = None

    @property
    def unadjusted(self) -> float:
        """The mean as it was measured."""
        return self.mean if self.raw is None else self.raw

    @property
    def squared_error(self) -> float:
        """Variance of the mean. Raises ZeroDivisionError without units."""
        return self.variance / self.n


@dataclass(frozen=True, slots=True)
class Joint:
    """Two metrics of the same n units: ``y``, ``x`` and their covariance (n - 1 below)."""

    y: Sample
    x: Sample
    covariance: float

    @property
    def n(self) -> int:
        """Units."""
        return self.y.n


def of_values(values: Floats) -> Sample:
    """Of an array (n,); binary where it holds nothing but 0 and 1. Raises ValueError without values."""
    if not len(values):
        raise ValueError("no unit")
    mean = float(values.mean())
    if bool(((values == 0) | (values == 1)).all()):
        return proportion(len(values), round(float(values.sum())))
    return Sample(len(values), mean, float(values.var(ddof=1)) if len(values) > 1 else 0.0)


def of_pairs(y: Floats, x: Floats) -> Joint:
    """Of two arrays (n,). Raises ValueError without values."""
    first, second = of_values(y), of_values(x)
    products = float(((y - y.mean()) * (x - x.mean())).sum())
    return Joint(first, second, products / (len(y) - 1) if len(y) > 1 else 0.0)


def proportion(n: int, successes: int) -> Sample:
    """So many successes among n. Raises ValueError for what cannot be."""
    if not 0 <= successes <= n or n == 0:
        raise ValueError("successes are not from 0 to n, or there is no unit")
    mean = successes / n
    return Sample(n, mean, mean * (1 - mean), binary=True)


def of_sums(n: int, total: int, squares: int) -> Sample:
    """Of whole-number sums, as of money in cents, with no rounding before the end. Raises ValueError without units."""
    if n <= 0:
        raise ValueError("no unit")
    return Sample(n, total / n, (n * squares - total * total) / (n * (n - 1)) if n > 1 else 0.0)


def of_product_sums(y: tuple[int, int], x: tuple[int, int], products: int, n: int) -> Joint:
    """Of whole-number (sum, sum of squares) of y and of x, and the sum of their products. Raises ValueError."""
    covariance = (n * products - y[0] * x[0]) / (n * (n - 1)) if n > 1 else 0.0
    return Joint(of_sums(n, *y), of_sums(n, *x), covariance)


def add(a: Sample, b: Sample) -> Sample:
    """The statistics of the units of both. Adjusted ones cannot be added: add first, adjust then."""
    n = a.n + b.n
    if not a.n or not b.n:
        return a if a.n else b
    mean = a.mean + (b.mean - a.mean) * b.n / n
    if a.binary and b.binary:
        return Sample(n, mean, mean * (1 - mean), binary=True)
    squares = _squares(a) + _squares(b) + (b.mean - a.mean) ** 2 * a.n * b.n / n
    return Sample(n, mean, squares / (n - 1))


def add_joint(a: Joint, b: Joint) -> Joint:
    """The statistics of the units of both."""
    n = a.n + b.n
    if not a.n or not b.n:
        return a if a.n else b
    between = (b.y.mean - a.y.mean) * (b.x.mean - a.x.mean) * a.n * b.n / n
    products = a.covariance * (a.n - 1) + b.covariance * (b.n - 1) + between
    return Joint(add(a.y, b.y), add(a.x, b.x), products / (n - 1))


def total(samples: Iterable[Sample]) -> Sample:
    """All together. Raises TypeError for none."""
    return reduce(add, samples)


def ratio(joint: Joint) -> Sample:
    """Mean of y / mean of x as one metric (revenue an order, clicks a view), its variance by the delta method (Deng,
    Knoblich & Lu 2018). Raises ValueError where the denominator is 0."""
    y, x = joint.y, joint.x
    if x.mean == 0:
        raise ValueError("the denominator of the ratio is 0 everywhere")
    quotient = y.mean / x.mean
    variance = (y.variance - 2 * quotient * joint.covariance + quotient**2 * x.variance) / x.mean**2
    return Sample(joint.n, quotient, max(variance, 0.0))


def scaled(sample: Sample, factor: float) -> Sample:
    """In another unit, cents to euros for instance."""
    raw = None if sample.raw is None else sample.raw * factor
    return replace(sample, mean=sample.mean * factor, variance=sample.variance * factor**2, raw=raw, binary=False)


def _squares(sample: Sample) -> float:
    return sample.variance * (sample.n if sample.binary else sample.n - 1)
