"""A load generator: an open loop at a fixed rate, or as fast as so many connections can; one process, HTTP/1.1.

In the open loop a request's time counts from when it was due, not from when a connection was free, so a slow answer
delays nobody else's clock ("coordinated omission").
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import uvloop


@dataclass(slots=True)
class Seen:
    """``times_ms`` of good answers, by the order in which they came; ``statuses``: status → count, 0 for a connection
    that broke. ``served``: rung → count."""

    times_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """The time that ``share`` of the answers do not exceed."""
        ordered = sorted(self.times_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")

    def told(self) -> dict[str, object]:
        """As JSON."""
        return {
            "rps": round(len(self.times_ms) / self.seconds, 1) if self.seconds else 0.0,
            "p50_ms": round(self.percentile(0.5), 3),
            "p99_ms": round(self.percentile(0.99), 3),
            "max_ms": round(max(self.times_ms, default=0.0), 1),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "served": self.served,
        }


class Connection(asyncio.Protocol):
    """One request at a time over a kept-alive connection, until the server asks to close it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None
        self._leave = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._done(0, b"")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, sign, rest = self._buffer.partition(b"\r\n\r\n")
        if not sign:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) >= length:
            self._leave = b"connection: close" in lower
            self._buffer = bytearray(rest[length:])
            self._done(int(head[9:12]), bytes(rest[:length]))

    @property
    def open(self) -> bool:
        """Whether it can be asked."""
        return self._transport is not None and not self._leave

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body; (0, b"") where the connection broke."""
        if self._transport is None:
            return 0, b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Gives it up."""
        if self._transport is not None:
            self._transport.close()

    def _done(self, status: int, body: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, body))


class _Pool:
    """Connections to one of several addresses, in turn; broken ones are made anew."""

    def __init__(self, ports: Sequence[int], size: int) -> None:
        self._ports, self._free = cycle(ports), asyncio.LifoQueue[Connection | None]()
        for _ in range(size):
            self._free.put_nowait(None)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        connection = await self._free.get()
        try:
            if connection is None or not connection.open:
                connection = await self._connect()
            return await connection.ask(request) if connection else (0, b"")
        finally:
            self._free.put_nowait(connection)

    async def _connect(self) -> Connection | None:
        try:
            made = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", next(self._ports))
        except OSError:
            return None
        return made[1]


async def at_rate(ports: Sequence[int], requests: Iterator[bytes], rate: float, seconds: float, size: int = 64) -> Seen:
    """``rate`` requests a second for so long."""
    pool, seen, running = _Pool(ports, size), Seen(), set[asyncio.Task[None]]()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(_one(pool, next(requests), due, seen))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    seen.seconds = time.perf_counter() - began
    return seen


async def at_most(ports: Sequence[int], requests: Iterator[bytes], seconds: float, size: int = 8) -> Seen:
    """As fast as ``size`` connections can."""
    pool, seen, began = _Pool(ports, size), Seen(), time.perf_counter()

    async def lane() -> None:
        while (now := time.perf_counter()) < began + seconds:
            await _one(pool, next(requests), now, seen)

    await asyncio.gather(*(lane() for _ in range(size)))
    seen.seconds = time.perf_counter() - began
    return seen


async def _one(pool: _Pool, request: bytes, due: float, seen: Seen) -> None:
    status, body = await pool.ask(request)
    seen.statuses[status] = seen.statuses.get(status, 0) + 1
    if status == 200:
        seen.times_ms.append((time.perf_counter() - due) * 1000)
        at = body.rfind(b'"served":"')
        rung = body[at + 10 :].split(b'"', 1)[0].decode() if at >= 0 else "?"
        seen.served[rung] = seen.served.get(rung, 0) + 1


def run(work: Callable[[], "asyncio.Future[Seen]"]) -> Seen:
    """On an event loop of its own."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop).run(work())  # type: ignore[arg-type]


def request(path: str, key: str) -> bytes:
    """A GET with an API key."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def main() -> None:
    """Reads ``{"ports", "rate" (0: as fast as it goes), "seconds", "size", "key", "paths"}`` from the standard input:
    it is to be another process, on another core. Prints what was seen."""
    given = json.load(sys.stdin)
    requests = cycle([request(path, given["key"]) for path in given["paths"]])
    if given["rate"]:
        seen = run(lambda: at_rate(given["ports"], requests, given["rate"], given["seconds"], given["size"]))
    else:
        seen = run(lambda: at_most(given["ports"], requests, given["seconds"], given["size"]))
    print(json.dumps(seen.told()))


if __name__ == "__main__":
    main()
