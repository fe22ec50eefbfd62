"""From an action to an answer that reflects it, over HTTP, and how fast the demo data load.

Starts everything in a folder that is thrown away: servers, projector and web process as in production, the demo data
loaded. Then one client sends a view, and asks for recommendations until an answer's version includes it.
"""

import argparse
import json
import random
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

from app import up
from app.children import Children
from app.cli import loading, training
from app.demo import eshop
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.where import where

VISITORS = 100
GIVE_UP_S = 5.0
BATCH = 50


class Client:
    """One kept-alive connection."""

    def __init__(self, settings: Settings) -> None:
        self._connection = HTTPConnection(settings.host, settings.port, timeout=GIVE_UP_S)
        self._headers = {
            "Authorization": f"Bearer {settings.generated_keys()['server']}",
            "Content-Type": "application/json",
        }

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON answer. Raises RuntimeError on any status but 200."""
        self._connection.request(method, path, json.dumps(body) if body else None, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path.partition('?')[0]} answered {response.status}")
        answer: dict[str, Any] = json.loads(content)
        return answer


def fresh_ms(client: Client, actions: int, seed: int) -> list[float]:
    """Milliseconds from sending each view to having an answer with it."""
    choose = random.Random(seed)
    skus = [item.sku for item in eshop.catalogue()]
    versions = {str(uuid4()): 1 for _ in range(VISITORS)}
    times = []
    for _ in range(actions):
        visitor = choose.choice(list(versions))
        body = {
            "messageId": str(uuid4()),
            "anonymousId": visitor,
            "event": "Product Viewed",
            "properties": {"sku": choose.choice(skus)},
        }
        versions[visitor] += 1
        began = time.perf_counter()
        client.call("POST", "/v1/track", body)
        while client.call("GET", _question(visitor, versions[visitor]))["version"] < versions[visitor]:
            if time.perf_counter() - began > GIVE_UP_S:
                raise RuntimeError("an action is not reflected; is the projector running?")
        times.append((time.perf_counter() - began) * 1000)
    return times


def _question(visitor: str, version: int) -> str:
    return f"/v1/recommendations?placement=home&limit=20&anonymous_id={visitor}&min_version={version}"


@contextmanager
def others(settings: Settings, rate: int) -> Iterator[Callable[[], float]]:
    """Other visitors' views, so many a second, in batches of ``BATCH``; gives how many a second there were so far."""
    stop, sent, began = threading.Event(), [0], time.perf_counter()
    skus, chance, client = [item.sku for item in eshop.catalogue()], random.Random(1), Client(settings)

    def send() -> None:
        while not stop.wait(max(0.0, began + sent[0] / rate - time.perf_counter())):
            views = [
                {
                    "type": "track",
                    "messageId": str(uuid4()),
                    "anonymousId": str(uuid4()),
                    "event": "Product Viewed",
                    "properties": {"sku": chance.choice(skus)},
                }
                for _ in range(BATCH)
            ]
            client.call("POST", "/v1/batch", {"batch": views})
            sent[0] += BATCH

    thread = threading.Thread(target=send)
    if rate:
        thread.start()
    try:
        yield lambda: sent[0] / (time.perf_counter() - began)
    finally:
        stop.set()
        if rate:
            thread.join()


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of all values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--actions", type=int, default=1_000)
    options.add_argument("--seed", type=int, default=2008)
    options.add_argument("--background", type=int, default=0, help="events a second of others meanwhile")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        settings = Settings(var=Path(folder), port=free_port(), namespace="bench", postgres_url=None, redis_url=None)
        print(json.dumps(_measure(settings, given.actions, given.seed, given.background)))


def _measure(settings: Settings, actions: int, seed: int, background: int) -> dict[str, Any]:
    with Wiring(settings) as wiring, Children(settings) as children:
        wiring.provision()
        children.start("project", "--follow")
        loaded = loading.run(wiring, "demo")
        training.run(wiring)
        children.start("serve")
        up.wait_until_ready(settings, children)
        with others(settings, background) as sent:
            times = fresh_ms(Client(settings), actions, seed)
            background_eps = sent()
    return {
        "fresh_p50_ms": round(percentile(times, 0.50), 2),
        "fresh_p99_ms": round(percentile(times, 0.99), 2),
        "load_events_per_s": round(loaded.events_per_s),
        "background_eps": round(background_eps),
        "actions": actions,
        "seed": seed,
        "events": loaded.taken.recorded,
        **where(),
    }


def free_port() -> int:
    """On loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
