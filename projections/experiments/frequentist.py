"""Is there a difference, and how large: Welch's t (1947) for means and ratios, the z of two proportions.

The *test* of two proportions uses the pooled variance, which holds where there is no difference; *intervals* use each
arm's own, since there may be one. Relative uplift (treatment / control - 1) has its interval by the delta method.
What cannot be computed is None, never p = 1.
"""

import math
from dataclasses import dataclass

from scipy import special

from projections.experiments.moments import Sample

Z, T = "z", "t"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference with its interval. ``p_value`` is of no difference, two-sided."""

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """``test``: "z" or "t"; ``degrees`` of freedom (infinite for z). ``statistic`` and ``p_value`` are of the absolute
    difference. ``relative`` is None where the control's mean is 0."""

    test: str
    statistic: float
    degrees: float
    p_value: float
    absolute: Estimate
    relative: Estimate | None


def compare(control: Sample, treatment: Sample, alpha: float = 0.05) -> Comparison | None:
    """Treatment against control, intervals of level 1 - ``alpha``. None where nobody differs from anybody, or an arm
    has fewer than two units."""
    if min(control.n, treatment.n) < 2:
        return None
    difference = treatment.mean - control.mean
    error = math.sqrt(control.squared_error + treatment.squared_error)
    if error == 0:
        return None
    degrees = welch(control, treatment)
    absolute = estimate(difference, error, degrees, alpha)
    relative = _relative(control, treatment, degrees, alpha)
    if not (control.binary and treatment.binary):
        return Comparison(T, difference / error, degrees, absolute.p_value, absolute, relative)
    statistic = difference / pooled_error(control, treatment)
    return Comparison(Z, statistic, math.inf, _two_sided(statistic, math.inf), absolute, relative)


def estimate(value: float, error: float, degrees: float, alpha: float) -> Estimate:
    """With its t interval and p-value."""
    width = float(special.stdtrit(degrees, 1 - alpha / 2)) * error
    return Estimate(value, error, value - width, value + width, _two_sided(value / error, degrees))


def welch(a: Sample, b: Sample) -> float:
    """Degrees of freedom by Welch and Satterthwaite."""
    first, second = a.squared_error, b.squared_error
    return (first + second) ** 2 / (first**2 / (a.n - 1) + second**2 / (b.n - 1))


def relative_error(control: Sample, treatment: Sample) -> float:
    """Standard error of the relative uplift by the delta method. Raises ZeroDivisionError where control's mean is 0."""
    a, b = control.unadjusted, treatment.unadjusted
    return math.sqrt(treatment.squared_error / a**2 + control.squared_error * b**2 / a**4)


def uplift(control: Sample, treatment: Sample) -> float:
    """Relative to the control's measured mean. Raises ZeroDivisionError where that is 0."""
    return (treatment.mean - control.mean) / control.unadjusted


def pooled_error(a: Sample, b: Sample) -> float:
    """Standard error of the difference of two proportions, were there none."""
    p = (a.mean * a.n + b.mean * b.n) / (a.n + b.n)
    return math.sqrt(p * (1 - p) * (1 / a.n + 1 / b.n))


def _relative(control: Sample, treatment: Sample, degrees: float, alpha: float) -> Estimate | None:
    if control.unadjusted == 0:
        return None
    error = relative_error(control, treatment)
    return estimate(uplift(control, treatment), error, degrees, alpha) if error > 0 else None


def _two_sided(statistic: float, degrees: float) -> float:
    """2 P(T > |statistic|), from the tail itself, so that small ones keep their digits."""
    tail = special.ndtr(-abs(statistic)) if math.isinf(degrees) else special.stdtr(degrees, -abs(statistic))
    return float(min(2 * tail, 1.0))
