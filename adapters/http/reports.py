"""Reports over HTTP: what may be asked of them, and the forms they come in."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.auth import Access
from adapters.http.keys import Scope
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from adapters.reports import experiment, tables
from queries.experiments import Told
from queries.reports import BeingMadeError, Document, RefusedError, ReportAsk, Reports

WAIT_S = 20.0
AGAIN_S = 2
OPTIONS = ("at", "until", "within", "planned", "alpha", "cap")
_POSITIONS = re.compile(r"\d{1,18}(,\d{1,18}){0,1023}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?")
_WHOLE = re.compile(r"[1-9]\d{0,11}")
_SHARE = re.compile(r"0?\.\d{1,6}")
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "at": (_POSITIONS, "must be positions of the shards' logs, with commas between"),
    "until": (_TIME, "must be a day or a time, 2026-03-01 or 2026-03-01T00:00:00 (UTC)"),
    "within": (re.compile(r"[1-9]\d?|[123]\d\d|400"), "must be a number of days from 1 to 400"),
    "planned": (re.compile(r"[2-9]|[1-9]\d{1,11}"), "must be a whole number from 2 on"),
    "alpha": (_SHARE, "must be above 0 and at most .5, written .05"),
    "cap": (_WHOLE, "must be an amount in minor units, from 1 on"),
}


class Form(StrEnum):
    """How a report comes."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    HTML = "html"


MEDIA = {
    Form.JSON: "application/json",
    Form.CSV: "text/csv",
    Form.PARQUET: "application/vnd.apache.parquet",
    Form.HTML: "text/html",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of reports: its rows for tables, and its page. ``types``: of the table's columns."""

    rows: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
    types: Mapping[str, str]
    page: Callable[[Document], str]


EXPERIMENT = Kind(tables.experiment_rows, tables.TYPES, experiment.page)


class BeingMade(msgspec.Struct, frozen=True):
    """202: ask again in a moment."""

    status: str = "being made"


def report_routes(
    reports: Reports, experiments: Callable[[], Sequence[Told]], access: Access
) -> list[HTTPRouteHandler]:
    """The reports of experiments."""

    @get(
        "/v1/experiments/{key:str}/report",
        operation_id="experimentReport",
        tags=["experiments"],
        guards=[access.needs(Scope.REPORTS_READ)],
        security=docs.KEY_SECURITY,
        operation_class=docs.forms_of(*MEDIA.values()),
        responses={202: ResponseSpec(BeingMade, description="It is being made: ask again", generate_examples=False)}
        | docs.problems(404, 409, *docs.READ_ERRORS),
    )
    async def experiment_report(request: AnyRequest, key: str) -> Response[bytes]:
        """What came of an experiment: verdict, metrics, segments, outcome board. JSON, CSV, Parquet or a page, by
        `format` or Accept; `at`, `until`, `within`, `planned`, `alpha` and `cap` as on the command line. 202 while it
        is being made."""
        form, ask = form_of(request), ask_of(request, "experiment", key)
        known = await asyncio.to_thread(experiments)
        if not any(each.key == key for each in known):
            raise RejectedError("key", "there is no such experiment", 404)
        return await answered(reports, ask, form, EXPERIMENT, f"experiment-{key}")

    return [experiment_report]


def ask_of(request: AnyRequest, kind: str, key: str = "", more: Collection[str] = ("format",)) -> ReportAsk:
    """Raises RejectedError (400) that names the parameter."""
    only(request, (*OPTIONS, *more))
    given = {name: request.query_params[name] for name in OPTIONS if request.query_params.get(name)}
    for name, text in given.items():
        form, reason = _FORMS[name]
        if not (text.isascii() and form.fullmatch(text)):
            raise RejectedError(name, reason, 400)
    if "alpha" in given and not 0 < float(given["alpha"]) <= 0.5:
        raise RejectedError("alpha", _FORMS["alpha"][1], 400)
    return ReportAsk(kind, key, tuple(sorted(given.items())), "at" in given and "until" in given)


def form_of(request: AnyRequest) -> Form:
    """By ``format``, else by Accept, else JSON. Raises RejectedError."""
    asked = request.query_params.get("format")
    if asked is not None:
        try:
            return Form(asked)
        except ValueError:
            raise RejectedError("format", f"must be one of {', '.join(Form)}", 400) from None
    best = request.accept.best_match([*MEDIA.values()])
    return next((form for form, media in MEDIA.items() if media == best), Form.JSON)


async def answered(reports: Reports, ask: ReportAsk, form: Form, kind: Kind, name: str) -> Response[bytes]:
    """The report in its form; 202 while it is being made. Raises RejectedError, UnavailableError."""
    try:
        document = await reports.get(ask, wait_s=WAIT_S)
    except BeingMadeError:
        waiting = msgspec.json.encode(BeingMade())
        return Response(waiting, status_code=202, media_type=MEDIA[Form.JSON], headers={"Retry-After": str(AGAIN_S)})
    except RefusedError as error:
        raise RejectedError("report", str(error), 409) from None
    return await asyncio.to_thread(written, document, form, kind, name)


def written(document: Document, form: Form, kind: Kind, name: str) -> Response[bytes]:
    """A report in a form. Raises RejectedError (400) for Parquet where pyarrow is missing."""
    headers = {"Content-Disposition": f'attachment; filename="{re.sub(r"[^A-Za-z0-9._-]", "-", name)[:80]}.{form}"'}
    match form:
        case Form.JSON:
            body, headers = msgspec.json.encode(document.report), {}
        case Form.CSV:
            body = tables.to_csv(kind.rows(document.report), tuple(kind.types))
        case Form.PARQUET:
            try:
                body = tables.to_parquet(kind.rows(document.report), kind.types)
            except tables.MissingPackageError:
                raise RejectedError("format", "Parquet needs pyarrow, which is not installed here", 400) from None
        case Form.HTML:
            body, headers = kind.page(document).encode(), {"Content-Security-Policy": alone()}
    return Response(body, media_type=MEDIA[form], headers=headers)


@cache
def alone() -> str:
    """For a page that has its own style in it, and nothing else."""
    style = b64encode(sha256(experiment.CSS.read_bytes()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
