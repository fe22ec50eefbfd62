"""What personalization has to do with revenue, told in two ways that are never added together: what a model credits
recommendations with, and what an experiment measured that they change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from projections.experiments.verdict import change_of
from queries.experiment_report import ExperimentReport

CREDITED = (
    "Credited: the part of orders that the model gives to recommendations that were shown or clicked on the way. "
    "It says where recommendations stood, not what would have been bought without them."
)
MEASURED = (
    "Measured: what the experiment changed, its arm against its control, of people who were drawn by chance. Where the "
    "control has no recommendations this is what recommendations cause, and it may be far less, or more, than what "
    "they are credited with."
)
UNMEASURED = (
    "Measured: nothing. No experiment was named (--experiment), so nobody knows what recommendations cause; "
    "the credit above is no measure of it."
)
UNSEEN = (
    "Measured: nothing yet. Of the experiment that was named nobody, or one arm alone, has been seen in this time; "
    "the credit above is no measure of what recommendations cause."
)
MISMATCHED = (
    "Measured: nothing that counts. The arms of the experiment that was named have sizes that cannot have come "
    "about by chance, so what they say is no measure of what recommendations cause."
)
ELSEWHERE = (
    "Measured: nothing in this currency. Experiments are measured in the shop's own, {}; "
    "the credit above is no measure of what recommendations cause."
)


@dataclass(frozen=True, slots=True)
class Lift:
    """What an arm of an experiment did to a metric against its control, with an interval that holds at every look where
    the metric is the primary one. ``low`` and ``high`` are of ``change``, all relative: .05 is 5 % more. ``shown``: a
    difference is, also once corrected for all that the experiment asks."""

    experiment: str
    arm: str
    metric: str
    change: float
    low: float
    high: float
    persons: int
    shown: bool


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


def beside(credited: Personalization, experiment: ExperimentReport | None, metrics: Sequence[str]) -> Personalization:
    """With what the experiment says of these metrics; None: it has nothing to compare."""
    if experiment is not None and experiment.mismatch and experiment.mismatch.found:
        return Personalization(credited.credited, (), (CREDITED, MISMATCHED))
    lifts = () if experiment is None else tuple(_lifts(experiment, metrics))
    return Personalization(credited.credited, lifts, (CREDITED, MEASURED if lifts else UNSEEN))


def elsewhere(credited: Personalization, currency: str) -> Personalization:
    """``currency``: the one in which experiments are measured."""
    return Personalization(credited.credited, (), (CREDITED, ELSEWHERE.format(currency)))


def _lifts(experiment: ExperimentReport, metrics: Sequence[str]) -> Iterator[Lift]:
    persons, alpha = sum(experiment.report.counts.values()), experiment.report.options.alpha
    for each in experiment.report.results:
        found = change_of(each)
        if each.metric in metrics and found:
            change = found.value, found.low, found.high
            yield Lift(experiment.key, each.arm, each.metric, *change, persons, each.significant(alpha))
