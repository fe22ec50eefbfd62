"""Bounds of sockets, with a reader that is told when to change and a socket that may hang."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar.exceptions import WebSocketDisconnect

from adapters.channels import identity_token
from adapters.http.live import Close, Live, Terms
from domain.identity import Identifier
from queries.answers import Recommendations
from queries.recommend.ask import Wanted
from tests.adapters.http.fakes import IDENTITY_SECRET, NOW, VISITOR, MemoryReader
from tests.app.looking import until

FAST = Terms(hello_s=0.1, ping_s=0.1, send_s=0.1, apart_s=0.001, wait_s=5, messages=5, sockets=2)


class Changing(MemoryReader):
    """A reader whose visitor acts when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.version, self.acted = 0, asyncio.Condition()

    async def recommend(
        self, wanted: Wanted, who: UUID | Identifier | None, *, min_version: int | None = None, language: str = "en"
    ) -> Recommendations:
        found = await super().recommend(wanted, None)
        return Recommendations(found.decision_id, found.placement, found.items, None, self.version, "full")

    async def changed(self, who: UUID | Identifier, version: int, *, within_s: float) -> bool:
        async with self.acted:
            await self.acted.wait_for(lambda: self.version != version)
        return True

    async def act(self) -> None:
        async with self.acted:
            self.version += 1
            self.acted.notify_all()


class Wire:
    """The other end of a socket. ``hangs``: nobody reads what is sent."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.sent: list[dict[str, Any]] = []
        self.coming: asyncio.Queue[str] = asyncio.Queue()
        self.hangs = False
        self.ended: int | None = None

    async def accept(self) -> None: ...

    async def receive_data(self, mode: str) -> str:
        text = await self.coming.get()
        if text == "gone":
            raise WebSocketDisconnect(detail="", code=1006)
        return text

    async def send_data(self, text: str) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.sent.append(json.loads(text))

    async def close(self, code: int, reason: str) -> None:
        self.ended = code

    def say(self, **message: Any) -> None:
        self.coming.put_nowait(json.dumps(message))

    def hello(self, visitor: str = VISITOR, **more: Any) -> None:
        token = identity_token.sign(IDENTITY_SECRET, visitor, NOW + timedelta(hours=1), identity_token.ANONYMOUS)
        self.say(type="hello", anonymous_id=visitor, anonymous_token=token, **more)

    def answers(self) -> list[int]:
        return [each["version"] for each in self.sent if each["type"] == "recommendations"]


Test = Callable[[Live, Changing, Wire], Awaitable[None]]


def in_session(test: Test, terms: Terms = FAST) -> tuple[Live, Wire]:
    """Runs a test beside one socket, until the socket has ended."""

    async def run() -> tuple[Live, Wire]:
        reader, wire = Changing(), Wire()
        live = Live(reader, IDENTITY_SECRET, lambda: NOW, terms)
        serving = asyncio.create_task(live.serve(wire))  # type: ignore[arg-type]
        await test(live, reader, wire)
        async with asyncio.timeout(10):
            await serving
        return live, wire

    live, wire = asyncio.run(run())
    assert len(live) == 0 and not live._of
    return live, wire


async def says(wire: Wire, count: int) -> None:
    async def enough() -> bool:
        return len(wire.answers()) >= count

    await until(enough, 5)


def test_silence_at_the_beginning_ends_it() -> None:
    async def nothing(live: Live, reader: Changing, wire: Wire) -> None: ...

    live, wire = in_session(nothing)
    assert (wire.ended, wire.sent, live.closed) == (Close.SLOW, [], {Close.SLOW: 1})


def test_changes_while_an_answer_is_made_are_one() -> None:
    async def act(live: Live, reader: Changing, wire: Wire) -> None:
        wire.hello()
        await says(wire, 1)
        await asyncio.gather(*(reader.act() for _ in range(50)))
        await says(wire, 2)
        wire.coming.put_nowait("gone")

    live, wire = in_session(act, Terms(apart_s=0.02))
    assert wire.answers()[-1] == 50 and len(wire.answers()) <= 3
    assert live.pushed == len(wire.answers())


def test_who_does_not_read_is_let_go() -> None:
    async def hang(live: Live, reader: Changing, wire: Wire) -> None:
        wire.hello()
        await says(wire, 1)
        wire.hangs = True
        await reader.act()

    _, wire = in_session(hang)
    assert wire.ended == Close.SLOW


def test_who_answers_pings_stays_and_who_does_not_is_let_go() -> None:
    async def some_pongs(live: Live, reader: Changing, wire: Wire) -> None:
        wire.hello()
        for count in range(1, 4):

            async def pinged(count: int = count) -> bool:
                return sum(each["type"] == "ping" for each in wire.sent) >= count

            await until(pinged, 5)
            wire.say(type="pong")

    _, wire = in_session(some_pongs)
    assert wire.ended == Close.SLOW
    assert sum(each["type"] == "ping" for each in wire.sent) >= 4


def test_who_talks_too_much_is_let_go() -> None:
    async def talk(live: Live, reader: Changing, wire: Wire) -> None:
        wire.hello()
        for _ in range(6):
            wire.say(type="pong")

    assert in_session(talk)[1].ended == Close.POLICY


@pytest.mark.parametrize(
    "message", ['{"type":"hello"}', '{"type":"view","canary":1}', "[]", "{", '{"type":"view","limit":0}']
)
def test_what_is_no_message_ends_it(message: str) -> None:
    async def say(live: Live, reader: Changing, wire: Wire) -> None:
        wire.hello()
        wire.coming.put_nowait(message)

    assert in_session(say)[1].ended == Close.INVALID


def test_draining_closes_all_and_takes_no_more() -> None:
    async def drain(live: Live, reader: Changing, wire: Wire) -> None:
        wire.hello()
        await says(wire, 1)
        await live.drain()
        late = Wire()
        await live.serve(late)  # type: ignore[arg-type]
        assert late.ended == Close.AWAY

    assert in_session(drain)[1].ended == Close.AWAY


def test_more_sockets_than_there_may_be() -> None:
    async def more(live: Live, reader: Changing, wire: Wire) -> None:
        wire.hello()
        await says(wire, 1)
        second, third = Wire(), Wire()
        other = asyncio.create_task(live.serve(second))  # type: ignore[arg-type]
        second.hello()
        await says(second, 1)
        await live.serve(third)  # type: ignore[arg-type]
        assert third.ended == Close.TOO_MANY
        second.coming.put_nowait("gone")
        await other
        wire.coming.put_nowait("gone")

    in_session(more, Terms(sockets=2))


def test_an_error_inside_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(live: Live, reader: Changing, wire: Wire) -> None:
        wire.hello()
        await says(wire, 1)
        reader.fails = RuntimeError("canary")
        await reader.act()

    _, wire = in_session(fail)
    out, err = capsys.readouterr()
    assert wire.ended == Close.OURS and "canary" not in out + err


def test_a_token_for_a_user_is_none_for_an_anonymous_id() -> None:
    expires = NOW + timedelta(hours=1)
    user = identity_token.sign(IDENTITY_SECRET, VISITOR, expires)
    anonymous = identity_token.sign(IDENTITY_SECRET, VISITOR, expires, identity_token.ANONYMOUS)
    assert not identity_token.check(IDENTITY_SECRET, VISITOR, user, NOW, identity_token.ANONYMOUS)
    assert not identity_token.check(IDENTITY_SECRET, VISITOR, anonymous, NOW)
    assert identity_token.check(IDENTITY_SECRET, VISITOR, anonymous, NOW, identity_token.ANONYMOUS)
