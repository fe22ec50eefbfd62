"""Charts as SVG, drawn by Vega in this process. Colours tell apart for the colour-blind (Okabe & Ito 2008)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
WIDTH = 640
CONFIG = {
    "padding": {"left": 22, "right": 8, "top": 8, "bottom": 8},
    "autosize": {"type": "fit-x", "contains": "padding"},
    "font": "system-ui, sans-serif",
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "gridColor": "#e3e3e3", "domainColor": "#888"},
    "legend": {"labelFontSize": 12, "orient": "bottom", "title": None},
    "range": {"category": list(COLOURS)},
}
Rows = Sequence[Mapping[str, Any]]


class MissingPackageError(Exception):
    """Charts need a package that is not installed."""

    def __init__(self) -> None:
        super().__init__("a page needs charts: pip install 'bespoke[report]'")


def intervals(rows: Rows, title: str) -> str:
    """``rows``: ``what``, ``arm``, ``value``, ``low``, ``high`` in percent. A line at 0, an interval each."""
    y = {"field": "what", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 260}}
    x = {"type": "quantitative", "title": title}
    offset = {"yOffset": {"field": "arm"}, "color": {"field": "arm", "type": "nominal"}}
    layers = [
        {"mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"x": {"datum": 0}}},
        {
            "mark": {"type": "rule", "strokeWidth": 3},
            "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}} | offset,
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70},
            "encoding": {"y": y, "x": x | {"field": "value"}} | offset,
        },
    ]
    return drawn(rows, {"layer": layers, "height": {"step": 26}})


def bands(rows: Rows, title: str) -> str:
    """``rows``: ``day`` (ISO), ``arm``, ``value``, ``low``, ``high``: a line in a band for each arm, over time."""
    x = {
        "field": "day",
        "type": "temporal",
        "title": None,
        "axis": {"format": "%d %b", "tickCount": 6, "labelOverlap": True},
    }
    y = {"type": "quantitative", "title": title, "scale": {"domain": _domain(rows), "clamp": True, "nice": True}}
    colour = {"color": {"field": "arm", "type": "nominal"}}
    layers = [
        {"mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"y": {"datum": 0}}},
        {
            "mark": {"type": "area", "opacity": 0.18},
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}} | colour,
        },
        {"mark": {"type": "line", "point": True}, "encoding": {"x": x, "y": y | {"field": "value"}} | colour},
    ]
    return drawn(rows, {"layer": layers, "height": 260})


def _domain(rows: Rows) -> list[float]:
    """Where most of it is: the first looks know so little that their bands would hide all later ones."""
    last = {row["arm"]: row for row in rows}
    widest = max(row["high"] - row["low"] for row in last.values())
    low, high = (pick(row["value"] for row in last.values()) for pick in (min, max))
    return [min(low - 2 * widest, 0), max(high + 2 * widest, 0)]


def drawn(rows: Rows, spec: Mapping[str, Any]) -> str:
    """The SVG of a Vega-Lite specification on these rows. Raises MissingPackageError."""
    try:
        import vl_convert
    except ImportError:
        raise MissingPackageError from None
    whole = {"data": {"values": list(rows)}, "width": WIDTH, "config": CONFIG, **spec}
    svg: str = vl_convert.vegalite_to_svg(json.dumps(whole))
    return svg
