"""Places that a bandit filled, as the page of an experiment shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.reports import words

Plain = Mapping[str, Any]


def places(bandit: Plain, arms: Sequence[str]) -> dict[str, Any]:
    """A row an arm, in their order. ``bandit``: that part of a report."""
    rows = [
        {
            "arm": each["arm"],
            "places": f"{each['places']:,}",
            "persons": f"{each['persons']:,}",
            "shown": f"{each['shown']:.2%}",
            **{name: _share(each[name]) for name in ("ipw", "snipw")},
            "effective": f"{each['effective']:,.0f}",
            "thin": each["thin"],
            "difference": _points(each["difference"]),
            "p": words.p_value(each["p_corrected"]),
            "yes": bool(each["significant"]),
        }
        for each in sorted(bandit["arms"], key=lambda each: arms.index(each["arm"]))
    ]
    unread, untold = bandit["unread_decisions"], bandit["untold_places"]
    left = [f"{unread:,} {'answer' if unread == 1 else 'answers'} whose receipt cannot be read"] if unread else []
    left += [f"{untold:,} {'place' if untold == 1 else 'places'} whose receipt tells no chance"] if untold else []
    return {"rows": rows, "left": left}


def _share(of: Plain | None) -> dict[str, str]:
    if of is None:
        return {"value": words.NOTHING, "interval": "unknown"}
    return {"value": f"{of['value']:.2%}", "interval": f"{of['low']:.2%} … {of['high']:.2%}".replace("-", words.MINUS)}


def _points(of: Plain | None) -> dict[str, str] | None:
    """A difference of two shares, in points of a percent."""
    if of is None:
        return None
    value, low, high = (f"{100 * of[end]:+.2f}".replace("-", words.MINUS) for end in ("value", "low", "high"))
    return {"value": value, "interval": f"{low} … {high}"}
