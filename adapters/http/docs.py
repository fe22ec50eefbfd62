"""The OpenAPI 3.1 description: what Litestar cannot see by itself. Served as JSON alone, without scripts."""

from dataclasses import dataclass
from typing import Any

from litestar import Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType

from adapters.http.problems import MEDIA_TYPE, ProblemDetails

PATH = "/schema"
KEY_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}, {"apiKey": []}]
READ_ERRORS = (400, 401, 403, 429, 500, 503)
WRITE_ERRORS = (400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503)
_MEANING = {
    400: "The request cannot be understood",
    401: "No API key, or an unknown one",
    403: "The key lacks the scope",
    404: "There is no such thing",
    408: "The body came too slowly",
    409: "The shop's rules refuse it",
    410: "There was such a thing; its person was erased, or its time is over",
    413: "The body is too large",
    415: "Not this media type, or a compressed body",
    422: "A field is wrong; `field` names it",
    429: "Too many requests with this key. See Retry-After and RateLimit-Reset",
    500: "An error of ours; `error_id` finds it in the log",
    503: "A server is down; nothing was stored that is not acknowledged. See Retry-After",
}
_SCHEMES: dict[str, Any] = {
    "bearer": SecurityScheme(type="http", scheme="bearer", description="Authorization: Bearer KEY"),
    "basic": SecurityScheme(type="http", scheme="basic", description="The key as user name, no password"),
    "apiKey": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The error answers of a route."""
    return {
        status: ResponseSpec(
            ProblemDetails,
            description=_MEANING[status],
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status in statuses
    }


def answers(shape: type) -> dict[int, ResponseSpec]:
    """The 200 of a route, and the 202 where Kafka stands between."""
    return {
        200: ResponseSpec(shape, description="Taken", generate_examples=False),
        202: ResponseSpec(shape, description="Accepted: safe with Kafka, and recorded soon", generate_examples=False),
    }


def body_of(description: str, media_types: frozenset[str]) -> type[Operation]:
    """An operation whose body is documented though the handler reads it raw."""
    content = {
        media: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING if "xml" in media else OpenAPIType.OBJECT))
        for media in sorted(media_types)
    }

    @dataclass
    class WithBody(Operation):
        def __post_init__(self) -> None:
            self.request_body = RequestBody(content=content, description=description, required=True)

    return WithBody


def forms_of(*media_types: str) -> type[Operation]:
    """An operation whose answer comes in one of these forms, as the caller asks for."""
    content = {
        media: OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT if "json" in media else OpenAPIType.STRING))
        for media in media_types
    }

    @dataclass
    class InForms(Operation):
        def __post_init__(self) -> None:
            answer = (self.responses or {}).get("200")
            if isinstance(answer, OpenAPIResponse):
                answer.content = content

    return InForms


def config() -> OpenAPIConfig:
    """At ``/schema`` and ``/schema/openapi.json``."""
    return OpenAPIConfig(
        title="Bespoke",
        version="1",
        description="Shop events in, recommendations out.",
        components=Components(security_schemes=_SCHEMES),
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        openapi_router=Router(
            PATH, route_handlers=[], include_in_schema=False, after_request=_no_html, opt={"channel": "api"}
        ),
        use_handler_docstrings=True,
    )


def _no_html(response: Response[Any]) -> Response[Any]:
    """Litestar's own page for an unknown path below the schema becomes a problem like all others."""
    if response.status_code == 404:
        raise NotFoundException
    return response
