"""The charts of a report, for wide screens and narrow ones."""

from collections.abc import Mapping
from typing import Any

from adapters.reports.charts import NARROW, WIDE, bands
from adapters.reports.words import readable
from queries.experiment_report import LOWER_IS_BETTER


def experiment(plain: Mapping[str, Any]) -> dict[str, str]:
    """Name → SVG: ``wide`` and ``narrow``, the primary metric over time; nothing before there are two looks. Raises
    MissingPackageError."""
    there = {path["arm"] for path in plain["paths"] if any(look["relative"] for look in path["looks"])}
    arms = [arm for arm in plain["shares"] if arm in there]
    rows = [
        {"day": look["step"], "arm": path["arm"]} | {name: 100 * told[name] for name in ("value", "low", "high")}
        for path in plain["paths"]
        for look in path["looks"]
        if (told := readable(look["estimate"], look["relative"], always=True))
    ]
    if len({row["day"] for row in rows}) < 2:
        return {}
    effect = plain["minimum_effect"]
    if effect is not None and plain["primary_metric"] in LOWER_IS_BETTER:
        effect = -effect
    return {
        name: bands(
            rows, arms, width=width, effect=effect, title="change against the control, %" if width > 500 else ""
        )
        for name, width in (("wide", WIDE), ("narrow", NARROW))
    }
