"""The way that most requests go: a recommendation asked for in a URL is answered without the framework, which takes
several times what is needed for it.

Whatever is in the least unusual goes the framework's way, which says what is wrong with it; so does what fails. Both
ways give the same answer: see tests/adapters/http/test_lean.py.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from adapters.http.auth import Access
from adapters.http.keys import ApiKey
from adapters.http.keys import Scope as KeyScope
from adapters.http.ports import Reader
from adapters.http.recommendations import PATH, Caller, Question, answer, asked_in_url
from adapters.http.routing import set_standing

_READ = (b"authorization", b"x-api-key", b"accept-language")
#: Says that profiling is not wanted, which is recorded too.
_SIGNAL = b"sec-gpc"
_ENCODER = msgspec.json.Encoder()
RawHeaders = Iterable[tuple[bytes, bytes]]


class Lean:
    """Around the framework's application, ``app``."""

    def __init__(self, app: ASGIApp, reader: Reader, access: Access) -> None:
        self._app, self._reader, self._access = app, reader, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == ScopeType.HTTP and scope["path"] == PATH and scope.get("method") == "GET"
        body = await self._answered(scope) if asked else None
        if body is None:
            return await self._app(scope, receive, send)
        length = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        start: Any = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
        whole: Any = {"type": "http.response.body", "body": body, "more_body": False}
        await send(whole)

    async def _answered(self, scope: Scope) -> bytes | None:
        """None for what the framework is to see to."""
        headers, question = _headers(scope["headers"]), _question(scope["query_string"])
        if headers is None or question is None:
            return None
        key = self._key(headers)
        standing = self._access.limits.at_once(key) if key is not None else None
        if standing is None:
            return None
        try:
            said = await answer(self._reader, question, Caller(headers.get(b"accept-language")))
        except Exception:  # the framework meets it again, and tells of it
            return None
        set_standing(scope, standing)
        scope["path_template"] = PATH
        return _ENCODER.encode(said)

    def _key(self, headers: dict[bytes, str]) -> ApiKey | None:
        """That of a bearer who may read recommendations."""
        scheme, _, presented = headers.get(b"authorization", "").partition(" ")
        if b"x-api-key" in headers or scheme.lower() != "bearer":
            return None
        key = self._access.keys.find(presented.strip())
        return key if key is not None and KeyScope.RECOMMEND_READ in key.scopes else None


def _headers(raw: RawHeaders) -> dict[bytes, str] | None:
    """Those that are read here; None where one is there twice, or one that asks for more than an answer."""
    found: dict[bytes, str] = {}
    for name, value in raw:
        if name == _SIGNAL:
            return None
        if name in _READ:
            if name in found:
                return None
            found[name] = value.decode("latin-1")
    return found


def _question(query: bytes) -> Question | None:
    """None for what is no question, or not quite."""
    try:
        given = parse_qsl(query.decode("latin-1"), keep_blank_values=True, separator="&")
        fields = dict(given)
        return asked_in_url(fields) if len(fields) == len(given) else None
    except (ValueError, msgspec.ValidationError):
        return None
