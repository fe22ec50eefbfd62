"""What is known of a request besides what it says: its route, its channel, its id."""

from typing import Any

from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Scope
from litestar.utils.path import normalize_path

from adapters.http.limits import Standing

UNMATCHED = "unmatched"
_STATE, _STANDING = "request_id", "standing"


def template_of(scope: Scope) -> str:
    """``/v1/customers/{person_id}``, never the path itself; "unmatched" where there is no route."""
    return scope.get("path_template") or UNMATCHED


def channel_of(request: Request[Any, Any, Any]) -> str:
    """The channel whose route it is, "api" for the other routes."""
    handler = request.scope.get("route_handler")
    return str(handler.opt.get("channel", "api")) if handler else "api"


def body_limit(request: Request[Any, Any, Any]) -> int | None:
    """How many bytes the request's route takes."""
    handler = request.scope.get("route_handler")
    return handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else None


def set_request_id(scope: Scope, value: str) -> None:
    """Keeps the id for the time of the request."""
    scope.setdefault("state", {})[_STATE] = value


def request_id_of(scope: Scope) -> str:
    """The id under which the request is logged."""
    return str(scope.get("state", {}).get(_STATE, ""))


def allowed_methods(request: Request[Any, Any, Any]) -> str:
    """For a 405: the methods that the path knows, and the route's template is set."""
    app: Litestar = request.app
    path = normalize_path(request.scope["path"])
    try:
        *_, template = app.asgi_router.handle_routing(path=path, method="OPTIONS")
    except HTTPException:
        return ""
    request.scope["path_template"] = template
    routes = [route for route in app.routes if isinstance(route, HTTPRoute) and route.path_format == template]
    return ", ".join(sorted({method for route in routes for method in route.methods}))


def set_standing(scope: Scope, standing: Standing) -> None:
    """Keeps how the caller's key stands, for the answer's headers."""
    scope.setdefault("state", {})[_STANDING] = standing


def standing_of(scope: Scope) -> Standing | None:
    """How the caller's key stands; None where there is no key."""
    return scope.get("state", {}).get(_STANDING)
