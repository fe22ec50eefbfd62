"""What a report says, in words that nobody can take for more than it is."""

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum

from projections.experiments.analysis import PROPORTION, Report, Result
from projections.experiments.frequentist import Estimate

#: What a person does before they decide; everything else is a verdict.
BLOCKED = "no verdict: the arms have not the shares that were designed"


class Standing(StrEnum):
    """What a verdict comes to. Harm: a guard-rail is worse, whatever the primary metric says."""

    BLOCKED = "blocked"
    HARM = "harm"
    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not shown"


def standing(
    report: Report, primary: str, lower_is_better: Collection[str] = (), guardrails: Collection[str] = ()
) -> Standing:
    """As ``verdict`` says it, in one word. Better: an arm is that harms no guard-rail."""
    if report.blocked:
        return Standing.BLOCKED
    sides = [(r, _side(r, report.options.alpha, lower_is_better)) for r in report.results]
    hurt = {r.arm for r, side in sides if r.metric in guardrails and side < 0}
    mine = [(r.arm, side) for r, side in sides if r.metric == primary]
    if any(side > 0 and arm not in hurt for arm, side in mine):
        return Standing.BETTER
    if hurt:
        return Standing.HARM
    return Standing.WORSE if any(side < 0 for _, side in mine) else Standing.NOT_SHOWN


def sentence(result: Result, alpha: float) -> str:
    """One result: what was found, how large, how sure."""
    who = f"{result.metric}, {result.arm}"
    if result.comparison is None:
        return f"{who}: cannot be computed, nothing varies within the arms."
    if not result.significant(alpha):
        alone = result.p_value is not None and result.p_value < alpha
        why = f" once corrected for {result.family}" if alone and result.family else ""
        return f"{who}: no difference shown{why} ({_size(result, alpha)}). There may be one within this interval."
    direction = "higher" if result.comparison.absolute.value > 0 else "lower"
    return f"{who}: {direction} than the control, {_size(result, alpha)}."


def verdict(
    report: Report,
    primary: str,
    lower_is_better: Collection[str] = (),
    guardrails: Collection[str] = (),
    minimum_effect: float | None = None,
) -> str:
    """One line for the experiment, by its primary metric and its guard-rails."""
    if report.blocked:
        return f"{BLOCKED} (chi-square {report.mismatch.statistic:.1f}). Find out why first." if report.mismatch else ""
    alpha = report.options.alpha
    harmed = [r for r in report.results if r.metric in guardrails and _side(r, alpha, lower_is_better) < 0]
    hurt = {result.arm for result in harmed}
    mine = [result for result in report.results if result.metric == primary]
    winners = [r for r in mine if _side(r, alpha, lower_is_better) > 0 and r.arm not in hurt]
    losers = [r for r in mine if _side(r, alpha, lower_is_better) < 0]
    words = []
    if winners:
        best = max(winners, key=lambda r: abs(r.comparison.absolute.value) if r.comparison else 0.0)
        words.append(f"{best.arm} is better than {report.options.control} in {primary}: {_size(best, alpha)}")
        others = [r.arm for r in winners if r.arm != best.arm]
        words += [f"so is {', '.join(others)}, by less"] if others else []
        if minimum_effect is not None and not _surely(best, minimum_effect):
            words.append(f"whether by the {minimum_effect:.1%} that was asked for is not shown")
    words += [f"{r.arm} is worse in {primary}: {_size(r, alpha)}" for r in losers]
    words += [f"{r.arm} harms {r.metric}, which it must not: {_size(r, alpha)}" for r in harmed]
    return (
        "; ".join(words) + "." if words else f"no difference in {primary} is shown. That is not to say there is none."
    )


def change_of(result: Result) -> Estimate | None:
    """The change relative to the control, for readers: where what is not known of the control would hide what the
    absolute difference has shown, that difference as a part of the control's mean."""
    relative, absolute = _estimates(result)
    if relative is None or absolute is None or _open(relative) == _open(absolute) or not result.control.unadjusted:
        return relative
    mean = absolute.value / relative.value if relative.value else result.control.unadjusted
    low, high = sorted((absolute.low / mean, absolute.high / mean))
    return replace(relative, low=low, high=high)


def _estimates(result: Result) -> tuple[Estimate | None, Estimate | None]:
    """Relative and absolute, of the sequence where there is one."""
    found = result.sequence or result.comparison
    return (found.relative, found.absolute) if found else (None, None)


def _open(estimate: Estimate) -> bool:
    return estimate.low <= 0 <= estimate.high


def _side(result: Result, alpha: float, lower_is_better: Collection[str]) -> int:
    """1 better, -1 worse, 0 not shown."""
    if result.comparison is None or not result.significant(alpha):
        return 0
    return 1 if (result.comparison.absolute.value > 0) != (result.metric in lower_is_better) else -1


def _surely(result: Result, effect: float) -> bool:
    interval = _interval(result)
    return interval is not None and min(abs(interval[0]), abs(interval[1])) >= effect and interval[0] * interval[1] > 0


def _interval(result: Result) -> tuple[float, float] | None:
    found, _ = _estimates(result)
    return (found.low, found.high) if found else None


def _size(result: Result, alpha: float) -> str:
    """The relative change, unless that leaves open what the absolute difference has shown."""
    level = f"{100 * (1 - alpha):g} % interval"
    relative, absolute = _estimates(result)
    if absolute is None:
        return "unknown"
    if relative and _open(relative) == _open(absolute) and result.comparison and result.comparison.relative:
        return f"{result.comparison.relative.value:+.1%}, {level} {relative.low:+.1%} … {relative.high:+.1%}"
    if result.kind == PROPORTION:
        value, low, high = (f"{100 * each:+.1f}" for each in (absolute.value, absolute.low, absolute.high))
        return f"{value} percentage points, {level} {low} … {high}"
    return f"{absolute.value:+.4g}, {level} {absolute.low:+.4g} … {absolute.high:+.4g}"
