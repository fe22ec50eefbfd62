"""The analysts' routes, and the pages of experiments."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from markupsafe import Markup

from adapters.http.analyst.answers import HANDLERS, AnyRequest, oops, page, see, static
from adapters.http.analyst.attribution import ADDRESS, AttributionPages
from adapters.http.analyst.desk import HOME, PATH, WAIT_S, AnalystDesk, FormData, address_of, links, waiting
from adapters.http.analyst.people import Analyst
from adapters.http.report_asks import ask_of
from adapters.http.reports import exists
from adapters.http.sessions import LockedError
from adapters.reports import experiment, words
from queries.experiments import Told
from queries.reports import BeingMadeError, Document, RefusedError, ReportAsk

FORM_BYTES = 4 * 1024
_Key = Annotated[str, Parameter(min_length=1, max_length=200)]
_OPTIONS: dict[str, Any] = {"include_in_schema": False, "exception_handlers": HANDLERS}
_FORM_OPTIONS: dict[str, Any] = {**_OPTIONS, "status_code": 303, "request_max_body_size": FORM_BYTES}
_LIVE = ("running", "paused")


def analyst_routes(desk: AnalystDesk) -> Sequence[HTTPRouteHandler]:
    """All pages and their files."""
    pages, attribution = _Pages(desk), AttributionPages(desk)
    one = f"{HOME}/{{key:str}}"
    return [
        get(PATH, operation_id="analyst", **_OPTIONS)(pages.home),
        get(f"{PATH}/login", operation_id="analystLogin", **_OPTIONS)(pages.login),
        post(f"{PATH}/login", operation_id="analystBegin", **_FORM_OPTIONS)(pages.begin),
        post(f"{PATH}/logout", operation_id="analystEnd", **_FORM_OPTIONS)(pages.end),
        get(HOME, operation_id="analystExperiments", **_OPTIONS)(pages.experiments),
        get(one, operation_id="analystExperiment", **_OPTIONS)(pages.experiment),
        post(f"{one}/again", operation_id="analystAgain", **_FORM_OPTIONS)(pages.again),
        get(f"{one}/files/{{form:str}}", operation_id="analystFile", **_OPTIONS)(pages.file),
        get(ADDRESS, operation_id="analystAttribution", **_OPTIONS)(attribution.report),
        get(f"{ADDRESS}/files/{{form:str}}", operation_id="analystAttributionFile", **_OPTIONS)(attribution.file),
        post(f"{ADDRESS}/again", operation_id="analystAttributionAgain", **_FORM_OPTIONS)(attribution.again),
        get(f"{PATH}/static/{{name:str}}", operation_id="analystStatic", **_OPTIONS)(static),
    ]


class _Pages:
    """One method a page."""

    def __init__(self, desk: AnalystDesk) -> None:
        self._desk = desk

    async def home(self, request: AnyRequest) -> Response[bytes]:
        """Where one begins."""
        return see(HOME)

    async def login(self, request: AnyRequest) -> Response[bytes]:
        """Asks for a key."""
        return self._desk.doors.locked(request, then=request.query_params.get("next", ""))

    async def begin(self, request: AnyRequest, data: FormData) -> Response[bytes]:
        """A key becomes a session, and one goes on to what was asked for."""
        return await self._desk.doors.enter(request, data)

    async def end(self, request: AnyRequest, data: FormData) -> Response[bytes]:
        """Ends it."""
        try:
            session = await self._desk.doors.posted(request, data)
        except LockedError:
            return see(f"{PATH}/login")
        return await self._desk.doors.leave(session)

    async def experiments(self, request: AnyRequest) -> Response[bytes]:
        """All experiments, those under way first."""

        async def shown(who: Analyst) -> Response[bytes]:
            return page("experiments.html", who=who, rows=_rows(await self._desk.known()))

        return await self._desk.inside(request, shown)

    async def experiment(self, request: AnyRequest, key: _Key) -> Response[bytes]:
        """What came of one."""

        async def shown(who: Analyst) -> Response[bytes]:
            ask, told, address = ask_of(request, "experiment", key, ()), await self._known(key), _address(key)
            if told is None:
                return oops("There is no such experiment.", 404)
            try:
                document = await self._desk.reports.get(ask, wait_s=WAIT_S)
            except BeingMadeError:
                return waiting(who, key)
            except RefusedError as error:
                return page("nothing.html", who=who, told=told, reason=str(error), again=f"{address}/again")
            body = await asyncio.to_thread(experiment.body, document, _links(address, document, ask))
            options = dict(ask.options)
            again = None if ask.pinned else address_of(f"{address}/again", options)
            return page("experiment.html", who=who, key=key, body=Markup(body), again=again, asked=options)

        return await self._desk.inside(request, shown)

    async def again(self, request: AnyRequest, key: _Key, data: FormData) -> Response[bytes]:
        """Makes the report anew."""

        async def shown(who: Analyst) -> Response[bytes]:
            ask = ask_of(request, "experiment", key, ())
            self._desk.reports.forget(ask)
            return see(address_of(_address(key), dict(ask.options)))

        return await self._desk.inside(request, shown, data)

    async def file(self, request: AnyRequest, key: _Key, form: _Key) -> Response[bytes]:
        """A report to take away."""

        async def shown(who: Analyst) -> Response[bytes]:
            ask = ask_of(request, "experiment", key, ())
            await exists(self._desk.experiments, key, "key")
            return await self._desk.file(ask, form, address_of(_address(key), dict(ask.options)))

        return await self._desk.inside(request, shown)

    async def _known(self, key: str) -> Told | None:
        return next((each for each in await self._desk.known() if each.key == key), None)


def _address(key: str) -> str:
    return f"{HOME}/{quote(key, safe='')}"


def _links(address: str, document: Document, ask: ReportAsk) -> dict[str, Any]:
    told = document.report
    until = words.moment(told["until_ms"], "%Y-%m-%dT%H:%M:%S")
    pinned = dict(ask.options) | {"at": ",".join(map(str, told["positions"])), "until": until}
    return {"all": HOME, **links(address, dict(sorted(pinned.items())))}


def _rows(known: Sequence[Told]) -> list[Mapping[str, Any]]:
    """Experiments as their list shows them: under way, then the latest first."""
    latest = sorted(known, key=lambda told: (told.state not in _LIVE, -told.history[-1].at_ms, told.key))
    return [
        {
            "told": told,
            "href": _address(told.key),
            "arms": ", ".join(f"{each.name} {each.buckets / 100:g} %" for each in told.design.variants),
            "changed": words.moment(told.history[-1].at_ms, "%-d %b %Y"),
        }
        for told in latest
    ]
