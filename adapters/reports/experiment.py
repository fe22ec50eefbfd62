"""The page of an experiment's report."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from adapters.reports.charts import MissingPackageError, bands, intervals
from projections.experiments.analysis import PROPORTION, Result
from projections.experiments.frequentist import Estimate
from queries.experiment_report import ExperimentReport

__all__ = ["MissingPackageError", "page"]
WORDS = {
    "conversion": "Conversion",
    "repeat": "Bought again",
    "carted": "Filled a cart",
    "abandoned": "Left a cart",
    "orders": "Orders a person",
    "revenue": "Revenue a person",
    "refunds": "Refunds a person",
    "net_revenue": "Net revenue a person",
    "views": "Product views a person",
    "clicks": "Clicks on recommendations a person",
    "impressions": "Recommendations shown to a person",
    "order_value": "Average order value",
    "repeat_rate": "Repeat rate",
    "cart_abandonment": "Cart abandonment",
    "click_rate": "Click rate of recommendations",
    "ltv": "Lifetime value, the year ahead",
}
MONEY = frozenset({"revenue", "refunds", "net_revenue", "order_value", "ltv"})
_PAGES = Environment(
    loader=PackageLoader("adapters.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def page(made: ExperimentReport, positions: Sequence[int], until_ms: int) -> str:
    """HTML. Raises MissingPackageError."""
    forest = [_interval(result) for result in made.report.results if _relative(result)]
    looks = [
        {"day": look.step, "arm": arm, **_percent(look.relative)}
        for arm, path in made.paths.items()
        for look in path.looks
        if look.relative
    ]
    return _PAGES.get_template("experiment.html").render(
        made=made,
        name=lambda metric: WORDS.get(metric, metric),
        rows=[_row(result, made.report.options.alpha) for result in made.report.results],
        board=[_row(result, made.report.options.alpha) for result in made.board.report.results],
        forest=Markup(intervals(forest, "change against the control, %")) if forest else "",
        path=Markup(bands(looks, "change against the control, %")) if looks else "",
        decided={arm: path.decided for arm, path in made.paths.items()},
        until=datetime.fromtimestamp(until_ms / 1000, UTC).strftime("%d %B %Y, %H:%M UTC"),
        positions=", ".join(map(str, positions)),
        level=f"{100 * (1 - made.report.options.alpha):g} %",
    )


def _relative(result: Result) -> Estimate | None:
    if result.sequence:
        return result.sequence.relative
    return result.comparison.relative if result.comparison else None


def _interval(result: Result) -> dict[str, Any]:
    found = _relative(result)
    return {"what": WORDS.get(result.metric, result.metric), "arm": result.arm, **(_percent(found) if found else {})}


def _percent(estimate: Estimate) -> dict[str, float]:
    return {"value": 100 * estimate.value, "low": 100 * estimate.low, "high": 100 * estimate.high}


def _row(result: Result, alpha: float) -> dict[str, Any]:
    relative = _relative(result)
    return {
        "metric": result.metric,
        "arm": result.arm,
        "control": _told(result, result.control.unadjusted),
        "treatment": _told(result, result.treatment.unadjusted),
        "change": f"{relative.value:+.1%}" if relative else "-",
        "interval": f"{relative.low:+.1%} … {relative.high:+.1%}" if relative else "-",
        "chance": f"{result.posterior.chance:.1%}" if result.posterior else "-",
        "shown": result.significant(alpha),
    }


def _told(result: Result, value: float) -> str:
    if result.kind == PROPORTION or result.metric.endswith("_rate") or result.metric == "cart_abandonment":
        return f"{value:.2%}"
    return f"{value / 100:,.2f}" if result.metric in MONEY else f"{value:.3f}"
