"""The web process: channels in, answers out."""

import asyncio
import sys
from collections.abc import Callable

from adapters.http import logs
from adapters.http.app import create_app
from adapters.http.serve import serve
from adapters.http.shop import ShopDesk, Visitor, shop_routes
from app.demo import eshop
from app.wiring import Wiring

Loop: Callable[[], asyncio.AbstractEventLoop] | None
try:
    from uvloop import new_event_loop as Loop
except ImportError:  # not on this platform
    Loop = None


def run(wiring: Wiring) -> None:
    """Serves until SIGTERM or Ctrl-C; requests that have begun are answered first."""
    logs.configure(stream=sys.stdout)
    with wiring.shards.watched(), asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(_serve(wiring))


async def _serve(wiring: Wiring) -> None:
    reader = wiring.reader()
    writer = wiring.writer()
    queries, channels = wiring.queries(reader), wiring.channels()
    visitors = [Visitor(label, eshop.visitor(session)) for session, label in eshop.PICKED.items()]
    shop = shop_routes(ShopDesk(writer, queries, reader, channels["segment"], visitors), eshop.PHOTOS)
    app = create_app(writer, queries, channels, wiring.settings.keys(), extra_routes=shop)
    try:
        await serve(app, wiring.settings.host, wiring.settings.port)
    finally:
        await asyncio.to_thread(writer.close)
        await reader.close()
