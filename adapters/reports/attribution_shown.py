"""An attribution report as its page shows it: plain data in, words and lengths out."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.reports import words
from adapters.reports.charts import COLOURS
from adapters.reports.sankey import EARLIER, ORDER, Sankey, sankey
from adapters.reports.shown import picture

Plain = Mapping[str, Any]
NAMES = {
    "first": "First",
    "last": "Last",
    "last-non-direct": "Last, not direct",
    "linear": "Linear",
    "position": "Position 40/20/40",
    "time-decay": "Time decay",
    "markov-1": "Markov 1",
    "markov-2": "Markov 2",
    "markov-3": "Markov 3",
    "markov-4": "Markov 4",
    "shapley": "Shapley",
    "shapley-markov": "Shapley of the chain",
}
#: Channels that have a colour of their own in the diagram of ways; all are named.
COLOURED = COLOURS[:6]
GREY, DARK = "#aab2bb", "#1b1f24"
LIFT_SCALE = 0.2
MOST_KEYS = 20


def attribution(plain: Plain, versions: Sequence[Plain] = ()) -> dict[str, Any]:
    """What the template is given. ``versions``: published reports."""
    return {
        "told": plain,
        "begin": words.moment(plain["from_ms"], "%-d %B %Y"),
        "end": words.moment(plain["to_ms"] - 1, "%-d %B %Y"),
        "rules": _rules(plain["rules"]),
        "currencies": [_currency(each) for each in sorted(plain["currencies"], key=lambda each: -each["orders"])],
        "published": _published(versions),
    }


def _rules(rules: Plain) -> list[str]:
    days = 86_400_000
    return [
        f"touches up to {rules['lookback_ms'] / days:g} days before an order",
        f"a visit ends after {rules['session_ms'] / 60_000:g} minutes of rest",
        f"time decay halves in {rules['half_life_hours'] / 24:g} days",
        "a touch counts for the next order alone" if rules["once"] else "a touch counts for every order",
        "recommendations that were shown are touches" if rules["shown"] else "of recommendations clicks alone are",
    ]


def _currency(each: Plain) -> dict[str, Any]:
    currency = each["currency"]
    names = _by_size(each["models"])
    return {
        "code": currency,
        "told": each,
        "net": money(each["net_revenue"], currency),
        "books": _books(each),
        "models": [(model, NAMES.get(model, model)) for model in each["models"]],
        "rows": [_channel(name, each, _most(each["models"])) for name in names],
        "ways": {
            "wide": _ways(each["paths"], names, 1_060, 420, 5, 50),
            "narrow": _ways(each["paths"], names, 350, 380, 2, 44),
        },
        "known_orders": sum(way["orders"] for way in each["paths"]),
        "delays": _delays(each["days_to_order"]),
        "few": any(delay["orders"] is None for delay in each["days_to_order"]),
        "personalization": _personalization(each),
    }


def money(cents: int, currency: str) -> str:
    """Units of which nothing is known are counted as they are."""
    try:
        return words.money(cents, currency)
    except KeyError:
        return f"{cents:,} {currency}"


def amount(cents: int, currency: str) -> str:
    """Without the currency, where a table names it."""
    return money(cents, currency).removesuffix(f" {currency}")


def _by_size(models: Plain) -> list[str]:
    """Channels, those with the largest credit under any model first."""
    most: dict[str, float] = {}
    for channels in models.values():
        for name, of in channels.items():
            most[name] = max(most.get(name, 0.0), abs(of["share"]))
    return sorted(most, key=lambda name: (-most[name], name))


def _books(each: Plain) -> list[dict[str, Any]]:
    parts = (("Credited to channels", "credited"), ("Unattributed", "unattributed"), ("Erased", "erased_revenue"))
    whole = sum(max(each[name], 0) for _, name in parts) or 1
    found, at = [], 0.0
    for title, name in parts:
        length = 100 * max(each[name], 0) / whole
        found.append(
            {
                "title": title,
                "amount": money(each[name], each["currency"]),
                "x": round(at, 2),
                "length": round(length, 2),
                "share": f"{length:.1f} %",
            }
        )
        at += length
    return found


def _most(models: Plain) -> float:
    """The largest share in the table: bars are as long as they are of it."""
    return max((of["share"] for channels in models.values() for of in channels.values()), default=0.0) or 1.0


def _channel(name: str, each: Plain, most: float) -> dict[str, Any]:
    cells, shares = [], []
    for model, channels in each["models"].items():
        of = channels.get(name)
        share = of["share"] if of else 0.0
        shares.append(share)
        error = f" ± {amount(round(of['cents_error']), each['currency'])}" if of and of["cents_error"] else ""
        cells.append(
            {
                "model": NAMES.get(model, model),
                "share": f"{share:.1%}" if of else words.NOTHING,
                "amount": (amount(of["cents"], each["currency"]) + error) if of else "",
                "length": round(100 * max(share, 0.0) / most, 2),
                "removal": f"{of['removal_effect']:.1%}" if of and of["removal_effect"] is not None else None,
            }
        )
    low, high = min(shares, default=0.0), max(shares, default=0.0)
    return {
        "channel": name,
        "cells": cells,
        "spread": f"{low:.1%} … {high:.1%}" if len(shares) > 1 else None,
        "low": round(100 * max(low, 0.0) / most, 2),
        "high": round(100 * max(high, 0.0) / most, 2),
        "ticks": [round(100 * max(share, 0.0) / most, 2) for share in shares],
    }


def _ways(
    paths: Sequence[Plain], names: Sequence[str], width: float, height: float, most: int, right: float
) -> dict[str, Any] | None:
    """The diagram of ways, and the colours of its bands: those of what is come from."""
    found: Sankey = sankey(
        [(way["channels"], way["orders"]) for way in paths], width=width, height=height, most=most, right=right
    )
    if not found.nodes:
        return None
    there = {node.name for node in found.nodes}
    colours = dict(zip((name for name in names if name in there), COLOURED, strict=False))
    colours |= {EARLIER: GREY, ORDER: DARK}
    words_ = "; ".join(f"{' > '.join(way['channels'])}: {way['orders']} orders" for way in paths[:5])
    last = found.columns - 2
    heads = [
        (node.x, "last touch" if node.column == last else f"{last - node.column} before")
        for node in {node.column: node for node in found.nodes}.values()
        if node.column <= last
    ]
    return {
        "of": found,
        "heads": heads,
        "colours": colours,
        "other": GREY,
        "words": f"The most frequent ways: {words_}",
    }


def _delays(delays: Sequence[Plain]) -> list[dict[str, Any]]:
    most = max((each["orders"] or 0 for each in delays), default=0) or 1
    rows, before = [], None
    for each in delays[: _told(delays)]:
        days = each["days"]
        rows.append(
            {
                "days": _days(before, days),
                "orders": each["orders"],
                "length": round(100 * (each["orders"] or 0) / most, 2),
            }
        )
        before = days
    return rows


def _told(delays: Sequence[Plain]) -> int:
    """How many rows there are up to the last of which anything can be said; none where nothing can."""
    return max((place for place, each in enumerate(delays, 1) if each["orders"]), default=0)


def _days(before: int | None, days: int | None) -> str:
    if days is None:
        return f"More than {before} days"
    if days == 0:
        return "At once, in the same moment"
    if before in (None, 0):
        return "Within a day" if days == 1 else f"Within {days} days"
    return f"{before} to {days} days"


def _personalization(each: Plain) -> dict[str, Any]:
    told, whole = each["personalization"], each["credited"]
    credited = [
        {
            "model": NAMES.get(model, model),
            "amount": money(cents, each["currency"]),
            "share": f"{cents / whole:.1%}" if whole else words.NOTHING,
            "length": round(100 * max(cents, 0) / whole, 2) if whole > 0 else 0,
        }
        for model, cents in told["credited"].items()
    ]
    measured = [
        {
            "metric": words.metric(lift["metric"]),
            "arm": lift["arm"],
            "experiment": lift["experiment"],
            "change": words.change(lift["change"]),
            "interval": f"{words.change(lift['low'])} … {words.change(lift['high'])}",
            "shown": lift["shown"],
            "persons": f"{lift['persons']:,}",
            "picture": picture({"low": lift["low"], "value": lift["change"], "high": lift["high"]}, _scale(told)),
        }
        for lift in told["measured"]
    ]
    return {
        "credited": credited,
        "measured": measured,
        "scale": f"{_scale(told):.0%}",
        "credited_words": _sentence(told["words"][0].removeprefix("Credited: ")),
        "measured_words": _sentence(told["words"][1].removeprefix("Measured: ")),
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _scale(told: Plain) -> float:
    ends = [abs(lift[end]) for lift in told["measured"] for end in ("low", "high")]
    return next((step for step in (0.1, 0.2, 0.5) if step >= max(ends, default=LIFT_SCALE)), 1.0)


def _published(versions: Sequence[Plain]) -> list[dict[str, Any]]:
    """Reports that were published, the latest first, each with its versions and why they differ."""
    by: dict[str, list[Plain]] = {}
    for each in versions:
        by.setdefault(each["key"], []).append(each)
    latest = sorted(by.values(), key=lambda some: str(some[-1]["made"]), reverse=True)[:MOST_KEYS]
    return [_reported(some) for some in latest]


def _reported(some: Sequence[Plain]) -> dict[str, Any]:
    asked = some[0]["asked"]
    return {
        "key": some[0]["key"],
        "period": f"{words.moment(asked['from_ms'], '%-d %b %Y')} to {words.moment(asked['to_ms'] - 1, '%-d %b %Y')}",
        "models": "all models"
        if set(asked["models"]) == set(NAMES)
        else ", ".join(NAMES.get(model, model) for model in asked["models"]),
        "restated": some[-1]["version"] - 1,
        "versions": [_version(each) for each in reversed(some)],
    }


def _version(version: Plain) -> dict[str, Any]:
    made = version["made"]
    return {
        "number": version["version"],
        "made": made[:16].replace("T", ", ") + " UTC" if made else "",
        "positions": ", ".join(map(str, version["positions"])),
        "causes": [_cause(each) for each in (version["restatement"] or {}).get("causes", ())],
        "first": version["restatement"] is None,
    }


def _cause(cause: Plain) -> dict[str, Any]:
    changes = cause["changes"]
    books = [each for each in changes if not each["model"]]
    moved = sorted((each for each in changes if each["model"]), key=lambda each: -abs(each["cents"]))
    return {
        "cause": cause["cause"][:1].upper() + cause["cause"][1:],
        "events": cause["events"],
        "books": [(each["heading"], signed(each["cents"], each["currency"])) for each in books],
        "moved": [
            (
                NAMES.get(each["model"], each["model"]),
                each["heading"].removeprefix("credit: "),
                signed(each["cents"], each["currency"]),
            )
            for each in moved[:12]
        ],
        "more": max(len(moved) - 12, 0),
    }


def signed(cents: int, currency: str) -> str:
    """An amount more or less."""
    return ("+" if cents > 0 else words.MINUS if cents < 0 else "") + money(abs(cents), currency)
