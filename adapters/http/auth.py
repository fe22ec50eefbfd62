"""Who calls, and whether they may: guards over API keys."""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from adapters.channels.channel import RejectedError, Trust
from adapters.http.keys import ApiKey, ApiKeys, Scope
from adapters.http.limits import Limits
from adapters.http.routing import set_standing

Connection = ASGIConnection[Any, Any, Any, Any]
FIELD = "authorization"


Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


class Access:
    """Keys and their limits. Guards are coroutines: a plain function would be run in a thread, each time."""

    def __init__(self, keys: ApiKeys, limits: Limits | None = None) -> None:
        self.keys, self.limits = keys, limits or Limits()

    def needs(self, *scopes: Scope, secret: bool = False) -> Guard:
        """A guard: 401 without a known key, 429 beyond its limit, 403 if it lacks a scope or is public where it must be
        ``secret``. The key becomes the request's ``auth``."""

        async def guard(connection: Connection, _: BaseRouteHandler) -> None:
            key = _known(self.keys, connection)
            set_standing(connection.scope, await self.limits.take(key))
            for scope in scopes:
                require(key, scope)
            if secret and key.public:
                raise RejectedError(FIELD, "this key may not do that: it is public, and a secret one is needed", 403)
            connection.scope["auth"] = key

        return guard


def require(key: ApiKey, scope: Scope) -> None:
    """Raises RejectedError (403) where the key lacks the scope."""
    if scope not in key.scopes:
        raise RejectedError(FIELD, f"this key may not do that: it needs the scope {scope}", 403)


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
