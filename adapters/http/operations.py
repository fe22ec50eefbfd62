"""The routes for those who run it: health and metrics. They tell nothing of the data."""

from collections.abc import Sequence

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from adapters.http import docs
from adapters.http.metrics import Metrics
from adapters.http.ports import Reader
from adapters.http.problems import AnyRequest, FieldError, unavailable


class Health(msgspec.Struct, frozen=True):
    """``servers``: each that is needed, and "ok"."""

    status: str
    servers: dict[str, str]


def operation_routes(reader: Reader, metrics: Metrics) -> Sequence[HTTPRouteHandler]:
    """All of them."""

    @get("/health/live", operation_id="live", tags=["operations"], responses=docs.problems(500))
    async def live() -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @get("/metrics", operation_id="metrics", tags=["operations"], media_type="text/plain")
    async def prometheus() -> Response[bytes]:
        """All counts, as Prometheus reads them."""
        return Response(metrics.render(), media_type=metrics.content_type)

    return [live, _ready(reader), prometheus]


def _ready(reader: Reader) -> HTTPRouteHandler:
    @get(
        "/health/ready",
        operation_id="ready",
        tags=["operations"],
        responses=docs.answers(Health) | docs.problems(500, 503),
    )
    async def ready(request: AnyRequest) -> Response[Health] | Response[bytes]:
        """Whether all servers that are needed answer."""
        servers = await reader.ready()
        down = [FieldError(name, state) for name, state in servers.items() if state != "ok"]
        if down:
            return unavailable(request, f"down: {', '.join(error.field for error in down)}", down)
        return Response(Health("ok", servers))

    return ready
