"""CUPED (Deng, Xu, Kohavi & Walker 2013): what was known of a unit before its exposure is taken out of the metric. The
variance that is left is 1 - ρ² of what it was."""

from dataclasses import replace

from projections.experiments.moments import Joint, Sample, add_joint


def theta(arms: tuple[Joint, ...]) -> float:
    """Cov(y, x) / Var(x) over all units; 0 where the covariate or the metric is the same for everybody."""
    whole = arms[0]
    for arm in arms[1:]:
        whole = add_joint(whole, arm)
    return whole.covariance / whole.x.variance if whole.x.variance > 0 and whole.y.variance > 0 else 0.0


def adjusted(control: Joint, treatment: Joint) -> tuple[Sample, Sample]:
    """Both arms without what the covariate ``x`` explains of ``y``, by one θ for both, around the covariate's common
    mean, so that means stay in the range they had."""
    coefficient = theta((control, treatment))
    if coefficient == 0:
        return control.y, treatment.y
    centre = add_joint(control, treatment).x.mean
    return _without(control, coefficient, centre), _without(treatment, coefficient, centre)


def kept(control: Joint, treatment: Joint) -> float:
    """The share of the variance of the difference that is left, 0 … 1; 1 where CUPED helps nothing."""
    before = control.y.squared_error + treatment.y.squared_error
    after = sum(arm.squared_error for arm in adjusted(control, treatment))
    return after / before if before else 1.0


def _without(arm: Joint, coefficient: float, centre: float) -> Sample:
    mean = arm.y.mean - coefficient * (arm.x.mean - centre)
    variance = arm.y.variance + coefficient**2 * arm.x.variance - 2 * coefficient * arm.covariance
    return replace(arm.y, mean=mean, variance=max(variance, 0.0), binary=False, raw=arm.y.mean)
