"""Callers who go on whatever ends: each keeps to a connection while it holds, and goes to another worker when it does
not. A request that no worker took is sent again; one that was sent and never answered is told."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

import uvloop

from benchmarks.serving.load import Connection, request

PATIENCE_S, RETRY_S = 10.0, 0.05


class Call(NamedTuple):
    """``at_s``: when it was due, seconds since 1970. ``status``: 0 where the connection broke under it. ``degraded``:
    what the answer says was missing; ``decision``: its id, "" where there was nothing to show."""

    at_s: float
    ms: float
    status: int
    degraded: str
    decision: str


class Caller:
    """One lane. ``ports``: of the workers, the preferred one first."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._held: Connection | None = None

    async def call(self, asked: bytes, due_s: float) -> Call:
        """Asks, and waits for the answer."""
        connection = await self._connection()
        try:
            status, body = await asyncio.wait_for(connection.ask(asked), PATIENCE_S)
        except TimeoutError:
            connection.close()
            status, body = 0, b""
        begin = body.find(b'"degraded":[')
        degraded = body[begin + 12 : body.find(b"]", begin)].decode() if begin >= 0 else ""
        return Call(due_s, (time.time() - due_s) * 1000, status, degraded, _decision(body))

    async def _connection(self) -> Connection:
        until = time.monotonic() + PATIENCE_S
        while self._held is None or not self._held.open:
            if self._held is not None:
                self._held.close()
            for port in self._ports:
                try:
                    made = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
                except OSError:
                    continue
                self._held = made[1]
                return self._held
            if time.monotonic() > until:
                raise TimeoutError("no worker listens")
            await asyncio.sleep(RETRY_S)
        return self._held


def _decision(body: bytes) -> str:
    """Of an answer that shows something."""
    if b'"items":[]' in body or (begin := body.find(b'"decision_id":"')) < 0:
        return ""
    return body[begin + 15 : begin + 51].decode()


async def at_rate(callers: Sequence[Caller], asked: Sequence[bytes], rate: float, seconds: float) -> list[Call]:
    """``rate`` requests a second, each by the caller who is free for longest."""
    free, calls, running = asyncio.Queue[Caller](), list[Call](), set[asyncio.Task[None]]()
    for caller in callers:
        free.put_nowait(caller)

    async def one(what: bytes, due_s: float) -> None:
        caller = await free.get()
        try:
            calls.append(await caller.call(what, due_s))
        finally:
            free.put_nowait(caller)

    began, whatever = time.time(), cycle(asked)
    for number in range(int(rate * seconds)):
        due_s = began + number / rate
        if (wait := due_s - time.time()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(next(whatever), due_s))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return calls


def main() -> None:
    """Reads ``{"ports", "lanes", "rate", "seconds", "key", "paths"}`` from the standard input. Prints all calls."""
    given = json.load(sys.stdin)
    ports: list[int] = given["ports"]
    turned = [ports[n % len(ports) :] + ports[: n % len(ports)] for n in range(given["lanes"])]
    asked = [request(path, given["key"]) for path in given["paths"]]
    work = at_rate([Caller(each) for each in turned], asked, given["rate"], given["seconds"])
    print(json.dumps(asyncio.Runner(loop_factory=uvloop.new_event_loop).run(work)))


if __name__ == "__main__":
    main()
