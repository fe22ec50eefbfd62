"""The web application: its routes, put together."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from adapters.channels.channel import Channel
from adapters.http import docs
from adapters.http.intake import Intake
from adapters.http.keys import ApiKeys
from adapters.http.metrics import Metrics
from adapters.http.observe import Observed
from adapters.http.operations import operation_routes
from adapters.http.ports import Reader, Writer
from adapters.http.problems import Problems
from adapters.http.reads import read_routes
from adapters.http.writes import BROWSERS, write_routes

OTHER_BODIES = 32 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    writer: Writer,
    reader: Reader,
    channels: Mapping[str, Channel],
    keys: ApiKeys,
    *,
    extra_routes: Sequence[ControllerRouterHandler] = (),
    metrics: Metrics | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> Litestar:
    """An ASGI app. ``channels`` has ``segment``, ``shopify`` and ``poslog``; ``now`` gives aware times.

    Routes of ``extra_routes`` get the same errors, metrics and access lines, and bodies up to 32 KiB unless
    they say otherwise.
    """
    metrics = metrics or Metrics()
    app = Litestar(
        [
            *write_routes(Intake(writer, metrics, now), channels, keys),
            *read_routes(reader, keys),
            *operation_routes(reader, metrics),
            *extra_routes,
        ],
        exception_handlers=Problems(metrics).handlers(),
        openapi_config=docs.config(),
        request_max_body_size=OTHER_BODIES,
        logging_config=None,
    )
    app.asgi_handler = Observed(app.asgi_handler, metrics, BROWSERS)
    return app
