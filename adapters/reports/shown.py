"""An experiment's report as its page shows it: plain data in, words and lengths out. Charts are in ``pictures``."""

import json
import re
from collections.abc import Mapping
from typing import Any

from adapters.reports import words
from adapters.reports.charts import COLOURS, SHAPES
from adapters.reports.places import places
from adapters.reports.tables import deciding

Plain = Mapping[str, Any]
#: Half the width of an interval's picture, and how much of it intervals may take.
HALF, REACH = 120.0, 110.0
STANDINGS = {
    "better": ("▲", "Better than the control", "Intervals hold at every look, so you may decide now: ship {arm}."),
    "worse": ("▼", "Worse than the control", "Intervals hold at every look, so you may stop it now."),
    "harm": ("■", "A guard-rail is harmed", "Stop it, or change the arm: what was to be kept safe is worse."),
    "not shown": (
        "○",
        "Nothing shown yet",
        "Go on as planned, or stop. What lies within the interval cannot be told from nothing.",
    ),
    "blocked": (
        "✕",
        "No verdict",
        "Something lost or added people in one arm: a redirect, a bot, a fault of the assignment. Nothing can be "
        "shipped; stop it, find out why, and begin again.",
    ),
}


def experiment(plain: Plain) -> dict[str, Any]:
    """What the template is given."""
    arms = arms_of(plain)
    treatments = arms[1:]
    marks = {arm: {"colour": COLOURS[i % 7], "shape": SHAPES[i % 7]} for i, arm in enumerate(treatments)}
    results, primary, guards = (
        _ordered(plain["results"], arms),
        plain["primary_metric"],
        set(plain["guardrail_metrics"]),
    )
    return {
        "told": plain,
        "marks": {plain["control"]: {"colour": "#59626d", "shape": "stroke"}, **marks},
        "treatments": treatments,
        "standing": _standing(plain),
        "verdict": _verdict(plain),
        "persons": sum(plain["arms"].values()),
        "level": f"{100 * (1 - plain['alpha']):g} %",
        "until": words.moment(plain["until_ms"]),
        "started": _started(plain),
        "shares": _shares(plain),
        "groups": [
            _group("Primary metric", [each for each in results if each["metric"] == primary], plain),
            _group("Guard-rails: must not get worse", [each for each in results if each["metric"] in guards], plain),
            _group("Everything else", [each for each in results if each["metric"] not in guards | {primary}], plain),
        ],
        "corrections": [_correction(each) for each in plain["corrections"]],
        "board": _board(plain),
        "segments": [_dimension(each, plain) for each in plain["segments"]],
        "places": places(plain["bandit"], arms) if plain["bandit"] else None,
        "paths": sorted(
            (_path(each, plain) for each in plain["paths"]), key=lambda each: treatments.index(each["arm"])
        ),
        "left_out": _left_out(plain),
        "apart": _apart(plain),
        "history": [_change(each) for each in reversed(plain["history"])],
    }


def _correction(each: Plain) -> str:
    how, many = words.CORRECTIONS[each["correction"]], each["asked"]
    return f"{each['of']} ({how}, {many} {'question' if many == 1 else 'questions'})"


def _standing(plain: Plain) -> dict[str, str]:
    sign, title, what = STANDINGS[plain["standing"]]
    best = max(
        (each for each in plain["results"] if each["metric"] == plain["primary_metric"] and each.get("significant")),
        key=lambda each: abs(each["absolute"]["value"]),
        default=None,
    )
    name = plain["standing"].replace(" ", "-")
    return {"name": name, "sign": sign, "title": title, "what": what.format(arm=best["arm"] if best else "it")}


def _verdict(plain: Plain) -> str:
    """With the names of metrics as readers know them."""
    text: str = plain["verdict"]
    for name in sorted(words.METRICS, key=len, reverse=True):
        if "_" in name:
            text = text.replace(name, words.metric(name).lower())
    return re.sub(r"(?<=\s)-(?=\d)", words.MINUS, text[:1].upper() + text[1:])


def _started(plain: Plain) -> str | None:
    at = next((each["at_ms"] for each in plain["history"] if each["does"] == "started"), None)
    if at is None:
        return None
    days = max(1, round((plain["until_ms"] - at) / 86_400_000))
    return f"{words.moment(at, '%-d %B %Y')}, {days} {'day' if days == 1 else 'days'}"


def _shares(plain: Plain) -> list[dict[str, Any]]:
    came = (plain["srm"] or {}).get("came") or plain["arms"]
    designed, there = sum(plain["shares"].values()), sum(came.values())
    return [
        {
            "arm": arm,
            "designed": f"{buckets / designed:.1%}" if designed else words.NOTHING,
            "came": came.get(arm, 0),
            "share": f"{came.get(arm, 0) / there:.1%}" if there else words.NOTHING,
            "length": round(100 * came.get(arm, 0) / there, 2) if there else 0,
            "mark": round(100 * buckets / designed, 2) if designed else 0,
        }
        for arm, buckets in plain["shares"].items()
    ]


def arms_of(plain: Plain) -> list[str]:
    """The control, the others as designed, and whatever else people were exposed to."""
    return list(dict.fromkeys([plain["control"], *plain["shares"], *plain["arms"]]))


def _ordered(results: list[Plain], arms: list[str]) -> list[Plain]:
    """Metric by metric, each arm in its place."""
    metrics = list(dict.fromkeys(each["metric"] for each in results))
    return sorted(results, key=lambda each: (metrics.index(each["metric"]), arms.index(each["arm"])))


def _group(title: str, results: list[Plain], plain: Plain) -> dict[str, Any]:
    """Rows with one scale: what their pictures' half width stands for."""
    scale = _scale(results)
    rows = [_row(each, plain, scale) for each in results]
    return {"title": title, "rows": rows, "scale": f"{scale:.0%}" if scale >= 0.01 else f"{scale:.1%}"}


def _scale(results: list[Plain]) -> float:
    """Intervals are shown whole up to a doubling."""
    known = [estimate for each in results if (estimate := words.readable(*deciding(each)))]
    ends = [abs(estimate[end]) for estimate in known for end in ("low", "high")]
    return _round(min(max(ends, default=0.1), 1.0))


def _round(most: float) -> float:
    """Up to one of 1, 2, 5 times a power of ten."""
    steps = [base * 10.0**power for power in range(-4, 1) for base in (1, 2, 5)]
    return next(step for step in steps if step >= most)


def _row(result: Plain, plain: Plain, scale: float) -> dict[str, Any]:
    relative = words.readable(*deciding(result))
    posterior, currency = result["bayesian"], plain["currency"]
    return {
        "key": result["metric"],
        "metric": words.metric(result["metric"]),
        "arm": result["arm"],
        "control": words.said(result, result["control"]["mean"], currency),
        "value": words.said(result, result["treatment"]["mean"], currency),
        "change": words.change(relative["value"]) if relative else words.NOTHING,
        "interval": words.interval(result, *deciding(result), currency),
        "chance": f"{posterior['chance']:.1%}" if posterior else words.NOTHING,
        "p": words.p_value(result.get("p_corrected")),
        "shown": bool(result.get("significant")),
        "picture": picture(relative, scale),
    }


def picture(relative: Mapping[str, float] | None, scale: float) -> dict[str, Any] | None:
    """Where an interval's ends and its middle lie, 0 to 240; what is beyond is cut, and says so."""
    if not relative:
        return None

    def place(value: float) -> float:
        return round(HALF + max(-REACH, min(REACH, value / scale * REACH)), 1)

    return {
        **{end: place(relative[end]) for end in ("low", "value", "high")},
        "cut_low": relative["low"] < -scale,
        "cut_high": relative["high"] > scale,
        "inside": abs(relative["value"]) <= scale,
    }


def _board(plain: Plain) -> list[dict[str, Any]]:
    """A card a metric, with the value of each arm, its length, and the change."""
    cards: dict[str, dict[str, Any]] = {}
    for result in _ordered(plain["outcome_board"], arms_of(plain)):
        card = cards.setdefault(result["metric"], {"metric": words.metric(result["metric"]), "key": result["metric"]})
        arms = card.setdefault("arms", {})
        arms.setdefault(plain["control"], _measured(result, "control", plain))
        arms[result["arm"]] = _measured(result, "treatment", plain) | _changed(result, plain["currency"])
    for card in cards.values():
        most = max((arm["raw"] for arm in card["arms"].values()), default=0) or 1
        for arm in card["arms"].values():
            arm["length"] = round(max(arm["raw"], 0) / most * 100, 2)
    return list(cards.values())


def _measured(result: Plain, side: str, plain: Plain) -> dict[str, Any]:
    mean = result[side]["mean"]
    return {"value": words.said(result, mean, plain["currency"]), "raw": mean or 0, "change": None, "shown": False}


def _changed(result: Plain, currency: str) -> dict[str, Any]:
    relative = words.readable(*deciding(result))
    if not relative:
        return {}
    interval = words.interval(result, *deciding(result), currency)
    return {"change": words.change(relative["value"]), "interval": interval, "shown": bool(result.get("significant"))}


def _dimension(dimension: Plain, plain: Plain) -> dict[str, Any]:
    pairs = [
        (each["segment"], result)
        for each in dimension["segments"]
        for result in _ordered(each["results"], arms_of(plain))
    ]
    group = _group(words.DIMENSIONS.get(dimension["by"], str(dimension["by"])), [result for _, result in pairs], plain)
    for row, (segment, result) in zip(group["rows"], pairs, strict=True):
        row |= {"segment": segment, "persons": result["control"]["n"] + result["treatment"]["n"]}
    differ = [each for each in dimension["differ"] if each["metric"] == plain["primary_metric"]]
    return group | {
        "warning": dimension["warning"],
        "differ": [(each["arm"], words.p_value(each["p_value"]), each["p_value"] < 0.05) for each in differ],
    }


def _path(path: Plain, plain: Plain) -> dict[str, Any]:
    looks = [
        {
            "day": words.day(look["step"]),
            "units": f"{look['units']:,}",
            "change": words.change(told["value"]),
            "interval": f"{words.change(told['low'])} … {words.change(told['high'])}",
            "decides": look["step"] == path["decided"],
        }
        for look in path["looks"]
        if (told := words.readable(look["estimate"], look["relative"], always=True))
    ]
    mine = (
        each for each in plain["results"] if (each["metric"], each["arm"]) == (plain["primary_metric"], path["arm"])
    )
    kept = any(each.get("significant") for each in mine)
    decided = words.day(path["decided"]) if path["decided"] else None
    return {"arm": path["arm"], "looks": looks, "decided": decided, "kept": kept}


def _left_out(plain: Plain) -> list[str]:
    """Who was exposed and is in no arm."""
    return [
        f"{each['persons']:,} {'person' if each['persons'] == 1 else 'persons'} saw {' and '.join(each['arms'])}: "
        "two devices turned out to be one person's, so no arm can be given what they did"
        for each in plain["crossed"]
    ]


def _apart(plain: Plain) -> list[str]:
    """Who was never to be in it, by design."""
    found = ["strangers without an id, and who withdrew consent to personalisation or profiling"]
    free = 10_000 - sum(plain["shares"].values())
    if free > 0:
        found.append(f"{free / 100:g} % of people, whom no arm was given")
    if plain["coverage"] < 10_000 and plain["state"] != "designed":
        found.append(f"all but the first {plain['coverage'] / 100:g} % of each arm's share, until it is ramped up")
    if plain["targeting"]:
        found.append("who or what the targeting leaves out: " + _condition(plain["targeting"]))
    if plain["holdout"]:
        held = plain["holdout"]
        found.append(f"the holdout “{held['name']}”, {held['buckets'] / 100:g} % of people")
    if plain["namespace"]:
        space = plain["namespace"]
        inside = (space["until"] - space["since"]) / 100
        found.append(f"all but {inside:g} % of people in the namespace “{space['name']}”, where other experiments are")
    found.append("who was erased since: nothing of them can be read, so nothing of them counts")
    return found


def _condition(targeting: Mapping[str, Any]) -> str:
    return json.dumps(targeting, ensure_ascii=False)


DOES = {
    "designed": "Designed",
    "started": "Opened",
    "ramped": "Ramped",
    "reweighted": "Shares changed",
    "paused": "Paused",
    "resumed": "Resumed",
    "shipped": "Shipped",
    "stopped": "Stopped",
    "mismatch_found": "Arms of the wrong size found",
}


def _change(change: Plain) -> dict[str, str]:
    does = change["does"]
    said = _said(does, change["to"])
    when, by = words.moment(change["at_ms"]), change.get("by", "")
    return {"when": when, "does": DOES.get(does, str(does)), "said": said, "by": by}


def _said(does: str, to: Plain) -> str:
    match does:
        case "started" | "ramped":
            return f"to {to.get('coverage', 10_000) / 100:g} % of each arm's share"
        case "reweighted":
            return ", ".join(f"{arm} {buckets / 100:g} %" for arm, buckets in to.get("buckets", {}).items())
        case "shipped":
            return ": ".join(filter(None, (to.get("variant"), to.get("reason"))))
        case "mismatch_found":
            return ", ".join(f"{arm} {persons:,}" for arm, persons in to.get("counts", {}).items())
    return str(to.get("reason") or "")
