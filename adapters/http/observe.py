"""Around every request: its id, its access line, its time, and the headers that keep browsers careful."""

import os
import time
from collections.abc import Iterable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http import logs
from adapters.http.metrics import Metrics, known_method
from adapters.http.routing import UNMATCHED, set_request_id, standing_of, template_of

_API = ("/v1", "/health", "/metrics", "/schema", UNMATCHED)
Header = tuple[bytes, bytes]
_EVERYWHERE: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"),)
_API_HEADERS: tuple[Header, ...] = (
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_BROWSERS: tuple[Header, ...] = ((b"access-control-allow-origin", b"*"),)
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"authorization, content-type, x-api-key"),
    (b"access-control-max-age", b"7200"),
)


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
        request_id, started, status = os.urandom(16).hex(), time.perf_counter(), 500
        set_request_id(scope, request_id)
        self.running += 1

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._with_headers(scope, message.get("headers", ()), request_id)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self.running -= 1
            self._last = time.perf_counter()
            self._tell(scope, status, time.perf_counter() - started, request_id)

    def _with_headers(self, scope: Scope, given: Iterable[tuple[bytes, bytes]], request_id: str) -> list[Header]:
        """Those that are given, and what they lack."""
        template = template_of(scope)
        wanted = [*_EVERYWHERE, (b"x-request-id", request_id.encode())]
        if template.startswith(_API):
            wanted += _API_HEADERS
        if template in self._browsers:
            wanted += _BROWSERS if scope.get("method") != "OPTIONS" else (*_BROWSERS, *_PREFLIGHT)
        if (standing := standing_of(scope)) is not None:
            wanted += standing.headers()
        if self.draining:
            wanted.append((b"connection", b"close"))
        headers = list(given)
        there = {name.lower() for name, _ in headers}
        return headers + [header for header in wanted if header[0] not in there]

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
