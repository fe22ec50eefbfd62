"""Looking every day: asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2021,
arXiv:2103.06476v7), which cover the truth at all times at once, so that stopping at a look costs nothing.

An interval is wider than that of a fixed horizon by a factor that is smallest at the tuned sample size.
"""

import math
from dataclasses import dataclass

from projections.experiments.frequentist import Estimate, relative_error, uplift
from projections.experiments.moments import Sample

#: Where no sample size was planned: so many units in both arms.
TUNED = 10_000


@dataclass(frozen=True, slots=True)
class Sequential:
    """Intervals that hold at every look, and p-values that do."""

    absolute: Estimate
    relative: Estimate | None


def at(control: Sample, treatment: Sample, alpha: float = 0.05, tuned: int = TUNED) -> Sequential | None:
    """As of now, tuned to ``tuned`` units in both arms. None where nothing varies or an arm has fewer than two units.
    Raises ValueError for a tuning below 1."""
    if tuned < 1:
        raise ValueError("a sequence is tuned to a sample size from 1 on")
    if min(control.n, treatment.n) < 2:
        return None
    n, error = control.n + treatment.n, math.sqrt(control.squared_error + treatment.squared_error)
    if error == 0:
        return None
    absolute = estimate(treatment.mean - control.mean, error, n, alpha, tuned)
    unsure = relative_error(control, treatment) if control.unadjusted else 0.0
    if not unsure:  # the control's mean is 0, or the arm has nothing at all: no ratio of them is known
        return Sequential(absolute, None)
    return Sequential(absolute, estimate(uplift(control, treatment), unsure, n, alpha, tuned))


def spread(n: float, alpha: float, tuned: float) -> float:
    """Half the interval in standard errors at n units in both arms (their equation 9, times √n over the deviation)."""
    reached = n * rho2(alpha, tuned) + 1
    return math.sqrt(2 * reached * math.log(math.sqrt(reached) / alpha) / (reached - 1))


def rho2(alpha: float, tuned: float) -> float:
    """The square of the parameter rho whose interval is (nearly) narrowest at ``tuned`` units (their equation 161)."""
    return (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuned


def estimate(value: float, error: float, n: int, alpha: float = 0.05, tuned: int = TUNED) -> Estimate:
    """Of a mean or a difference of means of ``n`` units in all, with its standard error (above 0)."""
    width = spread(n, alpha, tuned) * error
    return Estimate(value, error, value - width, value + width, p_value(value / error, n, alpha, tuned))


def p_value(statistic: float, n: int, alpha: float, tuned: int) -> float:
    """Always valid: the inverse of the mixture martingale (their equation 155)."""
    reached = n * rho2(alpha, tuned) + 1
    evidence = 0.5 * statistic**2 * (reached - 1) / reached - 0.5 * math.log(reached)
    return math.exp(-max(evidence, 0.0))
