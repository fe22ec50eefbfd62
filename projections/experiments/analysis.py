"""A whole experiment from sufficient statistics: each metric, each arm against the control, and whether the arms have
the shares that were designed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from projections.experiments import bayesian, cuped, frequentist, sequential, srm
from projections.experiments.bayesian import Posterior, Prior
from projections.experiments.correction import Correction, Family, corrected
from projections.experiments.frequentist import Comparison
from projections.experiments.moments import Joint, Sample
from projections.experiments.sequential import Sequential
from projections.experiments.srm import Mismatch

PROPORTION, MEAN, RATIO = "proportion", "mean", "ratio"


@dataclass(frozen=True, slots=True)
class Metric:
    """``arms``: name → statistics. ``covariates``: name → (metric, covariate), for CUPED. ``limit``: the cap, where
    there is one. ``kind`` is found by itself, but for ratios."""

    name: str
    arms: Mapping[str, Sample]
    covariates: Mapping[str, Joint] = field(default_factory=dict)
    kind: str = ""
    limit: float | None = None

    def of_kind(self) -> str:
        """One of ``PROPORTION``, ``MEAN``, ``RATIO``."""
        return self.kind or (PROPORTION if all(arm.binary for arm in self.arms.values()) else MEAN)


@dataclass(frozen=True, slots=True)
class Options:
    """``tuned``: the planned size of two arms together, to which sequences are tuned (None: no sequences). ``shares``:
    as designed, in any unit; alike where nothing is said. ``families``: metric → what it is corrected with; all others
    are one family, by ``correction``."""

    control: str
    alpha: float = 0.05
    correction: Correction = Correction.HOLM
    tuned: int | None = None
    prior: Prior | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    families: Mapping[str, Family] = field(default_factory=dict)

    def family(self, metric: str) -> Family:
        """That a metric belongs to."""
        return self.families.get(metric) or Family("all", self.correction, "all arms and metrics")


@dataclass(frozen=True, slots=True)
class Result:
    """One metric of one arm against the control. ``comparison`` None: cannot be computed, nothing varies. ``p_value``
    is the one that counts (of the sequence, where there is one) and ``p_corrected`` that for all questions of its
    ``family``.
    ``kept``: the share of the variance that CUPED left. ``plain``: the comparison without CUPED."""

    metric: str
    kind: str
    arm: str
    control: Sample
    treatment: Sample
    comparison: Comparison | None
    posterior: Posterior | None
    sequence: Sequential | None
    p_value: float | None
    p_corrected: float | None = None
    kept: float | None = None
    plain: Comparison | None = None
    limit: float | None = None
    family: Family | None = None

    def significant(self, alpha: float) -> bool:
        """After the correction."""
        return self.p_corrected is not None and self.p_corrected < alpha


@dataclass(frozen=True, slots=True)
class Report:
    """``mismatch`` found: there is no verdict, whatever the results say."""

    options: Options
    counts: Mapping[str, int]
    mismatch: Mismatch | None
    results: tuple[Result, ...]

    @property
    def blocked(self) -> bool:
        """By a sample ratio mismatch."""
        return self.mismatch is not None and self.mismatch.found


def analyse(metrics: Sequence[Metric], counts: Mapping[str, int], options: Options) -> Report:
    """``counts``: units of all arms. Raises ValueError where there is no control or nothing to compare it with."""
    if options.control not in counts:
        raise ValueError("control: there is no arm of this name")
    if len(counts) < 2:
        raise ValueError("an experiment has two arms at least")
    shares = [options.shares.get(arm, 0.0) if options.shares else 1.0 for arm in counts]
    mismatch = srm.check(list(counts.values()), shares)
    arms = [arm for arm in counts if arm != options.control]
    results = [_result(metric, arm, options) for metric in metrics for arm in arms if _has(metric, arm, options)]
    return Report(options, counts, mismatch, tuple(with_corrections(results)))


def with_corrections(results: Sequence[Result]) -> list[Result]:
    """Results with p-values for all of their family together; those without a p-value ask nothing."""
    found = list(results)
    for family in dict.fromkeys(result.family for result in results if result.family):
        places = [i for i, r in enumerate(results) if r.family == family and r.p_value is not None]
        p_values = corrected([results[i].p_value or 0.0 for i in places], family.how)
        for i, p_corrected in zip(places, p_values, strict=True):
            found[i] = replace(results[i], p_corrected=p_corrected)
    return found


def _has(metric: Metric, arm: str, options: Options) -> bool:
    return arm in metric.arms and options.control in metric.arms


def _result(metric: Metric, arm: str, options: Options) -> Result:
    control, treatment = metric.arms[options.control], metric.arms[arm]
    kept, plain = None, None
    if options.control in metric.covariates and arm in metric.covariates:
        plain = frequentist.compare(control, treatment, options.alpha)
        pair = metric.covariates[options.control], metric.covariates[arm]
        kept = cuped.kept(*pair)
        control, treatment = cuped.adjusted(*pair)
    comparison = frequentist.compare(control, treatment, options.alpha)
    posterior = bayesian.relative(control, treatment, options.prior, options.alpha)
    sequence = sequential.at(control, treatment, options.alpha, options.tuned) if options.tuned else None
    p_value = sequence.absolute.p_value if sequence else comparison.p_value if comparison else None
    return Result(
        metric.name,
        metric.of_kind(),
        arm,
        control,
        treatment,
        comparison,
        posterior,
        sequence,
        p_value,
        None,
        kept,
        plain,
        metric.limit,
        options.family(metric.name),
    )
