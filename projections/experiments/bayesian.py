"""The same question to a Bayesian: a normal likelihood of the difference (its sample is large), a normal prior or none.

Without a prior the posterior is the likelihood. A prior is of the *relative* uplift, since what is plausible is known
as a percentage; for the absolute difference it is scaled by the control's mean.
"""

import math
from dataclasses import dataclass

from scipy import special

from projections.experiments.frequentist import relative_error, uplift
from projections.experiments.moments import Sample


@dataclass(frozen=True, slots=True)
class Prior:
    """Of the relative uplift. N(0, .3²) holds nine of ten effects to within ±50 %."""

    mean: float = 0.0
    deviation: float = 0.3


@dataclass(frozen=True, slots=True)
class Posterior:
    """``low``, ``high``: credible interval. ``chance``: that treatment is above control. ``loss_treatment``: expected
    loss of choosing the treatment, in the unit of ``mean``; ``loss_control``: of staying with the control."""

    mean: float
    deviation: float
    low: float
    high: float
    chance: float
    loss_treatment: float
    loss_control: float


def relative(control: Sample, treatment: Sample, prior: Prior | None = None, alpha: float = 0.05) -> Posterior | None:
    """Of the relative uplift; None where the control's mean is 0, nothing varies, or an arm has fewer than two units:
    of one nobody knows how it varies."""
    if _silent(control, treatment) or control.unadjusted == 0:
        return None
    return _posterior(uplift(control, treatment), relative_error(control, treatment), prior, alpha)


def absolute(control: Sample, treatment: Sample, prior: Prior | None = None, alpha: float = 0.05) -> Posterior | None:
    """Of the difference of means; None where nothing varies, or an arm has fewer than two units."""
    if _silent(control, treatment):
        return None
    scale = abs(control.unadjusted)
    scaled = Prior(prior.mean * scale, prior.deviation * scale) if prior and scale else None
    error = math.sqrt(control.squared_error + treatment.squared_error)
    return _posterior(treatment.mean - control.mean, error, scaled, alpha)


def _silent(control: Sample, treatment: Sample) -> bool:
    return min(control.n, treatment.n) < 2 or control.variance + treatment.variance <= 0


def _posterior(value: float, error: float, prior: Prior | None, alpha: float) -> Posterior | None:
    if error == 0:
        return None
    if prior is None:
        mean, deviation = value, error
    else:
        precision = error**-2 + prior.deviation**-2
        mean = (value * error**-2 + prior.mean * prior.deviation**-2) / precision
        deviation = precision**-0.5
    width = float(special.ndtri(1 - alpha / 2)) * deviation
    better, density = float(special.ndtr(mean / deviation)), math.exp(-0.5 * (mean / deviation) ** 2)
    tail = deviation * density / math.sqrt(2 * math.pi)
    # E[max(-δ, 0)] and E[max(δ, 0)] of a normal δ
    loss_treatment = max(tail - mean * float(special.ndtr(-mean / deviation)), 0.0)
    loss_control = max(tail + mean * better, 0.0)
    return Posterior(mean, deviation, mean - width, mean + width, better, loss_treatment, loss_control)
