"""The routes that tell which channels orders are owed to."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.auth import Access
from adapters.http.keys import Scope
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from projections.attribution.models import MODELS

MEDIA = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "html": "text/html",
}
NUMBERS = {"lookback_days": (1, 400), "session_minutes": (0, 1440), "half_life_days": (1, 400)}
FLAGS = ("every_order", "clicks_only")
DAYS = ("from", "to")
KNOWN = ("model", *DAYS, "as_of_position", *NUMBERS, *FLAGS, "format")
_POSITIONS = re.compile(r"\d{1,18}(,\d{1,18}){0,1023}")


class WrongPositionError(ValueError):
    """The log has no such position."""


class AttributionReports(Protocol):
    """Makes reports. Both raise UnavailableError."""

    async def make(self, asked: Mapping[str, str], form: str) -> bytes:
        """``asked``: what the command line's options are to be, by name; ``form``: json, csv, parquet or html. Raises
        WrongPositionError."""

    async def published(self) -> Sequence[Mapping[str, Any]]:
        """All versions that were published."""


def attribution_routes(reports: AttributionReports, access: Access) -> Sequence[HTTPRouteHandler]:
    """Both."""
    shared: dict[str, Any] = {
        "tags": ["attribution"],
        "guards": [access.needs(Scope.ATTRIBUTION_READ)],
        "security": docs.KEY_SECURITY,
        "responses": docs.problems(*docs.READ_ERRORS),
    }

    @get(
        "/v1/attribution/report",
        operation_id="attributionReport",
        operation_class=docs.forms_of(*MEDIA.values()),
        **shared,
    )
    async def attribution_report(request: AnyRequest) -> Response[bytes]:
        """Which channels the orders of a period are owed to. `model`, `from`, `to`, `as_of_position`, `lookback_days`,
        `session_minutes`, `half_life_days`, `every_order` and `clicks_only` as on the command line; `format`: json,
        csv, parquet or html."""
        asked, form = asked_of(request)
        try:
            made = await reports.make(asked, form)
        except WrongPositionError as error:
            raise RejectedError("as_of_position", str(error), 400) from None
        return Response(made, media_type=MEDIA[form])

    @get("/v1/attribution/versions", operation_id="attributionVersions", **shared)
    async def attribution_versions(request: AnyRequest) -> list[dict[str, Any]]:
        """Published reports: each version, and why it is not the one before."""
        only(request, ())
        return [dict(each) for each in await reports.published()]

    return [attribution_report, attribution_versions]


def asked_of(request: AnyRequest) -> tuple[dict[str, str], str]:
    """Options of the command line, by name, and the form. Raises RejectedError (400) that names the parameter."""
    only(request, KNOWN)
    form = request.query_params.get("format", "json")
    if form not in MEDIA:
        raise RejectedError("format", f"must be one of {', '.join(MEDIA)}", 400)
    return options_of({name: text for name, text in request.query_params.items() if name != "format"}), form


def options_of(asked: Mapping[str, str]) -> dict[str, str]:
    """Of parameters, each given once. Raises RejectedError (400) that names one."""
    if unknown := set(asked) - {*KNOWN[:-1]}:
        raise RejectedError("query", f"{len(unknown)} unknown; known are: {', '.join(KNOWN[:-1])}", 400)
    given = dict(asked)
    for name, text in given.items():
        if reason := _wrong(name, text):
            raise RejectedError(name, reason, 400)
    if given.get("from", "") >= given.get("to", "~"):
        raise RejectedError("from", "must be before to", 400)
    flags = {name: "" for name in FLAGS if given.pop(name, "false") == "true"}
    return {name.replace("_", "-"): text for name, text in (given | flags).items()}


def _wrong(name: str, text: str) -> str | None:
    """What is wrong with a parameter; None where nothing is."""
    if name == "model":
        known = text == "all" or all(each in MODELS for each in text.split(","))
        return None if known else f"must be all, or some of {', '.join(MODELS)}, with commas between"
    if name in DAYS:
        return _wrong_day(text)
    if name in NUMBERS:
        low, high = NUMBERS[name]
        right = text.isascii() and text.isdigit() and len(text) < 6 and low <= int(text) <= high
        return None if right else f"must be a whole number from {low} to {high}"
    if name in FLAGS:
        return None if text in ("true", "false") else "must be true or false"
    right = text.isascii() and _POSITIONS.fullmatch(text) is not None
    return None if right else "must be positions of the shards' logs, with commas between"


def _wrong_day(text: str) -> str | None:
    try:
        return None if len(text) == 10 and date.fromisoformat(text).year > 1970 else "must be a day, as 2026-03-01"
    except ValueError:
        return "must be a day, as 2026-03-01"
