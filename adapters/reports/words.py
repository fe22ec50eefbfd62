"""Names, numbers and times as a reader has them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.money import EXPONENTS

#: With ``value``, ``low`` and ``high``.
Estimate = Mapping[str, float]
METRICS = {
    "conversion": "Conversion",
    "repeat": "Bought again",
    "carted": "Filled a cart",
    "abandoned": "Left a cart",
    "orders": "Orders a person",
    "revenue": "Revenue a person",
    "refunds": "Refunds a person",
    "net_revenue": "Net revenue a person",
    "views": "Product views a person",
    "clicks": "Clicks on recommendations",
    "impressions": "Recommendations shown",
    "order_value": "Average order value",
    "repeat_rate": "Repeat rate",
    "cart_abandonment": "Cart abandonment",
    "click_rate": "Click rate of recommendations",
    "ltv": "Lifetime value, the year ahead",
}
MONEY = frozenset({"revenue", "refunds", "net_revenue", "order_value", "ltv"})
SHARES = frozenset({"repeat_rate", "cart_abandonment", "click_rate"})
DIMENSIONS = {"channel": "Channel of the first exposure", "before": "The four weeks before"}
CORRECTIONS = {"holm": "Holm", "bh": "Benjamini-Hochberg", "none": "uncorrected"}
MINUS, NOTHING = "\N{MINUS SIGN}", "\N{EN DASH}"


def metric(name: str) -> str:
    """What a metric is called."""
    return METRICS.get(name, name.replace("_", " ").capitalize())


def said(result: Mapping[str, Any], value: float | None, currency: str) -> str:
    """A metric's value in its unit: a share in percent, money in the currency, else a number."""
    if value is None:
        return NOTHING
    if result["kind"] == "proportion" or result["metric"] in SHARES:
        return f"{value:.2%}"
    if result["metric"] in MONEY:
        return money(value, currency)
    return f"{value:,.3f}"


def money(cents: float, currency: str) -> str:
    """An amount, perhaps a mean, of minor units."""
    decimals = EXPONENTS[currency]
    return f"{cents / 10**decimals:,.{decimals}f} {currency}"


def change(value: float | None, digits: int = 1) -> str:
    """A relative change, with its sign."""
    if value is None:
        return NOTHING
    return f"{value:+.{digits}%}".replace("-", MINUS)


def readable(absolute: Estimate | None, relative: Estimate | None, *, always: bool = False) -> Estimate | None:
    """A relative change with an interval: where what is not known of the control would hide what the absolute
    difference has shown (or ``always``), that difference as a part of the control's mean."""
    if not relative or not absolute or not relative["value"] or not absolute["value"]:
        return relative
    if not always and _open(relative) == _open(absolute):
        return relative
    mean = absolute["value"] / relative["value"]
    low, high = sorted((absolute["low"] / mean, absolute["high"] / mean))
    return {**relative, "low": low, "high": high}


def interval(result: Mapping[str, Any], absolute: Estimate | None, relative: Estimate | None, currency: str) -> str:
    """Of the relative change; of the absolute difference, in its unit, where that alone has shown something."""
    if not relative or not absolute:
        return "unknown"
    if _open(relative) == _open(absolute):
        return f"{change(relative['low'])} … {change(relative['high'])}"
    if result["kind"] == "proportion" or result["metric"] in SHARES:
        low, high = (f"{100 * absolute[end]:+.1f}".replace("-", MINUS) for end in ("low", "high"))
        return f"{low} … {high} points"
    low, high = (
        ("+" if absolute[end] > 0 else MINUS) + said(result, abs(absolute[end]), currency) for end in ("low", "high")
    )
    return f"{low} … {high}"


def _open(estimate: Estimate) -> bool:
    return estimate["low"] <= 0 <= estimate["high"]


def moment(at_ms: int, form: str = "%-d %B %Y, %H:%M UTC") -> str:
    """A time in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime(form)


def day(iso: str) -> str:
    """A day of an ISO date."""
    return datetime.fromisoformat(iso).strftime("%-d %b %Y")


def p_value(value: float | None) -> str:
    """Not more digits than anybody believes."""
    if value is None:
        return NOTHING
    return "p < .001" if value < 0.001 else f"p = {value:.3f}".replace("0.", ".")
