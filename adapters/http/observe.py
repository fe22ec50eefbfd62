"""Around every request: its id, its access line, its time, and the headers that keep browsers careful."""

import time
from uuid import uuid4

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http import logs
from adapters.http.metrics import Metrics, known_method
from adapters.http.routing import UNMATCHED, set_request_id, standing_of, template_of

_API = ("/v1", "/health", "/metrics", "/schema", UNMATCHED)
_API_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, content-type, x-api-key",
    "Access-Control-Max-Age": "7200",
}


class Observed:
    """Wraps the whole app, so that 404s are seen too. ``browsers``: the routes that any origin may call. ``running``:
    how many requests are; while ``draining`` each answer asks its caller to come back on another connection."""

    def __init__(self, app: ASGIApp, metrics: Metrics, browsers: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._browsers = browsers
        self.running = 0
        self.draining = False
        self._last = 0.0

    def idle_s(self) -> float:
        """For how long no request has been running."""
        return 0.0 if self.running else time.perf_counter() - self._last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return await self._app(scope, receive, send)
        request_id, started, status = uuid4().hex, time.perf_counter(), 500
        set_request_id(scope, request_id)
        self.running += 1

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, MutableScopeHeaders.from_message(message), request_id)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self.running -= 1
            self._last = time.perf_counter()
            self._tell(scope, status, time.perf_counter() - started, request_id)

    def _add_headers(self, scope: Scope, headers: MutableScopeHeaders, request_id: str) -> None:
        template = template_of(scope)
        wanted = {"X-Content-Type-Options": "nosniff", "X-Request-Id": request_id}
        if template.startswith(_API):
            wanted |= _API_HEADERS
        if template in self._browsers:
            wanted |= {"Access-Control-Allow-Origin": "*"} | (_PREFLIGHT if scope.get("method") == "OPTIONS" else {})
        if (standing := standing_of(scope)) is not None:
            wanted |= standing.headers()
        if self.draining:
            wanted["Connection"] = "close"
        for name, value in wanted.items():
            headers.setdefault(name, value)

    def _tell(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route, method = template_of(scope), str(scope.get("method"))
        self._metrics.answered(route, method, status, seconds)
        logs.logger().info(
            "request",
            route=route,
            method=known_method(method),
            status=status,
            duration_ms=round(seconds * 1000, 2),
            request_id=request_id,
        )
