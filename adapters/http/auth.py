"""Who calls, and whether they may: guards over API keys."""

import binascii
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from adapters.channels.channel import RejectedError, Trust
from adapters.http.keys import ApiKey, ApiKeys, Scope

Connection = ASGIConnection[Any, Any, Any, Any]
FIELD = "authorization"


def needs(keys: ApiKeys, scope: Scope, *, secret: bool = False) -> Callable[[Connection, BaseRouteHandler], None]:
    """A guard: 401 without a known key, 403 if it lacks ``scope`` or is public where it must be ``secret``.

    The key becomes the request's ``auth``.
    """

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        key = _known(keys, connection)
        if scope not in key.scopes:
            raise RejectedError(FIELD, f"this key may not do that: it needs the scope {scope}", 403)
        if secret and key.public:
            raise RejectedError(FIELD, "this key may not do that: it is public, and a secret one is needed", 403)
        connection.scope["auth"] = key

    return guard


def trust_of(key: ApiKey) -> Trust:
    """What a channel may believe the holder of a key."""
    return Trust(known_identifiers=not key.public, backfill=Scope.BACKFILL in key.scopes)


def _known(keys: ApiKeys, connection: Connection) -> ApiKey:
    presented = _presented(connection)
    key = keys.find(presented) if presented else None
    if key is None:
        reason = "this key is not known" if presented else "an API key is needed"
        raise RejectedError(FIELD, reason, 401)
    return key


def _presented(connection: Connection) -> str | None:
    if text := connection.headers.get("x-api-key"):
        return text.strip()
    scheme, _, rest = connection.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            return _basic_user(rest.strip())
    return None


def _basic_user(encoded: str) -> str | None:
    """Segment's libraries send the write key as user name, with an empty password."""
    try:
        return b64decode(encoded, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return None
