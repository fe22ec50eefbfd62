"""What may be asked of reports over HTTP: the options of the command line, each looked at before a process is started
for it."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from adapters.channels.channel import RejectedError
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from projections.attribution.models import MODELS
from queries.reports import ReportAsk

#: Whether a text will do, and what it must be.
Check = tuple[Callable[[str], object], str]
FLAGS = ("every_order", "clicks_only")
MOST_KEY = 200


def _like(form: str, reason: str) -> Check:
    pattern = re.compile(form, re.ASCII)
    return pattern.fullmatch, reason


def _whole(low: int, high: int, what: str = "a whole number") -> Check:
    def right(text: str) -> bool:
        plain = text.isascii() and text.isdigit() and len(text) <= len(str(high))
        return plain and str(int(text)) == text and low <= int(text) <= high

    return right, f"must be {what} from {low} to {high}"


def _time(form: str, reason: str) -> Check:
    pattern = re.compile(form, re.ASCII)

    def right(text: str) -> bool:
        try:
            return pattern.fullmatch(text) is not None and datetime.fromisoformat(text).year > 1970
        except ValueError:
            return False

    return right, reason


def _models(text: str) -> bool:
    return text == "all" or all(each in MODELS for each in text.split(","))


_DAY = _time(r"\d{4}-\d\d-\d\d", "must be a day, as 2026-03-01")
_POSITIONS = _like(r"\d{1,18}(,\d{1,18}){0,1023}", "must be positions of the shards' logs, with commas between")
_SHARE = re.compile(r"0?\.\d{1,6}", re.ASCII)
CHECKS: Mapping[str, Mapping[str, Check]] = {
    "experiment": {
        "at": _POSITIONS,
        "until": _time(
            r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?", "must be a day or a time, 2026-03-01 or 2026-03-01T00:00:00 (UTC)"
        ),
        "within": _whole(1, 400, "a number of days"),
        "planned": _whole(2, 10**12 - 1),
        "alpha": (
            lambda text: _SHARE.fullmatch(text) and 0 < float(text) <= 0.5,
            "must be above 0 and at most .5, written .05",
        ),
        "cap": _whole(1, 10**12 - 1, "an amount in minor units"),
    },
    "attribution": {
        "model": (_models, f"must be all, or some of {', '.join(MODELS)}, with commas between"),
        "from": _DAY,
        "to": _DAY,
        "as_of_position": _POSITIONS,
        "lookback_days": _whole(1, 400),
        "session_minutes": _whole(0, 1440),
        "half_life_days": _whole(1, 400),
        **dict.fromkeys(FLAGS, _like("true|false", "must be true or false")),
        "experiment": (lambda text: len(text) <= MOST_KEY, f"must be a key of up to {MOST_KEY} characters"),
    },
}
#: What fixes a report, until somebody is erased.
PINS = {"experiment": {"at", "until"}, "attribution": {"as_of_position", "from", "to"}}


def ask_of(request: AnyRequest, kind: str, key: str = "", more: Collection[str] = ("format",)) -> ReportAsk:
    """Parameters that are empty are as none. Raises RejectedError (400) that names the parameter."""
    checks = CHECKS[kind]
    only(request, (*checks, *more))
    given = {name: request.query_params[name] for name in checks if request.query_params.get(name)}
    for name, text in given.items():
        right, reason = checks[name]
        if not right(text):
            raise RejectedError(name, reason, 400)
    if given.get("from", "") >= given.get("to", "~"):
        raise RejectedError("from", "must be before to", 400)
    flags = {name: "" for name in FLAGS if given.pop(name, "false") == "true"}
    options = sorted((name.replace("_", "-"), text) for name, text in (given | flags).items())
    return ReportAsk(kind, key, tuple(options), PINS[kind] <= set(given))
