"""The routes by which facts arrive, one a channel call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from adapters.channels.channel import Channel, Trust
from adapters.http import bodies, docs
from adapters.http.auth import Access, trust_of
from adapters.http.intake import Intake, Taken
from adapters.http.keys import Scope
from adapters.http.problems import AnyRequest, answer

SINGLE_CALLS = ("identify", "track", "page", "screen", "alias")
#: Routes that a browser of any origin may call (with a public key).
BROWSERS = frozenset(f"/v1/{call}" for call in (*SINGLE_CALLS, "batch"))
_KIB = 1024


class Recorded(msgspec.Struct, frozen=True):
    """A single call was taken. ``recorded`` counts events; 0: recorded before, or of no interest. ``accepted``: it is
    safe with Kafka and will be recorded (status 202)."""

    success: bool
    recorded: int
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class _Route:
    """``prepare`` sees the body before the channel does. ``secret``: public keys are refused."""

    path: str
    channel: str
    what: str
    limit: int
    media_types: frozenset[str] = bodies.JSON
    prepare: Callable[[bytes], bytes] = bytes
    signed: bool = False
    secret: bool = False
    single: bool = False


_ROUTES = (
    *(
        _Route(
            f"/v1/{call}",
            "segment",
            f"A Segment {call} message",
            32 * _KIB,
            prepare=lambda body, call=call: bodies.as_call(body, call),  # type: ignore[misc]
            single=True,
        )
        for call in SINGLE_CALLS
    ),
    _Route("/v1/batch", "segment", "A Segment batch", 500 * _KIB, prepare=bodies.checked_batch),
    _Route("/v1/pos/poslog", "poslog", "An ARTS POSLog document", 2048 * _KIB, bodies.XML, secret=True),
    _Route("/v1/webhooks/shopify", "shopify", "A Shopify webhook with its HMAC", 1024 * _KIB, signed=True),
)


def write_routes(intake: Intake, channels: Mapping[str, Channel], access: Access) -> Sequence[HTTPRouteHandler]:
    """All of them."""
    return [_handler(intake, channels[route.channel], access, route) for route in _ROUTES]


def _handler(intake: Intake, channel: Channel, access: Access, route: _Route) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Response[Any]:
        body = route.prepare(await bodies.read(request, route.media_types))
        trust = Trust(known_identifiers=True) if route.signed else trust_of(request.auth)
        verdict = await intake.take(route.channel, channel, _headers(request), body, trust)
        if verdict.status >= 400:
            return answer(request, verdict.status, verdict.taken.errors)
        taken = verdict.taken
        told = Recorded(True, taken.recorded, taken.accepted) if route.single else taken
        return Response(told, status_code=verdict.status)

    name = route.path.removeprefix("/v1/").replace("/", "_")
    return post(
        route.path,
        name=name,
        operation_id=name,
        status_code=200,
        summary=route.what,
        tags=["channels"],
        guards=None if route.signed else [access.needs(Scope.CHANNEL_WRITE, secret=route.secret)],
        security=None if route.signed else docs.KEY_SECURITY,
        request_max_body_size=route.limit,
        operation_class=docs.body_of(f"{route.what}, at most {route.limit // _KIB} KiB", route.media_types),
        responses=docs.answers(Recorded if route.single else Taken) | docs.problems(*docs.WRITE_ERRORS),
        opt={"channel": route.channel},
    )(handle)


def _headers(request: AnyRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}
