"""From an action to an answer that reflects it, over HTTP, and how fast the demo data load.

Starts everything in a folder that is thrown away: servers, projector and web process as in production, the demo data
loaded. Then one client sends a view, and asks for recommendations until an answer's version includes it.
"""

import argparse
import json
import random
import socket
import tempfile
import time
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
        while client.call("GET", _question(visitor))["version"] < versions[visitor]:
            if time.perf_counter() - began > GIVE_UP_S:
                raise RuntimeError("an action is not reflected; is the projector running?")
        times.append((time.perf_counter() - began) * 1000)
    return times


def _question(visitor: str) -> str:
    return f"/v1/recommendations?placement=home&limit=20&anonymous_id={visitor}"


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of all values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--actions", type=int, default=1_000)
    options.add_argument("--seed", type=int, default=2008)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        settings = Settings(var=Path(folder), port=_free_port(), namespace="bench", postgres_url=None, redis_url=None)
        print(json.dumps(_measure(settings, given.actions, given.seed)))


def _measure(settings: Settings, actions: int, seed: int) -> dict[str, Any]:
    with Wiring(settings) as wiring, Children(settings) as children:
        wiring.provision()
        children.start("project", "--follow")
        loaded = loading.run(wiring, "demo")
        training.run(wiring)
        children.start("serve")
        up.wait_until_ready(settings, children)
        times = fresh_ms(Client(settings), actions, seed)
    return {
        "fresh_p50_ms": round(percentile(times, 0.50), 2),
        "fresh_p99_ms": round(percentile(times, 0.99), 2),
        "load_events_per_s": round(loaded.events_per_s),
        "actions": actions,
        "seed": seed,
        "events": loaded.taken.recorded,
        **where(),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
