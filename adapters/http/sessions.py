"""Sessions of people in a browser: a key, given once, becomes a cookie that scripts cannot read and other sites cannot
send along. One mechanism for all pages behind a login; who may come in stands behind ``People``."""

import asyncio
import hmac
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal

from litestar import Request, Response
from litestar.datastructures import Cookie

from adapters.channels.channel import RejectedError
from adapters.http.people import IDLE, People, Who
from adapters.lru import Lru

AnyRequest = Request[Any, Any, Any]
#: So many wrong keys from one address in so many seconds; after that it has to wait.
ATTEMPTS, WITHIN_S = 5, 300.0
DOOR_S = 3_600


class LockedError(Exception):
    """Nobody is logged in: the login is shown instead."""


@dataclass(frozen=True, slots=True)
class Session(Generic[Who]):
    """Of one request. ``csrf``: what its forms must send along."""

    who: Who
    token: str
    csrf: str


@dataclass(frozen=True, slots=True)
class House:
    """A group of pages. ``name``: of the cookie, which is sent ``below`` this path alone. ``login``: the page that asks
    for a key, of a token for its form, words, a status and where to go then. ``onward``: where one may go then."""

    name: str
    below: str
    login: Callable[[str, str, int, str], Response[bytes]]
    onward: Callable[[str], str]
    see: Callable[[str], Response[bytes]]
    samesite: Literal["lax", "strict"] = "strict"


@dataclass
class Attempts:
    """Wrong keys by address, in this process. Only digests of addresses are held, and no more than some thousand."""

    clock: Callable[[], float] = time.monotonic
    _wrong: Lru[int, deque[float]] = field(default_factory=lambda: Lru(4_096))
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def check(self, address: str) -> None:
        """Raises RejectedError (429)."""
        times = self._of(address)
        while times and self.clock() - times[0] > WITHIN_S:
            times.popleft()
        if len(times) >= ATTEMPTS:
            minutes = math.ceil((WITHIN_S - (self.clock() - times[0])) / 60)
            raise RejectedError("key", f"too many wrong keys; try again in {minutes} min", 429)

    def failed(self, address: str) -> None:
        """One more wrong key."""
        self._of(address).append(self.clock())

    def _of(self, address: str) -> deque[float]:
        key = int.from_bytes(hmac.digest(self._key, address.encode(), "sha256")[:8], "big")
        times = self._wrong.get(key)
        if times is None:
            times = deque(maxlen=ATTEMPTS)
            self._wrong.put(key, times)
        return times


class Doors(Generic[Who]):
    """Of one process and one group of pages: logging in and out, and whose a request is."""

    def __init__(self, people: People[Who], house: House, now: Callable[[], datetime]) -> None:
        self._people, self._house, self._now = people, house, now
        self.attempts = Attempts()

    async def session(self, request: AnyRequest) -> Session[Who]:
        """Raises LockedError."""
        token = request.cookies.get(self._house.name, "")
        who = await asyncio.to_thread(self._people.session, token, self._now()) if token else None
        if who is None:
            raise LockedError
        return Session(who, token, self._people.csrf(token))

    async def posted(self, request: AnyRequest, form: Mapping[str, object]) -> Session[Who]:
        """Of a form, which must carry the session's token. Raises LockedError, RejectedError (403)."""
        session = await self.session(request)
        _require_csrf(request, form, session.csrf)
        return session

    def locked(self, request: AnyRequest, words: str = "", status: int = 200, then: str = "") -> Response[bytes]:
        """The login, with a token of its own for its form."""
        door = secrets.token_urlsafe(32)
        answer = self._house.login(self._people.csrf(door), words, status, self._house.onward(then))
        answer.set_cookie(self._cookie(request, f"{self._house.name}_door", door, DOOR_S, "strict"))
        return answer

    async def enter(self, request: AnyRequest, form: Mapping[str, object]) -> Response[bytes]:
        """Raises RejectedError (403, 429)."""
        name, then = f"{self._house.name}_door", str(form.get("next", ""))
        door, address = request.cookies.get(name, ""), request.client.host if request.client else ""
        if not door:
            return self.locked(request, "Please try again: the page had waited too long.", 403, then)
        _require_csrf(request, form, self._people.csrf(door))
        self.attempts.check(address)
        who = await asyncio.to_thread(self._people.known, str(form.get("key", "")).strip())
        if who is None:
            self.attempts.failed(address)
            return self.locked(request, "This key is not known.", 403, then)
        token = await asyncio.to_thread(self._people.begin, who, self._now())
        answer = self._house.see(self._house.onward(then))
        answer.delete_cookie(name, path=self._house.below)
        return self.stays(request, token, answer)

    def stays(self, request: AnyRequest, token: str, answer: Response[bytes]) -> Response[bytes]:
        """The answer, by which the session goes on."""
        age = int(IDLE.total_seconds())
        answer.set_cookie(self._cookie(request, self._house.name, token, age, self._house.samesite))
        return answer

    async def leave(self, session: Session[Who]) -> Response[bytes]:
        """Ends the session on the server, too."""
        await asyncio.to_thread(self._people.end, session.token)
        answer = self._house.see(self._house.onward(""))
        answer.delete_cookie(self._house.name, path=self._house.below)
        return answer

    def _cookie(
        self, request: AnyRequest, name: str, value: str, age_s: int, samesite: Literal["lax", "strict"]
    ) -> Cookie:
        """For these pages alone, and where there is TLS for nothing else."""
        tls = "https" in (request.scope.get("scheme"), request.headers.get("x-forwarded-proto"))
        path = self._house.below
        return Cookie(name, value=value, path=path, httponly=True, samesite=samesite, secure=tls, max_age=age_s)


def _require_csrf(request: AnyRequest, form: Mapping[str, object], expected: str) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise RejectedError("csrf", "the form was sent by another site", 403)
    if not hmac.compare_digest(str(form.get("csrf", "")).encode(), expected.encode()):
        raise RejectedError("csrf", "this form is not from this session; go back, reload, and try again", 403)
