"""Granian in this process, on the running event loop. Its access log stays off: it would hold whole URLs."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar.types import ASGIApp

from adapters.http.observe import Observed

#: So long callers are asked to go elsewhere before the port is closed, or until nobody has asked for ``QUIET_S``.
LEAVING_S, QUIET_S, TICK_S = 2.0, 0.5, 0.01


async def _nothing() -> None:
    """Nothing is to be closed."""


async def serve(
    app: ASGIApp,
    address: str = "127.0.0.1",
    port: int = 8080,
    *,
    close: Callable[[], Awaitable[None]] = _nothing,
) -> None:
    """Serves until SIGTERM or SIGINT, lets running requests end, and returns. Only from the main thread. ``close``
    closes what would not end by itself.

    First each answer asks its caller to come back on another connection, so that none is closed under a request that is
    just being sent; then the port is closed. In one process: Granian's supervisor, when killed, would leave its worker
    behind, holding the port.
    """
    server = Server(
        app,
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        log_access=False,
        log_level=LogLevels.error,
    )
    observed: object = getattr(app, "asgi_handler", None)
    ending: list[asyncio.Task[None]] = []

    def stop() -> None:
        if not ending:
            ending.append(asyncio.create_task(_drain(server, observed, close)))

    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    try:
        await server.serve()
    finally:
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)


async def _drain(server: Server, observed: object, close: Callable[[], Awaitable[None]]) -> None:
    """Closes the port when nobody is left, or after a while. Then Granian waits for the requests that are running."""
    clock = asyncio.get_running_loop().time
    try:
        if isinstance(observed, Observed):
            observed.draining = True
        await close()
        began = clock()
        if isinstance(observed, Observed):
            while clock() - began < LEAVING_S and observed.idle_s() < QUIET_S:
                await asyncio.sleep(TICK_S)
    finally:
        server.stop()  # type: ignore[no-untyped-call]
