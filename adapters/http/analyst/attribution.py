"""The attribution page: what orders are owed to, beside what an experiment measured."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from litestar import Response
from markupsafe import Markup

from adapters.channels.channel import RejectedError
from adapters.http.analyst.answers import SAFE, AnyRequest, oops, page, see
from adapters.http.analyst.desk import PATH, AnalystDesk
from adapters.http.attribution import MEDIA, WrongPositionError, options_of
from adapters.http.auth import require
from adapters.http.keys import ApiKey, Scope
from adapters.reports import attribution, words
from adapters.reports.attribution_shown import NAMES
from queries.reports import BeingMadeError, RefusedError, ReportAsk

ADDRESS = f"{PATH}/attribution"
WAIT_S = 4.0


class AttributionPages:
    """One method a page."""

    def __init__(self, desk: AnalystDesk) -> None:
        self._desk = desk

    async def report(self, request: AnyRequest) -> Response[bytes]:
        """Models side by side, ways, time to the order, restatements."""
        return await self._desk.inside(request, lambda who: self._shown(request, who))

    async def again(self, request: AnyRequest) -> Response[bytes]:
        """Makes the report anew."""

        async def shown(who: ApiKey) -> Response[bytes]:
            require(who, Scope.ATTRIBUTION_READ)
            given, ask = asked(request, await self._keys())
            self._desk.reports.forget(ask)
            return see(_address(given))

        return await self._desk.inside(request, shown)

    async def file(self, request: AnyRequest, form: str) -> Response[bytes]:
        """A report to take away."""

        async def shown(who: ApiKey) -> Response[bytes]:
            require(who, Scope.ATTRIBUTION_READ)
            if form not in MEDIA:
                return oops("There is no such report.", 404)
            _, ask = asked(request, await self._keys())
            try:
                made = await self._desk.attribution.make(dict(ask.options), form)
            except WrongPositionError as error:
                return oops(f"There is no such report: {error}", 400)
            headers = {"Content-Disposition": f'attachment; filename="attribution.{form}"'}
            return Response(made, media_type=MEDIA[form], headers={**SAFE, **headers})

        return await self._desk.inside(request, shown)

    async def _shown(self, request: AnyRequest, who: ApiKey) -> Response[bytes]:
        require(who, Scope.ATTRIBUTION_READ)
        keys = await self._keys()
        given, ask = asked(request, keys)
        try:
            document = await self._desk.reports.get(ask, wait_s=WAIT_S)
        except BeingMadeError:
            return page("waiting.html", who=who, title="Attribution", status=202, headers={"Retry-After": "2"})
        except RefusedError as error:
            return oops(f"There is no such report: {error}", 400)
        versions = await self._desk.attribution.published()
        pinned = _pinned(given, document.report)
        links = {"pinned": _address(pinned), "files": _files(pinned)}
        body = await asyncio.to_thread(attribution.body, document.report, versions, links)
        return page(
            "attribution.html",
            who=who,
            body=Markup(body),
            asked=given,
            experiments=keys,
            models=list(NAMES.items()),
            again=None if ask.pinned else f"{ADDRESS}/again",
            query=urlencode(given),
        )

    async def _keys(self) -> list[str]:
        return [told.key for told in await self._desk.known()]


def asked(request: AnyRequest, experiments: Sequence[str]) -> tuple[dict[str, str], ReportAsk]:
    """What stands in the address, and what that asks for. Raises RejectedError."""
    every = list(request.query_params.multi_items())
    given = {name: value for name, value in every if value}
    if len(dict(every)) != len(every):
        raise RejectedError("query", "each parameter once", 400)
    experiment = given.get("experiment")
    if experiment is not None and experiment not in experiments:
        raise RejectedError("experiment", "there is none with this key", 404)
    options = options_of({name: value for name, value in given.items() if name != "experiment"})
    options |= {"experiment": experiment} if experiment else {}
    return given, ReportAsk(
        "attribution", "", tuple(sorted(options.items())), {"as-of-position", "from", "to"} <= set(options)
    )


def _pinned(given: Mapping[str, str], report: Mapping[str, Any]) -> dict[str, str]:
    """With the positions and the period that the report names."""
    days = {name: words.moment(report[f"{name}_ms"], "%Y-%m-%d") for name in ("from", "to")}
    return {**given, **days, "as_of_position": ",".join(map(str, report["positions"]))}


def _files(pinned: Mapping[str, str]) -> list[tuple[str, str]]:
    names = {"json": "JSON", "csv": "CSV", "parquet": "Parquet", "html": "Page as a file"}
    return [(name, f"{ADDRESS}/files/{form}?{urlencode(pinned)}") for form, name in names.items()]


def _address(given: Mapping[str, str]) -> str:
    return ADDRESS + (f"?{urlencode(given)}" if given else "")
