"""The attribution page: what orders are owed to, beside what an experiment measured."""

import asyncio

from litestar import Response
from markupsafe import Markup

from adapters.http.analyst.answers import AnyRequest, oops, page, see
from adapters.http.analyst.desk import PATH, WAIT_S, AnalystDesk, FormData, address_of, links, waiting
from adapters.http.analyst.people import Analyst
from adapters.http.auth import require
from adapters.http.keys import Scope
from adapters.http.report_asks import ask_of
from adapters.http.reports import exists
from adapters.reports import attribution, words
from adapters.reports.attribution_shown import NAMES
from queries.reports import BeingMadeError, Document, RefusedError, ReportAsk

ADDRESS = f"{PATH}/attribution"


class AttributionPages:
    """One method a page."""

    def __init__(self, desk: AnalystDesk) -> None:
        self._desk = desk

    async def report(self, request: AnyRequest) -> Response[bytes]:
        """Models side by side, ways, time to the order, restatements."""
        return await self._desk.inside(request, lambda who: self._shown(request, who))

    async def again(self, request: AnyRequest, data: FormData) -> Response[bytes]:
        """Makes the report anew."""

        async def shown(who: Analyst) -> Response[bytes]:
            self._desk.reports.forget(await self._asked(request, who))
            return see(address_of(ADDRESS, given(request)))

        return await self._desk.inside(request, shown, data)

    async def file(self, request: AnyRequest, form: str) -> Response[bytes]:
        """A report to take away."""

        async def shown(who: Analyst) -> Response[bytes]:
            ask = await self._asked(request, who)
            return await self._desk.file(ask, form, address_of(ADDRESS, given(request)))

        return await self._desk.inside(request, shown)

    async def _shown(self, request: AnyRequest, who: Analyst) -> Response[bytes]:
        ask = await self._asked(request, who)
        try:
            document = await self._desk.reports.get(ask, wait_s=WAIT_S)
        except BeingMadeError:
            return waiting(who, "Attribution")
        except RefusedError as error:
            return oops(f"There is no such report: {error}", 400)
        asked, versions = given(request), await asyncio.to_thread(self._desk.published, None)
        body = await asyncio.to_thread(
            attribution.body, document.report, versions, links(ADDRESS, _pinned(asked, document))
        )
        return page(
            "attribution.html",
            who=who,
            body=Markup(body),
            asked=asked,
            experiments=[told.key for told in await self._desk.known()],
            models=list(NAMES.items()),
            again=None if ask.pinned else address_of(f"{ADDRESS}/again", asked),
        )

    async def _asked(self, request: AnyRequest, who: Analyst) -> ReportAsk:
        """Raises RejectedError."""
        require(who.who, Scope.ATTRIBUTION_READ)
        ask = ask_of(request, "attribution", more=())
        if key := dict(ask.options).get("experiment"):
            await exists(self._desk.experiments, key, "experiment")
        return ask


def given(request: AnyRequest) -> dict[str, str]:
    """What stands in the address."""
    return {name: value for name, value in request.query_params.items() if value}


def _pinned(asked: dict[str, str], document: Document) -> dict[str, str]:
    """With the positions and the period that the report names."""
    told = document.report
    days = {name: words.moment(told[f"{name}_ms"], "%Y-%m-%d") for name in ("from", "to")}
    return {**asked, **days, "as_of_position": ",".join(map(str, told["positions"]))}
