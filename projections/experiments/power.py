"""How many people, for how long, to see how much: two-sided, two arms compared."""

import math
from dataclasses import dataclass

from scipy import special

from projections.experiments.sequential import spread


@dataclass(frozen=True, slots=True)
class Baseline:
    """The metric as the control has it: mean and variance of one unit. ``rho``: correlation with a covariate known
    before exposure (CUPED)."""

    mean: float
    variance: float
    rho: float = 0.0
    binary: bool = False

    def __post_init__(self) -> None:
        if self.mean == 0 or self.variance <= 0 or not -1 < self.rho < 1:
            raise ValueError("a baseline needs a mean other than 0, a variance above 0 and a correlation within ±1")


@dataclass(frozen=True, slots=True)
class Plan:
    """``control``, ``treatment``: units an arm. ``effect``: relative, as asked for."""

    control: int
    treatment: int
    effect: float

    @property
    def units(self) -> int:
        """In both."""
        return self.control + self.treatment


@dataclass(frozen=True, slots=True)
class Asked:
    """``share``: of the treatment among both arms. ``comparisons``: alpha is divided by so many (Bonferroni).
    ``sequential``: looked at every day, tuned to the planned size."""

    alpha: float = 0.05
    power: float = 0.8
    share: float = 0.5
    comparisons: int = 1
    sequential: bool = False

    def __post_init__(self) -> None:
        if not (0 < self.alpha < 1 and 0 < self.power < 1 and 0 < self.share < 1 and self.comparisons >= 1):
            raise ValueError("alpha, power and share lie between 0 and 1, comparisons from 1 on")


def proportion(rate: float, rho: float = 0.0) -> Baseline:
    """Of a conversion rate. Raises ValueError unless it is between 0 and 1."""
    if not 0 < rate < 1:
        raise ValueError("a rate lies between 0 and 1")
    return Baseline(rate, rate * (1 - rate), rho, binary=True)


def sample_size(baseline: Baseline, effect: float, asked: Asked) -> Plan:
    """Units to see a relative ``effect``. Raises ValueError for an effect of 0, or one that makes no rate."""
    if effect == 0:
        raise ValueError("an effect of 0 needs no experiment")
    other = baseline.mean * (1 + effect)
    if baseline.binary and not 0 < other < 1:
        raise ValueError("with this effect the rate would not lie between 0 and 1")
    first, second = _variances(baseline, other)
    each = first / (1 - asked.share) + second / asked.share
    n = each * (_reach(asked) / (other - baseline.mean)) ** 2
    return Plan(math.ceil(n * (1 - asked.share)), math.ceil(n * asked.share), effect)


def detectable(baseline: Baseline, units: int, asked: Asked) -> float:
    """The smallest relative increase that so many units in both arms show. Raises ValueError for fewer than 2."""
    if units < 2:
        raise ValueError("two units at least")
    low, high = 0.0, 1.0
    most = (1 / baseline.mean - 1) * (1 - 1e-9) if baseline.binary else math.inf
    while high < most and sample_size(baseline, min(high, most), asked).units > units:
        high *= 2
    high = min(high, most)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if sample_size(baseline, middle, asked).units <= units else (middle, high)
    return high


def duration_days(plan: Plan, daily: float) -> int:
    """Whole days until so many units have come, at ``daily`` new ones in both arms. Raises ValueError for none."""
    if daily <= 0:
        raise ValueError("nobody comes")
    return math.ceil(plan.units / daily)


def achieved(baseline: Baseline, effect: float, units: int, asked: Asked) -> float:
    """The power that so many units have to see a relative ``effect``."""
    first, second = _variances(baseline, baseline.mean * (1 + effect))
    error = math.sqrt((first / (1 - asked.share) + second / asked.share) / units)
    return float(special.ndtr(abs(baseline.mean * effect) / error - _bound(asked)))


def _variances(baseline: Baseline, other: float) -> tuple[float, float]:
    left = 1 - baseline.rho**2
    second = other * (1 - other) if baseline.binary else baseline.variance
    return baseline.variance * left, second * left


def _reach(asked: Asked) -> float:
    return _bound(asked) + float(special.ndtri(asked.power))


def _bound(asked: Asked) -> float:
    alpha = asked.alpha / asked.comparisons
    return spread(1.0, alpha, 1.0) if asked.sequential else float(special.ndtri(1 - alpha / 2))
