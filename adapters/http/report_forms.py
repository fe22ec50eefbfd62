"""The forms in which reports of either kind are answered, and what is said while one is being made."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Response
from litestar.openapi import ResponseSpec

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.problems import AnyRequest
from adapters.reports import attribution, experiment, tables
from queries.reports import BeingMadeError, Document, RefusedError, ReportAsk, Reports

WAIT_S = 20.0
AGAIN_S = 2


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
#: What the pages call them.
NAMES = {Form.JSON: "JSON", Form.CSV: "CSV", Form.PARQUET: "Parquet", Form.HTML: "Page as a file"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of reports: its rows for tables, and its page. ``types``: of the table's columns."""

    rows: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
    types: Mapping[str, str]
    page: Callable[[Document], str]


KINDS = {
    "experiment": Kind(tables.experiment_rows, tables.TYPES, experiment.page),
    "attribution": Kind(tables.attribution_rows, tables.ATTRIBUTION, lambda made: attribution.page(made.report)),
}


class BeingMade(msgspec.Struct, frozen=True):
    """202: ask again in a moment."""

    status: str = "being made"


RESPONSES = {202: ResponseSpec(BeingMade, description="It is being made: ask again", generate_examples=False)}
RESPONSES |= docs.problems(404, 409, *docs.READ_ERRORS)


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


async def answered(reports: Reports, ask: ReportAsk, form: Form) -> Response[bytes]:
    """The report in its form; 202 while it is being made. Raises RejectedError, UnavailableError."""
    try:
        document = await reports.get(ask, wait_s=WAIT_S)
    except BeingMadeError:
        waiting = msgspec.json.encode(BeingMade())
        return Response(waiting, status_code=202, media_type=MEDIA[Form.JSON], headers={"Retry-After": str(AGAIN_S)})
    except RefusedError as error:
        raise refused(error) from None
    return await asyncio.to_thread(written, document, form, ask)


def refused(error: RefusedError) -> RejectedError:
    """400 that names the parameter, if one is wrong, else 409: there is nothing to report."""
    field = (error.option or "report").replace("-", "_")
    return RejectedError(field, str(error), 400 if error.option else 409)


def written(document: Document, form: Form, ask: ReportAsk) -> Response[bytes]:
    """A report in a form. Raises RejectedError (400) for Parquet where pyarrow is missing."""
    kind, name = KINDS[ask.kind], re.sub(r"[^A-Za-z0-9._-]", "-", "-".join(filter(None, (ask.kind, ask.key))))[:80]
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
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
