"""Granian in this process, on the running event loop. Its access log stays off: it would hold whole URLs."""

import asyncio
import signal

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar.types import ASGIApp


async def serve(app: ASGIApp, address: str = "127.0.0.1", port: int = 8080) -> None:
    """Serves until SIGTERM or SIGINT, lets running requests end, and returns. Only from the main thread.

    In one process: Granian's supervisor, when killed, would leave its worker behind, holding the port.
    """
    server = Server(
        app,
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        log_access=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, server.stop)
    try:
        await server.serve()
    finally:
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
