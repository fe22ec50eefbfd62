"""What personalization has to do with revenue, told in two ways that are never added together: what a model credits
recommendations with, and what an experiment measured that they change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projections.experiments.analysis import Result
from projections.experiments.frequentist import Estimate
from queries.experiment_report import ExperimentReport

CREDITED = (
    "Credited: the part of orders that the model gives to recommendations that were shown or clicked on the way. "
    "It says where recommendations stood, not what would have been bought without them."
)
MEASURED = (
    "Measured: what the experiment changed, people with recommendations against people without, who were drawn by "
    "chance. This is what recommendations cause, and it may be far less, or more, than what they are credited with."
)
UNMEASURED = (
    "Measured: nothing. No experiment was named (--experiment), so nobody knows what recommendations cause; "
    "the credit above is no measure of it."
)


@dataclass(frozen=True, slots=True)
class Lift:
    """What an arm of an experiment did to a metric against its control, with an interval that holds at every look where
    the metric is the primary one. ``low`` and ``high`` are of ``change``, all relative: .05 is 5 % more."""

    experiment: str
    arm: str
    metric: str
    change: float
    low: float
    high: float
    persons: int


@dataclass(frozen=True, slots=True)
class Personalization:
    """``credited``: model → cents of the recommendation channels together. ``measured``: lifts of the experiment named.
    ``words``: which is which."""

    credited: Mapping[str, int]
    measured: tuple[Lift, ...] = ()
    words: tuple[str, ...] = (CREDITED, UNMEASURED)


def personalization(credited: Mapping[str, Mapping[str, int]], channels: Sequence[str]) -> Personalization:
    """``credited``: model → channel → cents."""
    return Personalization({model: sum(of.get(each, 0) for each in channels) for model, of in credited.items()})


def beside(credited: Personalization, experiment: ExperimentReport, metrics: Sequence[str]) -> Personalization:
    """With what the experiment says of these metrics."""
    persons = sum(experiment.report.counts.values())
    lifts = []
    for each in experiment.report.results:
        found = _relative(each)
        if each.metric in metrics and found:
            lifts.append(Lift(experiment.key, each.arm, each.metric, found.value, found.low, found.high, persons))
    return Personalization(credited.credited, tuple(lifts), (CREDITED, MEASURED if lifts else UNMEASURED))


def _relative(result: Result) -> Estimate | None:
    if result.sequence:
        return result.sequence.relative
    return result.comparison.relative if result.comparison else None
