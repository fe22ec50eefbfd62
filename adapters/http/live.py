"""``/v1/live``: a visitor's recommendations, sent anew after each of their actions.

A socket's first message says who it is for, with a token of the shop's server, and what to show. Then the server sends
an answer, and another one whenever it has been told that the visitor's record changed. Nothing is queued: who reads
slowly gets the latest answer when they are ready for it, and is let go when they are not for too long.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler
from msgspec import Meta
from msgspec.structs import replace

from adapters.channels import identity_token
from adapters.channels.channel import RejectedError
from adapters.http import logs
from adapters.http.ports import Reader
from adapters.http.recommendations import Caller, Placement, Question, answer
from adapters.http.signal import given as signalled
from domain.identity import Identifier, IdentifierKind
from queries.answers import Item, Recommendations

LARGEST = 4 * 1024
_Id = Annotated[str, Meta(min_length=1, max_length=254)]
_Sku = Annotated[str, Meta(min_length=1, max_length=80)]
Socket = WebSocket[Any, Any, Any]


class Close:
    """Codes that sockets are closed with."""

    AWAY, POLICY, LARGE, OURS = 1001, 1008, 1009, 1011
    UNAUTHENTICATED, SLOW, INVALID, TOO_MANY = 4401, 4408, 4422, 4429


@dataclass(frozen=True, slots=True)
class Terms:
    """``hello_s``: for the first message. ``ping_s``: a silent socket is pinged so often, and closed where nothing came
    back until the next. ``send_s``: how long a message may take. ``apart_s``: between two answers. ``wait_s``: how long
    to wait for a change at a time. ``messages``: of a client, in ``ping_s``."""

    sockets: int = 1_000
    per_person: int = 8
    hello_s: float = 5.0
    ping_s: float = 20.0
    send_s: float = 5.0
    apart_s: float = 0.05
    wait_s: float = 30.0
    messages: int = 60


class View(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="view"):
    """What to show."""

    placement: Placement = Placement.HOME
    item: _Sku | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] | None = None
    language: Annotated[str, Meta(min_length=2, max_length=20)] | None = None


class Hello(View, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="hello"):
    """The first message: one of both ids, its token, and what to show."""

    anonymous_id: _Id | None = None
    anonymous_token: _Id | None = None
    user_id: _Id | None = None
    identity_token: _Id | None = None


class Pong(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="pong"):
    """Answers a ping."""


class Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    """Wants a pong."""


class Shown(msgspec.Struct, frozen=True, tag_field="type", tag="recommendations"):
    """An answer. ``version``: how many of the visitor's events it reflects."""

    decision_id: str
    placement: str
    items: tuple[Item, ...]
    version: int
    served: str
    degraded: tuple[str, ...]
    price_factor: float


_HELLO = msgspec.json.Decoder(Hello)
_LATER = msgspec.json.Decoder(View | Pong)


class _EndError(Exception):
    """The socket is to be closed. ``reason`` quotes nothing."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason


class Live:
    """All sockets of a process. ``secret`` checks tokens; ``now`` gives aware times."""

    def __init__(self, reader: Reader, secret: bytes, now: Callable[[], datetime], terms: Terms | None = None) -> None:
        self.reader, self._secret, self._now, self.terms = reader, secret, now, terms or Terms()
        self._open: dict[asyncio.Task[None], _Session] = {}
        self._of: Counter[Identifier] = Counter()
        self.draining = False
        self.pushed = 0
        self.closed: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self, socket: Socket) -> None:
        """From the first message to the end."""
        await socket.accept()
        session = _Session(self, socket)
        task = asyncio.create_task(session.run())
        self._open[task] = session
        try:
            end = await _end_of(task)
            self.closed[end.code] += 1
            with suppress(Exception):  # it may be gone already
                async with asyncio.timeout(self.terms.send_s):
                    await socket.close(end.code, end.reason)
        finally:
            task.cancel()
            del self._open[task]
            if session.who is not None:
                self._leave(session.who)

    async def drain(self, within_s: float = 2.0) -> None:
        """Closes all sockets (1001), and takes no more."""
        self.draining = True
        for task in list(self._open):
            task.cancel()
        until = time.monotonic() + within_s
        while self._open and time.monotonic() < until:
            await asyncio.sleep(0.01)

    def full(self) -> bool:
        """Whether there are more sockets than there may be."""
        return self.draining or len(self._open) > self.terms.sockets

    def enter(self, who: Identifier) -> None:
        """Raises _EndError where they have too many already."""
        if self._of[who] >= self.terms.per_person:
            raise _EndError(Close.TOO_MANY, f"more than {self.terms.per_person} sockets of one visitor")
        self._of[who] += 1

    def identified(self, hello: Hello) -> Identifier:
        """Raises _EndError unless the token is right, in equal time whatever is wrong with it."""
        named = hello.user_id if hello.user_id is not None else hello.anonymous_id
        if named is None or (hello.user_id is not None and hello.anonymous_id is not None):
            raise _EndError(Close.INVALID, "user_id: one of user_id and anonymous_id is needed")
        user = hello.user_id is not None
        token, field = (hello.identity_token, "identity_token") if user else (hello.anonymous_token, "anonymous_token")
        kind = identity_token.USER if user else identity_token.ANONYMOUS
        if not identity_token.check(self._secret, named, token, self._now(), kind):
            raise _EndError(Close.UNAUTHENTICATED, f"{field}: a valid one is needed")
        try:
            return Identifier(kind=IdentifierKind.USER if user else IdentifierKind.ANONYMOUS, value=named)
        except ValueError:
            raise _EndError(Close.INVALID, "user_id: must have 1 to 254 characters") from None

    def _leave(self, who: Identifier) -> None:
        self._of[who] -= 1
        if not self._of[who]:
            del self._of[who]


class _Session:
    """One socket."""

    def __init__(self, live: Live, socket: Socket) -> None:
        self._live, self._socket, self._terms = live, socket, live.terms
        self.who: Identifier | None = None
        self._view: View = View()
        self._news, self._sending = asyncio.Event(), asyncio.Lock()
        self._heard = 0
        self._pinged = False

    async def run(self) -> None:
        """Ends with an _EndError, or a WebSocketDisconnect."""
        if self._live.full():
            raise _EndError(Close.AWAY if self._live.draining else Close.TOO_MANY, "no room; try again later")
        who = await self._hello()
        tasks = [asyncio.ensure_future(part) for part in (self._listen(), self._show(who), self._watch_over())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hello(self) -> Identifier:
        try:
            async with asyncio.timeout(self._terms.hello_s):
                hello = _decoded(_HELLO, await self._text())
        except TimeoutError:
            raise _EndError(Close.SLOW, f"no first message within {self._terms.hello_s:g} s") from None
        who = self._live.identified(hello)
        self._live.enter(who)
        self.who, self._view = who, hello
        return who

    async def _listen(self) -> None:
        while True:
            message = _decoded(_LATER, await self._text())
            self._pinged, self._heard = False, self._heard + 1
            if self._heard > self._terms.messages:
                raise _EndError(Close.POLICY, "too many messages")
            if isinstance(message, View):
                self._view = message
                self._news.set()

    async def _show(self, who: Identifier) -> None:
        """An answer now, and after each change; as many changes as came meanwhile are one."""
        shown = await self._send_answer(who)
        while True:
            change = asyncio.ensure_future(self._changed(who, shown.version))
            asked = asyncio.ensure_future(self._news.wait())
            try:
                await asyncio.wait([change, asked], return_when=asyncio.FIRST_COMPLETED)
                if change.done():
                    change.result()
            finally:
                change.cancel()
                asked.cancel()
            self._news.clear()
            shown = await self._send_answer(who)
            await asyncio.sleep(self._terms.apart_s)

    async def _changed(self, who: Identifier, version: int) -> None:
        """Returns when there are other events of them than ``version`` counts."""
        while True:
            began = time.monotonic()
            if await self._live.reader.changed(who, version, within_s=self._terms.wait_s):
                return
            if time.monotonic() - began < 1.0:  # a server is away
                await asyncio.sleep(1.0)

    async def _send_answer(self, who: Identifier) -> Recommendations:
        view = self._view
        question = Question(view.placement, item=view.item, limit=view.limit, language=view.language)
        kind = "user_id" if who.kind is IdentifierKind.USER else "anonymous_id"
        caller = Caller(opted_out=signalled(self._socket.headers))
        found = await answer(self._live.reader, replace(question, **{kind: who.value}), caller)
        told = Shown(
            str(found.decision_id),
            found.placement,
            found.items,
            found.version,
            found.served,
            found.degraded,
            found.price_factor,
        )
        await self._send(told)
        self._live.pushed += 1
        return found

    async def _watch_over(self) -> None:
        while True:
            await asyncio.sleep(self._terms.ping_s)
            if self._pinged:
                raise _EndError(Close.SLOW, "nothing was heard")
            self._pinged, self._heard = True, 0
            await self._send(Ping())

    async def _send(self, message: msgspec.Struct) -> None:
        try:
            async with asyncio.timeout(self._terms.send_s), self._sending:
                await self._socket.send_data(msgspec.json.encode(message).decode())
        except TimeoutError:
            raise _EndError(Close.SLOW, "too slow to be told") from None

    async def _text(self) -> str:
        text = await self._socket.receive_data("text")
        if len(text) > LARGEST:
            raise _EndError(Close.LARGE, f"larger than {LARGEST} bytes")
        return text


def live_route(live: Live) -> WebsocketRouteHandler:
    """The one. It needs no API key: a token vouches for its visitor alone."""

    @websocket("/v1/live", name="live", opt={"channel": "api"})
    async def handle(socket: Socket) -> None:
        await live.serve(socket)

    return handle


async def _end_of(task: "asyncio.Task[None]") -> _EndError:
    """How a session ended."""
    try:
        await task
    except _EndError as end:
        return end
    except WebSocketDisconnect:
        return _EndError(1000, "")
    except asyncio.CancelledError:
        return _EndError(Close.AWAY, "this server stops; come back")
    except RejectedError as rejected:
        return _EndError(Close.INVALID, str(rejected)[:120])
    except Exception as ours:
        logs.logger().error("failed", error=type(ours).__name__, where=logs.where(ours))
        return _EndError(Close.OURS, "an error of ours")
    return _EndError(1000, "")


def _decoded(decoder: msgspec.json.Decoder[Any], text: str) -> Any:
    """Raises _EndError that names what is wrong."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else "message"
        raise _EndError(Close.INVALID, f"{field[:40]}: is not as it should be") from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise _EndError(Close.INVALID, "message: must be JSON") from None
