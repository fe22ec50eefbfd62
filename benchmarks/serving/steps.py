"""Where the time of an answer goes: a web process's own work, step by step, without a network between.

The application is asked as Granian asks it, in this process, of the world that ``make bench-serve`` made. Times are the
thread's CPU, so what else the machine does disturbs them less. ``--profile`` writes what ``pstats`` reads.
"""

import argparse
import asyncio
import cProfile
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import uvloop
from litestar import Litestar

from adapters.http import logs
from adapters.http.app import create_app
from adapters.http.auth import Access
from app import tuning
from app.wiring import Wiring
from benchmarks.serving import world
from benchmarks.serving.__main__ import WARM_PEOPLE, paths
from queries.recommend import decide as steps

#: Steps of a decision, as ``queries.recommend.decide`` names them.
STEPS = ("plan", "find", "_relevance", "_value", "rule", "_tried", "_explored", "_picked", "_items", "_digest")
Spent = dict[str, float]


def main() -> None:
    """Prints CPU microseconds an answer, cold and warm."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--items", type=int, default=250_000)
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--count", type=int, default=3_000)
    options.add_argument("--folder", type=Path, default=Path("var/bench-serve"))
    options.add_argument("--profile", type=Path)
    options.add_argument("--steps", action="store_true", help="time each step too, which takes time itself")
    given = options.parse_args()
    tuning.for_answers()
    with Wiring(world.settings_of(given.folder, given.items)) as wiring, open("/dev/null", "w") as nowhere:
        logs.configure(stream=nowhere)
        skus = world.made(wiring, given.folder, given.items, given.people)
        asyncio.Runner(loop_factory=uvloop.new_event_loop).run(measured(wiring, skus, given))


async def measured(wiring: Wiring, skus: Sequence[str], given: argparse.Namespace) -> None:
    """Cold: everybody is new; warm: all are known."""
    reader = wiring.reader()
    await reader.start()
    keeper = wiring.keeper()
    keeper.start()
    queries = wiring.queries(reader, wiring.finding(reader), keeper)
    access = Access(wiring.settings.keys(), wiring.limits(reader))
    app = create_app(wiring.writer(), queries, wiring.channels(), access, audit=wiring.audit)
    key = wiring.settings.generated_keys()["server"]
    cold = paths(skus, range(given.people), given.count + 300)
    warm = paths(skus, range(min(WARM_PEOPLE, given.people) // 8), given.count)
    while b'"served":"full"' not in await answered(app, "/v1/recommendations", b"", key.encode()):
        await asyncio.sleep(0.1)
    await asked(app, key, cold[:300])
    spent: Spent = {}
    if given.steps:
        for name in STEPS:
            setattr(steps, name, timed(name, getattr(steps, name), spent))
    profile = cProfile.Profile(time.thread_time) if given.profile else None
    with profile or nullcontext():
        first = await asked(app, key, cold[300:])
    if profile:
        profile.dump_stats(given.profile)
    told = {"cold": first} | {name: round(each * 1e6 / given.count) for name, each in spent.items()}
    await asked(app, key, warm)
    told["warm"] = await asked(app, key, warm)
    told |= queries._recommender.served
    print(json.dumps(told))
    await reader.close()
    keeper.close()


async def asked(app: Litestar, key: str, questions: Sequence[str]) -> int:
    """Microseconds of CPU an answer."""
    began = time.thread_time()
    for question in questions:
        path, _, query = question.partition("?")
        await answered(app, path, f"{query}&deadline_ms=10000".encode(), key.encode())
    return round((time.thread_time() - began) * 1e6 / len(questions))


async def answered(app: Litestar, path: str, query: bytes, key: bytes) -> bytes:
    """The body of one answer. Raises RuntimeError for any other status than 200."""
    body, status = b"", 0

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal body, status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body += message["body"]

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 40_000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer " + key)],
        "state": {},
        "extensions": {},
    }
    await app(scope, receive, send)
    if status != 200:
        raise RuntimeError(f"{path} answered {status}: {body[:300]!r}")
    return body


def timed(name: str, call: Callable[..., Any], spent: Spent) -> Callable[..., Any]:
    """The same, and its time is added up."""

    def timing(*args: Any, **named: Any) -> Any:
        began = time.thread_time()
        try:
            return call(*args, **named)
        finally:
            spent[name] = spent.get(name, 0.0) + time.thread_time() - began

    return timing


if __name__ == "__main__":
    main()
    sys.exit(0)
