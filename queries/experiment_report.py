"""What came of an experiment, as of a position of the log: each metric, each arm against the control, whether the arms
have the shares that were designed, how it looked day by day, and a verdict in words. Pure.

An arm's lifetime value, order value and the like are the outcome board's: measured from who was exposed, never claimed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from projections.experiments import exposed, srm, steps
from projections.experiments.analysis import Options, Report, analyse
from projections.experiments.exposed import AMOUNTS, DAY_MS, NAMES, RATIOS, Person, Rules
from projections.experiments.sequential import TUNED
from projections.experiments.srm import Mismatch
from projections.experiments.verdict import verdict
from queries.experiments import Change, Told
from queries.outcome_board import Board, board

MEASURED = (*NAMES, *RATIOS)
#: Of which less is better.
LOWER_IS_BETTER = frozenset({"refunds", "abandoned", "cart_abandonment"})
MOST_LOOKS = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """``planned``: persons in two arms together, to which sequences are tuned. ``until_ms``: nothing at or after it
    counts. The rest: see ``Rules``."""

    until_ms: int
    alpha: float = 0.05
    planned: int = TUNED
    within_ms: int | None = None
    cap_cents: int | None = None


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """``paths``: arm → how the primary metric looked day by day. ``crossed``: arms → persons left out, for they were
    exposed to all of them. ``mismatch``: of those who came since shares were changed last."""

    key: str
    state: str
    hypothesis: str
    primary: str
    verdict: str
    report: Report
    board: Board
    paths: Mapping[str, steps.Path]
    crossed: Mapping[tuple[str, ...], int]
    mismatch: Mismatch | None
    notes: tuple[str, ...]


def report(told: Told, persons: Sequence[Person], asked: Asked) -> ExperimentReport:
    """Raises ValueError for a metric that is not measured, and where there is nothing to compare."""
    design = told.design
    _check((design.primary_metric, *design.guardrail_metrics))
    control = design.variants[0].name
    shares = {variant.name: float(variant.buckets) for variant in design.variants}
    options = Options(control, asked.alpha, tuned=asked.planned, shares=shares)
    rules = Rules(within_ms=asked.within_ms, until_ms=asked.until_ms, cap_cents=asked.cap_cents)
    totals = exposed.fold(persons, rules)
    wanted = {design.primary_metric, *design.guardrail_metrics}
    metrics = [metric for metric in exposed.metrics(totals) if metric.name in wanted or metric.name in AMOUNTS]
    found = analyse(metrics, exposed.counts(totals), options)
    mismatch = _mismatch(persons, rules, told.history, shares)
    found = replace(found, mismatch=mismatch)
    said = verdict(
        found, design.primary_metric, LOWER_IS_BETTER, design.guardrail_metrics, minimum_effect=design.minimum_effect
    )
    shown = board(persons, rules, options, asked.until_ms // DAY_MS)
    return ExperimentReport(
        told.key,
        told.state,
        design.hypothesis,
        design.primary_metric,
        said,
        found,
        shown,
        _paths(persons, rules, options, design.primary_metric, asked),
        totals.crossed,
        mismatch,
        shown.notes,
    )


def _check(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in MEASURED]
    if unknown:
        raise ValueError(f"{unknown[0]} is not measured; measured are {', '.join(MEASURED)}")


def _mismatch(
    persons: Sequence[Person], rules: Rules, history: Sequence[Change], shares: Mapping[str, float]
) -> Mismatch | None:
    """Shares hold for those who came since they were changed last."""
    since_ms = max((change.at_ms for change in history if change.does == "reweighted"), default=0)
    came = [person for person in persons if min(person.exposures)[0] >= since_ms]
    counts = exposed.counts(exposed.fold(came, rules))
    arms = sorted(shares)
    return srm.check([counts.get(arm, 0) for arm in arms], [shares[arm] for arm in arms])


def _paths(
    persons: Sequence[Person], rules: Rules, options: Options, primary: str, asked: Asked
) -> dict[str, steps.Path]:
    """Looks at the end of days, while anybody came or did anything, ``MOST_LOOKS`` at most, evenly apart."""
    moments = [at for person in persons for at in (person.exposures[0][0], person.exposures[-1][0], _last(person))]
    first, last = min(moments, default=asked.until_ms), min(max(moments, default=0), asked.until_ms)
    days = list(range(first // DAY_MS + 1, last // DAY_MS + 2))
    every = max(1, -(-len(days) // MOST_LOOKS))
    so_far = []
    for day in days[::-1][::every][::-1]:
        ends = min(day * DAY_MS, asked.until_ms)
        metrics = exposed.metrics(exposed.fold(persons, replace(rules, until_ms=ends)))
        arms = next((metric.arms for metric in metrics if metric.name == primary), {})
        so_far.append((_date(day - 1), dict(arms)))
    others = {arm for _, arms in so_far for arm in arms} - {options.control}
    return {arm: steps.path(so_far, options.control, arm, options.alpha, asked.planned) for arm in sorted(others)}


def _last(person: Person) -> int:
    """When they did something last, or came."""
    return person.outcomes[-1].at_ms if person.outcomes else person.exposures[0][0]


def _date(day: int) -> str:
    """ISO date of a day since 1970."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
