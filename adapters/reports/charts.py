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
    looks = {
        "type": "temporal",
        "scale": {"type": "utc", "padding": 7},
        "title": None,
        "axis": {"format": "%-d %b", "tickCount": 7 if width > 500 else 4, "labelOverlap": True, "grid": False},
    }
    x = {"field": "day", **looks}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", "opacity": 0.16, "clip": True},
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
        },
        *(
            {
                "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.55, "clip": True},
                "encoding": {"x": x, "y": y | {"field": edge}},
            }
            for edge in ("low", "high")
        ),
        {
            "mark": {"type": "rule", "strokeWidth": 1.2},
            "encoding": {"y": {"datum": 0, "type": "quantitative"}, "color": {"value": INK}},
        },
        {"mark": {"type": "line", "strokeWidth": 2.4, "clip": True}, "encoding": {"x": x, "y": y | {"field": "value"}}},
        {
            "mark": {"type": "point", "filled": True, "size": 46, "opacity": 1, "clip": True},
            "encoding": {
                "x": x,
                "y": y | {"field": "value"},
                "shape": {"field": "arm", "scale": {"domain": list(arms), "range": list(SHAPES)}},
            },
        },
    ]
    if effect is not None:
        dots = {"type": "rule", "strokeDash": [2, 4], "strokeWidth": 1.4}
        at = {"y": {"datum": 100 * effect, "type": "quantitative"}, "color": {"value": SOFT}}
        layers.append({"mark": dots, "encoding": at})
    colour = {"field": "arm", "type": "nominal", "scale": {"domain": list(arms), "range": list(COLOURS)}}
    spec = {"layer": layers, "encoding": {"color": colour}, "height": 250 if len(arms) < 3 else 170, "width": width}
    if len(arms) == 1:
        spec["encoding"]["color"] = {"value": COLOURS[0]}  # type: ignore[index]
        layers[5]["encoding"]["shape"] = {"value": SHAPES[0]}
        return drawn(rows, spec, width)
    colour["legend"] = layers[5]["encoding"]["shape"]["legend"] = None
    facet = {
        "field": "arm",
        "type": "nominal",
        "sort": list(arms),
        "header": {"labelAnchor": "start", "labelOrient": "top"},
    }
    panel = spec | {"width": width - (66 if title else 50)}
    whole = {"facet": {"row": facet}, "spec": panel, "autosize": {"type": "pad"}, "spacing": 14}
    return drawn(rows, whole, None)


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
