"""Logging in and out, and who a request is from: an HttpOnly, SameSite=Strict cookie, a CSRF token on every form."""

import asyncio
import hmac
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from litestar import Response
from litestar.datastructures import Cookie

from adapters.channels.channel import RejectedError
from adapters.http.compliance.answers import HOME, AnyRequest, page, see
from adapters.http.compliance.desk import ComplianceDesk
from adapters.http.compliance.officers import IDLE, Officer
from adapters.lru import Lru

COOKIE, DOOR = "officer", "officer_door"
#: So many wrong keys from one address in so many seconds; after that it has to wait.
ATTEMPTS, WITHIN_S = 5, 300.0


class LockedError(Exception):
    """Nobody is logged in: the login is shown instead."""


@dataclass(frozen=True, slots=True)
class Session:
    """Of one request."""

    officer: Officer
    token: str
    csrf: str


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


class Doors:
    """Of one process."""

    def __init__(self, desk: ComplianceDesk) -> None:
        self._desk = desk
        self.attempts = Attempts()

    async def session(self, request: AnyRequest) -> Session:
        """Raises LockedError."""
        token = request.cookies.get(COOKIE, "")
        officer = await asyncio.to_thread(self._desk.officers.session, token, self._desk.now()) if token else None
        if officer is None:
            raise LockedError
        return Session(officer, token, self._desk.officers.csrf(token))

    async def posted(self, request: AnyRequest, form: Mapping[str, object]) -> Session:
        """Of a form, which must carry the session's token. Raises LockedError, RejectedError (403)."""
        session = await self.session(request)
        _require_csrf(form, session.csrf)
        return session

    def locked(self, words: str = "", status: int = 200) -> Response[bytes]:
        """The login, with a token of its own for its form."""
        door = secrets.token_urlsafe(32)
        answer = page("login.html", status=status, csrf=self._desk.officers.csrf(door), words=words)
        answer.set_cookie(Cookie(DOOR, value=door, path=HOME, httponly=True, samesite="strict", max_age=3_600))
        return answer

    async def enter(self, request: AnyRequest, form: Mapping[str, object]) -> Response[bytes]:
        """Raises RejectedError (403, 429)."""
        door, address = request.cookies.get(DOOR, ""), request.client.host if request.client else ""
        if not door:
            return self.locked("Please try again: the page had waited too long.", 403)
        _require_csrf(form, self._desk.officers.csrf(door))
        self.attempts.check(address)
        officer = await asyncio.to_thread(self._desk.officers.known, str(form.get("key", "")).strip())
        if officer is None:
            self.attempts.failed(address)
            return self.locked("This key is not known.", 403)
        token = await asyncio.to_thread(self._desk.officers.begin, officer, self._desk.now())
        answer = see(HOME)
        answer.set_cookie(cookie(request, token))
        answer.delete_cookie(DOOR, path=HOME)
        return answer

    async def leave(self, session: Session) -> Response[bytes]:
        """Ends the session on the server, too."""
        await asyncio.to_thread(self._desk.officers.end, session.token)
        answer = see(HOME)
        answer.delete_cookie(COOKIE, path=HOME)
        return answer


def cookie(request: AnyRequest, token: str) -> Cookie:
    """For this site's own pages alone, and where there is TLS for nothing else."""
    tls = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    age = int(IDLE.total_seconds())
    return Cookie(COOKIE, value=token, path=HOME, httponly=True, samesite="strict", secure=tls, max_age=age)


def _require_csrf(form: Mapping[str, object], expected: str) -> None:
    if not hmac.compare_digest(str(form.get("csrf", "")).encode(), expected.encode()):
        raise RejectedError("csrf", "this form is not from this session; go back, reload, and try again", 403)
