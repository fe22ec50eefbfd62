"""Charts as SVG, drawn by Vega in this process. Colours tell apart for the colour-blind (Okabe & Ito 2008), and
nothing is told by colour alone: each arm has a shape too."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")
INK, SOFT, LINE = "#1b1f24", "#59626d", "#e3e6ea"
WIDE, NARROW = 760, 350
CONFIG = {
    "padding": {"left": 4, "right": 10, "top": 6, "bottom": 4},
    "autosize": {"type": "fit-x", "contains": "padding"},
    "font": "system-ui, sans-serif",
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelColor": SOFT,
        "titleColor": SOFT,
        "gridColor": LINE,
        "domainColor": "#9aa3ad",
        "tickColor": "#9aa3ad",
    },
    "legend": {"labelFontSize": 13, "orient": "top", "title": None, "symbolSize": 110, "labelColor": INK},
    "header": {"labelFontSize": 13, "labelFontWeight": "bold", "labelColor": INK, "title": None},
}
Rows = Sequence[Mapping[str, Any]]


class MissingPackageError(Exception):
    """Charts need a package that is not installed."""

    def __init__(self) -> None:
        super().__init__("a page needs charts: pip install 'bespoke[report]'")


def bands(rows: Rows, arms: Sequence[str], *, width: int = WIDE, effect: float | None = None, title: str = "") -> str:
    """``rows``: ``day`` (ISO), ``arm``, ``value``, ``low``, ``high`` in percent: a line in its band over time, a panel
    for each arm. ``effect``: the smallest one worth having, drawn as a line of dots."""
    y = {"type": "quantitative", "title": title or None, "scale": {"domain": _domain(rows, effect), "nice": True}}
    layers = [*_curves(_days(width), y, _of(arms, "shape", SHAPES)), _level(0.0, INK)]
    if effect is not None:
        layers.append(_level(100 * effect, SOFT, [2, 4]))
    panel = {"layer": layers, "encoding": {"color": _of(arms, "color", COLOURS)}}
    if len(arms) == 1:
        return drawn(rows, panel | {"height": 250}, width)
    header = {"labelAnchor": "start", "labelOrient": "top"}
    facet = {"field": "arm", "type": "nominal", "sort": list(arms), "header": header}
    sized = panel | {"height": 170, "width": width - (66 if title else 50)}
    return drawn(rows, {"facet": {"row": facet}, "spec": sized, "autosize": {"type": "pad"}, "spacing": 14}, None)


def _days(width: int) -> dict[str, Any]:
    axis = {"format": "%-d %b", "tickCount": 7 if width > 500 else 4, "labelOverlap": True, "grid": False}
    return {
        "field": "day",
        "type": "temporal",
        "scale": {"type": "utc", "padding": 7},
        "title": None,
        "axis": axis,
    }


def _of(arms: Sequence[str], what: str, values: Sequence[str]) -> dict[str, Any]:
    """An arm's colour or shape; panels are named, so there is no legend."""
    if len(arms) == 1:
        return {"value": values[0]}
    scale = {"domain": list(arms), "range": list(values)}
    return {"field": "arm", "type": "nominal", "scale": scale, "legend": None}


def _curves(x: dict[str, Any], y: dict[str, Any], shape: dict[str, Any]) -> list[dict[str, Any]]:
    """The band, its edges, the line in it and its points."""

    def at(field: str, **more: Any) -> dict[str, Any]:
        return {"x": x, "y": y | {"field": field}, **more}

    edge = {"type": "line", "strokeWidth": 1, "opacity": 0.55, "clip": True}
    point = {"type": "point", "filled": True, "size": 46, "opacity": 1, "clip": True}
    return [
        {"mark": {"type": "area", "opacity": 0.16, "clip": True}, "encoding": at("low", y2={"field": "high"})},
        {"mark": edge, "encoding": at("low")},
        {"mark": edge, "encoding": at("high")},
        {"mark": {"type": "line", "strokeWidth": 2.4, "clip": True}, "encoding": at("value")},
        {"mark": point, "encoding": at("value", shape=shape)},
    ]


def _level(at: float, colour: str, dash: Sequence[int] = (1, 0)) -> dict[str, Any]:
    mark = {"type": "rule", "strokeWidth": 1.3, "strokeDash": list(dash)}
    return {"mark": mark, "encoding": {"y": {"datum": at, "type": "quantitative"}, "color": {"value": colour}}}


def _domain(rows: Rows, effect: float | None) -> list[float]:
    """Where most of it is: the first looks know so little that their bands would hide all later ones."""
    last = {row["arm"]: row for row in rows}
    widest = max(row["high"] - row["low"] for row in last.values())
    low, high = (pick(row["value"] for row in last.values()) for pick in (min, max))
    also = 100 * effect if effect is not None else 0.0
    return [min(low - 1.2 * widest, 0, also), max(high + 1.2 * widest, 0, also)]


def drawn(rows: Rows, spec: Mapping[str, Any], width: int | None = WIDE) -> str:
    """The SVG of a Vega-Lite specification on these rows. Raises MissingPackageError."""
    try:
        import vl_convert
    except ImportError:
        raise MissingPackageError from None
    sized = {"width": width} if width else {}
    whole = {"data": {"values": list(rows)}, "config": CONFIG, **sized, **spec}
    svg: str = vl_convert.vegalite_to_svg(json.dumps(whole))
    return svg
