"""The routes of reports: of an experiment, and of what orders are owed to. Both are made by a process of their own; who
asks hears within 20 s, perhaps that they should ask again."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.auth import Access, require
from adapters.http.experiments import Experiments
from adapters.http.keys import Scope
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from adapters.http.report_asks import ask_of
from adapters.http.report_forms import MEDIA, RESPONSES, answered, form_of
from queries.reports import Reports

#: All versions of the report with a key, or the newest of all. Raises UnavailableError.
Published = Callable[[str | None], Sequence[Mapping[str, Any]]]
_OPTIONS: dict[str, Any] = {"security": docs.KEY_SECURITY}
_REPORT: dict[str, Any] = {
    **_OPTIONS,
    "operation_class": docs.forms_of(*MEDIA.values()),
    "responses": RESPONSES,
}


def report_routes(reports: Reports, experiments: Experiments, access: Access) -> list[HTTPRouteHandler]:
    """The reports of experiments."""

    @get(
        "/v1/experiments/{key:str}/report",
        operation_id="experimentReport",
        tags=["experiments"],
        guards=[access.needs(Scope.REPORTS_READ)],
        **_REPORT,
    )
    async def experiment_report(request: AnyRequest, key: str) -> Response[bytes]:
        """What came of an experiment: verdict, metrics, segments, outcome board. JSON, CSV, Parquet or a page, by
        `format` or Accept; `at`, `until`, `within`, `planned`, `alpha` and `cap` as on the command line. 202 while it
        is being made."""
        form, ask = form_of(request), ask_of(request, "experiment", key)
        await exists(experiments, key, "key")
        return await answered(reports, ask, form)

    return [experiment_report]


def attribution_routes(
    reports: Reports, experiments: Experiments, published: Published, access: Access
) -> list[HTTPRouteHandler]:
    """Which channels orders are owed to, and what was published of it."""
    needs: dict[str, Any] = {"tags": ["attribution"], "guards": [access.needs(Scope.ATTRIBUTION_READ)]}

    @get("/v1/attribution/report", operation_id="attributionReport", **needs, **_REPORT)
    async def attribution_report(request: AnyRequest) -> Response[bytes]:
        """Which channels the orders of a period are owed to, and what recommendations have to do with it. JSON, CSV,
        Parquet or a page, by `format` or Accept; `model`, `from`, `to`, `as_of_position`, `lookback_days`,
        `session_minutes`, `half_life_days`, `every_order`, `clicks_only` and `experiment` (whose measured lift stands
        beside the credit; needs `reports:read` too) as on the command line. 202 while it is being made."""
        form, ask = form_of(request), ask_of(request, "attribution")
        if key := dict(ask.options).get("experiment"):
            require(request.auth, Scope.REPORTS_READ)
            await exists(experiments, key, "experiment")
        return await answered(reports, ask, form)

    @get(
        "/v1/attribution/versions",
        operation_id="attributionVersions",
        responses=docs.problems(*docs.READ_ERRORS),
        **needs,
        **_OPTIONS,
    )
    async def attribution_versions(request: AnyRequest) -> list[dict[str, Any]]:
        """The newest 1,000 versions of published reports: what was asked, and why each is not the one before. With
        `key` all versions of one report, with their figures."""
        only(request, ("key",))
        return [dict(each) for each in await asyncio.to_thread(published, request.query_params.get("key"))]

    return [attribution_report, attribution_versions]


async def exists(experiments: Experiments, key: str, field: str) -> None:
    """Raises RejectedError (404) that names the parameter."""
    if not any(each.key == key for each in await asyncio.to_thread(experiments)):
        raise RejectedError(field, "there is no such experiment", 404)
