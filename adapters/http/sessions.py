"""Sessions of people in a browser: an API key, given once, becomes a cookie.

A cookie names its key and when it ends, under a MAC; nothing is kept here. Each request looks the key up anew, so one
that was revoked, or lost the scope, opens nothing from then on.
"""

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any, Literal

from litestar import Request
from litestar.datastructures import Cookie

from adapters.channels.channel import RejectedError
from adapters.http.auth import Access, require
from adapters.http.keys import ApiKey, Scope

AnyRequest = Request[Any, Any, Any]
LASTS_S = 8 * 3_600
LONGEST = 400
FIELD = "key"


class Sessions:
    """Of one group of pages. ``name``: of the cookie; ``path``: below which it is sent; ``scope``: what a key needs.
    ``secret``: of this group alone, the same in all processes. ``clock``: seconds since 1970."""

    def __init__(
        self,
        access: Access,
        secret: bytes,
        *,
        name: str,
        path: str,
        scope: Scope,
        samesite: Literal["lax", "strict"] = "strict",
        lasts_s: int = LASTS_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._access, self._secret, self._clock = access, secret, clock
        self._name, self._path, self._scope = name, path, scope
        self._samesite: Literal["lax", "strict"] = samesite
        self._lasts_s = lasts_s

    def begin(self, text: str, request: AnyRequest) -> Cookie:
        """The cookie for who has this key. Raises RejectedError: 401 for an unknown key, 403 where it lacks the scope,
        or where another site sent the form."""
        if not own(request):
            raise RejectedError(FIELD, "the form was sent by another site", 403)
        key = self._access.keys.find(text.strip())
        if key is None:
            raise RejectedError(FIELD, "this key is not known", 401)
        require(key, self._scope)
        ends = int(self._clock()) + self._lasts_s
        return self._cookie(self._value(ends, key), self._lasts_s, request)

    async def key(self, request: AnyRequest) -> ApiKey | None:
        """Whose session it is; None where there is none that counts. Raises LimitedError beyond the key's limit."""
        said = request.cookies.get(self._name, "")
        ends, _, rest = said.partition(".")
        if len(said) > LONGEST or not (ends.isascii() and ends.isdecimal()) or int(ends) <= self._clock():
            return None
        key = self._access.keys.named(_decoded(rest.partition(".")[0]))
        if key is None or self._scope not in key.scopes:
            return None
        if not hmac.compare_digest(self._value(int(ends), key).encode(), said.encode("utf-8", "replace")):
            return None
        await self._access.limits.take(key)
        return key

    def end(self, request: AnyRequest) -> Cookie:
        """The cookie that takes it away. Raises RejectedError (403) where another site asks for it."""
        if not own(request):
            raise RejectedError(FIELD, "the form was sent by another site", 403)
        return self._cookie("", 0, request)

    def _value(self, ends: int, key: ApiKey) -> str:
        """The MAC is over the key's digest too: another key of the same id opens nothing."""
        said = f"{self._name}|{ends}|{key.id}|".encode() + key.digest
        named = urlsafe_b64encode(key.id.encode()).decode().rstrip("=")
        return f"{ends}.{named}.{hmac.digest(self._secret, said, 'sha256').hex()}"

    def _cookie(self, value: str, lasts_s: int, request: AnyRequest) -> Cookie:
        safe = "https" in (request.scope.get("scheme"), request.headers.get("x-forwarded-proto"))
        return Cookie(
            self._name,
            value=value,
            path=self._path,
            max_age=lasts_s,
            httponly=True,
            secure=safe,
            samesite=self._samesite,
        )


def own(request: AnyRequest) -> bool:
    """Whether a form came from a page of this site, as far as the browser tells."""
    site = request.headers.get("sec-fetch-site")
    return site is None or site in ("same-origin", "none")


def _decoded(named: str) -> str:
    try:
        return urlsafe_b64decode(named + "=" * (-len(named) % 4)).decode()
    except ValueError:
        return ""
