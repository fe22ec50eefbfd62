"""What the analysts' pages are made of, and the way to a page through its session."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from litestar import Response

from adapters.http.analyst.answers import AnyRequest, see
from adapters.http.attribution import AttributionReports
from adapters.http.keys import ApiKey
from adapters.http.sessions import Sessions
from queries.experiments import Told
from queries.reports import Reports

PATH = "/analyst"
HOME = f"{PATH}/experiments"
_INSIDE = re.compile(r"/analyst(/[A-Za-z0-9._~%/-]*)?(\?[A-Za-z0-9._~%=&,:+-]*)?")
Shown = Callable[[ApiKey], Awaitable[Response[bytes]]]


@dataclass(frozen=True, slots=True)
class AnalystDesk:
    """``experiments``: all that there ever were; raises UnavailableError. ``attribution``: its files and its published
    versions."""

    reports: Reports
    experiments: Callable[[], Sequence[Told]]
    attribution: AttributionReports
    sessions: Sessions

    async def known(self) -> Sequence[Told]:
        """All experiments."""
        return await asyncio.to_thread(self.experiments)

    async def inside(self, request: AnyRequest, shown: Shown) -> Response[bytes]:
        """With a session the page, else the way to one."""
        key = await self.sessions.key(request)
        if key is None:
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return see(f"{PATH}/login?{urlencode({'next': onward(asked)})}")
        return await shown(key)


def onward(path: str) -> str:
    """A page of ours; nowhere else is anybody sent."""
    plain = len(path) <= 1_000 and _INSIDE.fullmatch(path) and "//" not in path
    return path if plain and not path.startswith(f"{PATH}/log") else HOME
