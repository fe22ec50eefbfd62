"""The web process: channels in, answers out."""

import asyncio

from adapters.http.app import create_app
from adapters.http.serve import serve
from adapters.http.writer import BusWriter
from app.wiring import Wiring


def run(wiring: Wiring) -> None:
    """Serves until SIGTERM or Ctrl-C; requests that have begun are answered first."""
    asyncio.run(_serve(wiring))


async def _serve(wiring: Wiring) -> None:
    reader = wiring.reader()
    writer = BusWriter(wiring.bus())
    app = create_app(writer, wiring.queries(reader), wiring.channels(), wiring.settings.keys())
    try:
        await serve(app, wiring.settings.host, wiring.settings.port)
    finally:
        await asyncio.to_thread(writer.close)
        await reader.close()
