"""What came of an experiment, as of a position of the log: each metric, each arm against the control, whether the arms
have the shares that were designed, how it looked day by day, and a verdict in words. Pure.

An arm's lifetime value, order value and the like are the outcome board's: measured from who was exposed, never claimed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from domain.design import Design
from projections.experiments import exposed, segments, srm, steps
from projections.experiments.analysis import Metric, Options, Report, analyse
from projections.experiments.correction import Correction, Family
from projections.experiments.exposed import AMOUNTS, DAY_MS, NAMES, ORDER, RATIOS, Person, Rules
from projections.experiments.segments import Segmented
from projections.experiments.sequential import TUNED
from projections.experiments.srm import Mismatch
from projections.experiments.verdict import Standing, standing, verdict
from queries.experiments import Told
from queries.explored_places import Chosen, ExploredPlaces, explored
from queries.outcome_board import LTV, Board, board

NOTHING = Chosen({})
MEASURED = (*NAMES, *RATIOS)
#: Of which less is better.
LOWER_IS_BETTER = frozenset({"refunds", "abandoned", "cart_abandonment"})
MOST_LOOKS = 60
#: Segments of a dimension that are looked at; the largest.
MOST_SEGMENTS = 8
BOUGHT, CAME, NEW = "bought in the 28 days before", "came in the 28 days before", "new, or away for 28 days"


@dataclass(frozen=True, slots=True)
class Asked:
    """``planned``: persons in two arms together, to which sequences are tuned. ``until_ms``: nothing at or after it
    counts. ``least_people``: segments with fewer in an arm are not told. The rest: see ``Rules``."""

    until_ms: int
    alpha: float = 0.05
    planned: int = TUNED
    within_ms: int | None = None
    cap_cents: int | None = None
    least_people: int = 5


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """``paths``: arm → how the primary metric looked day by day. ``crossed``: arms → persons left out, for they were
    exposed to all of them. ``mismatch``: of those who came since shares were changed last, at ``shared_ms`` (None: they
    never were), by arm ``came``. ``segments``: dimension → the primary metric in each of its segments. ``places``: what
    those earn that bandits filled; None where there are none."""

    told: Told
    primary: str
    standing: Standing
    verdict: str
    report: Report
    board: Board
    paths: Mapping[str, steps.Path]
    crossed: Mapping[tuple[str, ...], int]
    mismatch: Mismatch | None
    shared_ms: int | None
    came: Mapping[str, int]
    segments: Mapping[str, Segmented]
    notes: tuple[str, ...]
    places: ExploredPlaces | None = None

    @property
    def key(self) -> str:
        """The experiment's."""
        return self.told.key


def report(told: Told, persons: Sequence[Person], asked: Asked, chosen: Chosen = NOTHING) -> ExperimentReport:
    """``chosen``: by bandits, of what the persons were shown. Raises ValueError for a metric that is not measured, and
    where there is nothing to compare."""
    design = told.design
    _check((design.primary_metric, *design.guardrail_metrics))
    control = design.variants[0].name
    shares = {variant.name: float(variant.buckets) for variant in design.variants}
    options = Options(control, asked.alpha, tuned=asked.planned, shares=shares, families=families(design))
    rules = Rules(within_ms=asked.within_ms, until_ms=asked.until_ms, cap_cents=asked.cap_cents)
    totals = exposed.fold(persons, rules)
    wanted = {design.primary_metric, *design.guardrail_metrics}
    metrics = [metric for metric in exposed.metrics(totals) if metric.name in wanted or metric.name in AMOUNTS]
    found = analyse(metrics, exposed.counts(totals), options)
    shared_ms = shared_at(told)
    came = arrivals(told, persons, rules)
    mismatch = srm.check(list(came.values()), [shares[arm] for arm in came])
    found = replace(found, mismatch=mismatch)
    words = design.primary_metric, LOWER_IS_BETTER, design.guardrail_metrics
    shown = board(persons, rules, options, asked.until_ms // DAY_MS)
    return ExperimentReport(
        told=told,
        primary=design.primary_metric,
        standing=standing(found, *words),
        verdict=verdict(found, *words, minimum_effect=design.minimum_effect),
        report=found,
        board=shown,
        paths=_paths(persons, rules, options, design.primary_metric, asked),
        crossed=totals.crossed,
        mismatch=mismatch,
        shared_ms=shared_ms,
        came=came,
        segments=_segments(persons, rules, options, design.primary_metric, asked.least_people),
        notes=shown.notes,
        places=explored(told, persons, chosen, rules, options),
    )


PRIMARY = Family("primary", Correction.HOLM, "the primary metric in all arms")
GUARDS = Family("guard-rails", Correction.BH, "all guard-rails in all arms")
OTHERS = Family("others", Correction.BH, "all other metrics in all arms")


def families(design: Design) -> dict[str, Family]:
    """Metric → what it is corrected with. The primary metric decides, so the chance of any false find of it stays below
    alpha, whatever else is measured. Guard-rails are by themselves, and not by Holm: harm that is missed costs more
    than an alarm; while no metric of theirs has changed, that of any alarm stays below alpha as well. All others are
    for ideas."""
    guards = dict.fromkeys(design.guardrail_metrics, GUARDS)
    return dict.fromkeys((*MEASURED, LTV), OTHERS) | guards | {design.primary_metric: PRIMARY}


def _check(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in MEASURED]
    if unknown:
        raise ValueError(f"{unknown[0]} is not measured; measured are {', '.join(MEASURED)}")


def shared_at(told: Told) -> int | None:
    """When shares were changed last, in ms since 1970; None: they never were."""
    return max((change.at_ms for change in told.history if change.does == "reweighted"), default=None)


def arrivals(told: Told, persons: Sequence[Person], rules: Rules) -> dict[str, int]:
    """Arm → who came since shares were changed last: designed shares hold for these."""
    since_ms = shared_at(told)
    came = [person for person in persons if since_ms is None or min(person.exposures)[0] >= since_ms]
    counts = exposed.counts(exposed.fold(came, rules))
    return {arm: counts.get(arm, 0) for arm in sorted(variant.name for variant in told.design.variants)}


#: Dimension → the segment of a person, as it was when they were first exposed.
DIMENSIONS: Mapping[str, Callable[[Person, Rules], str]] = {
    "channel": lambda person, rules: person.channel,
    "before": lambda person, rules: _before(person, rules.before_ms),
}


def _before(person: Person, before_ms: int) -> str:
    start = person.exposures[0][0]
    kinds = {each.kind for each in person.outcomes if start - before_ms <= each.at_ms < start}
    return BOUGHT if ORDER in kinds else CAME if kinds else NEW


def _segments(
    persons: Sequence[Person], rules: Rules, options: Options, primary: str, least_people: int
) -> dict[str, Segmented]:
    """Of dimensions with two segments or more."""
    parts = {name: _parts(persons, rules, primary, of, least_people) for name, of in DIMENSIONS.items()}
    return segments.crossed({name: each for name, each in parts.items() if len(each) > 1}, options)


def _parts(
    persons: Sequence[Person], rules: Rules, primary: str, of: Callable[[Person, Rules], str], least_people: int
) -> dict[str, list[Metric]]:
    """Segment → the primary metric of its persons. A segment with fewer than ``least_people`` in an arm is left out."""
    by: dict[str, list[Person]] = {}
    for person in persons:
        by.setdefault(of(person, rules), []).append(person)
    found: dict[str, list[Metric]] = {}
    for name in sorted(by, key=lambda each: (-len(by[each]), each))[:MOST_SEGMENTS]:
        totals = exposed.fold(by[name], rules)
        if len(totals.arms) > 1 and min(arm.n for arm in totals.arms.values()) >= least_people:
            found[name] = [metric for metric in exposed.metrics(totals) if metric.name == primary]
    return found


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
