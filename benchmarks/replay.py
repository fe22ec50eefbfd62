"""Answers served with bandit, rules and experiments on, Redis wiped, all made again by a fresh process: ``make
bench-replay``.

The demo shop over HTTP, all placements, visitors who go on clicking, rules that are published meanwhile, and
experiments that are ramped.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app import up
from app.children import Children
from app.cli import loading, training
from app.demo import eshop
from app.settings import Settings
from app.training import bandit as train_bandit
from app.wiring import Wiring
from benchmarks.freshness import Client, free_port
from benchmarks.where import where
from queries.recommend.decision import Decision
from queries.recommend.placements import RECIPES

ROUNDS = 5
#: Experiments that run, by key: what their other arm changes.
ARMS: dict[str, dict[str, Any]] = {
    "weights": {"weights": {"revenue": 0.5, "diversity": 0.1}},
    "page": {"placements": {"home": {"cap": 2, "explore": [1, 7]}}},
    "no-boost": {"rules_off": ["boost"]},
}


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--decisions", type=int, default=10_000)
    options.add_argument("--no-blend", action="store_true", help="serve live statistics alone")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        settings = Settings(var=Path(folder), port=free_port(), namespace="replay", postgres_url=None, redis_url=None)
        print(json.dumps(measured(settings, given.decisions, blend=not given.no_blend) | where()))


def measured(settings: Settings, decisions: int, *, blend: bool) -> dict[str, Any]:
    """Serves, wipes Redis, replays."""
    with Wiring(settings) as wiring:
        wiring.provision()
        with Children(settings) as children:
            children.start("project", "--follow")
            loading.run(wiring, "demo")
            training.run(wiring)
            train_bandit.run(wiring)
            if blend:
                bespoke(settings, "train", "--model", "blend", "--quick")
            for key, arm in ARMS.items():
                design(settings, key, arm)
            children.start("serve")
            up.wait_until_ready(settings, children)
            served = ask(settings, Client(settings), decisions)
            wait_until_stored(wiring, decisions)
        wiring.redis.flushall()
        arms = sum(bool(one.arms) for _, one in wiring.receipts.since(0, decisions) if isinstance(one, Decision))
        told = json.loads(bespoke(settings, "decision", "replay", "--all", "--json").splitlines()[-1])
    return {
        "decisions": told["decisions"],
        "equal": told.get("equal", 0),
        "replays_per_s": told["replays_per_s"],
        "explored": served["explored"],
        "by_rules": served["by_rules"],
        "in_experiments": arms,
        "generations": served["rules"],
        "verdicts": {name: told[name] for name in ("near", "differs", "erased", "unknown") if name in told},
    }


def ask(settings: Settings, client: Client, decisions: int) -> dict[str, int]:
    """Mixed placements for visitors of the demo; every tenth question is followed by a click, and rules change."""
    chance, skus = random.Random(7), [item.sku for item in eshop.catalogue()]
    visitors = [eshop.visitor(number) for number in range(1, 2_000)]
    counted = {"explored": 0, "by_rules": 0, "rules": 0}
    for turn in range(decisions):
        if turn % max(1, decisions // ROUNDS) == 0:
            publish(settings, turn, skus)
            bespoke(settings, "experiment", "ramp", "weights", str(50 + 10 * counted["rules"]))
            counted["rules"] += 1
        visitor, placement = chance.choice(visitors), chance.choice(list(RECIPES))
        body: dict[str, Any] = {"placement": placement, "anonymous_id": visitor, "deadline_ms": 2_000}
        if placement == "category":
            body["category"] = chance.choice(("Trousers", "Skirts", "Blouses", "Sale"))
        if placement in ("search", "cart", "checkout"):
            body["skus"] = chance.sample(skus, 20 if placement == "search" else 2)
        if placement in ("product", "complete_the_look"):
            body["item"] = chance.choice(skus)
        answer = client.call("POST", "/v1/recommendations", body)
        counted["explored"] += sum(item["source"] == "exploration" for item in answer["items"])
        counted["by_rules"] += sum(item["reason"] == "Featured by the shop" for item in answer["items"])
        if turn % 10 == 0:
            view = {"sku": chance.choice(skus)}
            said = {"messageId": f"bench {turn}", "anonymousId": visitor, "event": "Product Viewed"}
            client.call("POST", "/v1/track", said | {"properties": view})
    return counted


def design(settings: Settings, key: str, arm: dict[str, Any]) -> None:
    """Half of the visitors have the other arm."""
    variants = [{"name": "control", "buckets": 5_000}, {"name": "other", "buckets": 5_000, "changes": arm}]
    path = settings.var / "design.json"
    path.write_text(json.dumps({"hypothesis": "other", "primary_metric": "conversion", "variants": variants}))
    bespoke(settings, "experiment", "design", key, str(path))
    bespoke(settings, "experiment", "start", key)


def publish(settings: Settings, turn: int, skus: list[str]) -> None:
    """A pin and a boost, other ones each time."""
    pin = {"key": "pin", "when": {"placement": ["home"]}, "then": {"pin": {"slot": 3, "skus": skus[turn % 50 :][:5]}}}
    boost = {"key": "boost", "when": {"category": ["Skirts"]}, "then": {"boost": {"factor": 1.1 + turn % 7 / 10}}}
    path = settings.var / "rules.json"
    path.write_text(json.dumps({"rules": [pin, boost]}))
    bespoke(settings, "rules", "save", str(path))
    bespoke(settings, "rules", "publish")


def wait_until_stored(wiring: Wiring, decisions: int) -> None:
    """All receipts are in PostgreSQL."""
    until = time.monotonic() + 60
    while wiring.receipts.counts().receipts < decisions:
        if time.monotonic() > until:
            raise RuntimeError("receipts are missing")
        time.sleep(0.2)


def bespoke(settings: Settings, *arguments: str) -> str:
    """Another process, which knows the settings and nothing else."""
    environment = os.environ | settings.environment()
    command = [sys.executable, "-m", "app.cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr[-2_000:])
    return done.stdout


if __name__ == "__main__":
    main()
