"""What the analysts' pages are made of, and the way to a page through its session."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Response
from litestar.enums import RequestEncodingType
from litestar.params import Body

from adapters.http.analyst.answers import SAFE, AnyRequest, oops, page, see
from adapters.http.analyst.people import Analyst, Analysts
from adapters.http.experiments import Experiments
from adapters.http.keys import ApiKey
from adapters.http.report_forms import NAMES, Form, written
from adapters.http.reports import Published
from adapters.http.sessions import Doors, House, LockedError
from queries.experiments import Told
from queries.reports import BeingMadeError, RefusedError, ReportAsk, Reports

PATH = "/analyst"
HOME = f"{PATH}/experiments"
WAIT_S, FILE_WAIT_S = 4.0, 60.0
_INSIDE = re.compile(r"/analyst(/[A-Za-z0-9._~%/-]*)?(\?[A-Za-z0-9._~%=&,:+-]*)?")
FormData = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
Shown = Callable[[Analyst], Awaitable[Response[bytes]]]


@dataclass(frozen=True, slots=True)
class AnalystDesk:
    """``published``: versions of attribution reports; ``doors``: those of the ``analysts``."""

    reports: Reports
    experiments: Experiments
    published: Published
    analysts: Analysts
    doors: Doors[ApiKey]

    async def known(self) -> Sequence[Told]:
        """All experiments."""
        return await asyncio.to_thread(self.experiments)

    async def inside(self, request: AnyRequest, shown: Shown, form: Mapping[str, str] | None = None) -> Response[bytes]:
        """With a session the page, else the way to one. A ``form`` must carry the session's token. Raises
        RejectedError, LimitedError."""
        try:
            session = await (self.doors.session(request) if form is None else self.doors.posted(request, form))
        except LockedError:
            asked = request.url.path.removesuffix("/again") + (f"?{request.url.query}" if request.url.query else "")
            return see(f"{PATH}/login?{urlencode({'next': onward(asked)})}")
        await self.analysts.access.limits.take(session.who)
        return self.doors.stays(request, session.token, await shown(session))

    async def file(self, ask: ReportAsk, form: str, report: str) -> Response[bytes]:
        """A report to take away; the page of that ``report`` where there is none yet, and what it says then."""
        if form not in [*Form]:
            return oops("There is no such report.", 404)
        try:
            document = await self.reports.get(ask, wait_s=FILE_WAIT_S)
        except (BeingMadeError, RefusedError):
            return see(report)
        answer = await asyncio.to_thread(written, document, Form(form), ask)
        answer.headers.update({name: value for name, value in SAFE.items() if name not in answer.headers})
        return answer


def waiting(who: Analyst, title: str) -> Response[bytes]:
    """Looks again by itself."""
    return page("waiting.html", who=who, title=title, status=202, headers={"Retry-After": "2"})


def house() -> House:
    """Links to reports are passed on, so a session holds where one comes from elsewhere; whatever changes anything is
    a form with a token."""
    return House("analyst", PATH, _login, onward, see, samesite="lax")


def _login(csrf: str, words: str, status: int, then: str) -> Response[bytes]:
    return page("login.html", status=status, csrf=csrf, wrong=words, onward=then)


def address_of(path: str, options: Mapping[str, str]) -> str:
    """With its query."""
    return path + (f"?{urlencode(options)}" if options else "")


def links(path: str, pinned: Mapping[str, str]) -> dict[str, Any]:
    """To a very report, and to its files: ``pinned`` to its positions and its end."""
    files = [(name, address_of(f"{path}/files/{form}", pinned)) for form, name in NAMES.items()]
    return {"pinned": address_of(path, pinned), "files": files}


def onward(path: str) -> str:
    """A page of ours; nowhere else is anybody sent."""
    plain = len(path) <= 1_000 and _INSIDE.fullmatch(path) and "//" not in path
    return path if plain and not path.startswith(f"{PATH}/log") else HOME
