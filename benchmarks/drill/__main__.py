"""``make drill``: rounds of kill -9 under load, then the books are compared."""

import argparse
import json
import logging
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from app.projecting import lifecycle
from benchmarks.drill import faults
from benchmarks.drill.books import Due
from benchmarks.drill.house import VICTIMS, House, built
from benchmarks.drill.senders import HttpSender, KafkaSender
from benchmarks.where import where

FAULTS = ("lost", "doubled", "differing", "conflicts_lost", "subscriber_missed", "disk_full_lost")
CALM_S = 0.4, 1.6


def main() -> None:
    """Prints one JSON line last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bespoke-drill-") as folder, built(Path(folder)) as house:
        result = drill(house, asked.rounds, random.Random(asked.seed), asked.seed)
    with tempfile.TemporaryDirectory(prefix="bespoke-drill-") as folder:
        result |= faults.disk_full(Path(folder))
    result |= {"seed": asked.seed, "seconds": round(time.monotonic() - began), **where()}
    print(json.dumps(result))
    sys.exit(any(result.get(key) for key in FAULTS))


def drill(house: House, rounds: int, chance: random.Random, seed: int) -> dict[str, Any]:
    """Harms the house again and again while both shops send, and counts what it has cost."""
    senders = [HttpSender(house.wiring.settings, seed), KafkaSender(house.kafka, seed)]
    with ExitStack() as ends:
        for sender in senders:
            sender.start()
            ends.callback(sender.join)
        for sender in senders:
            ends.callback(sender.finish)
        harmed = dict.fromkeys(VICTIMS, 0)
        for number in range(1, rounds + 1):
            time.sleep(chance.uniform(*CALM_S))
            victim = chance.choice(VICTIMS)
            house.tend()
            house.harm(victim)
            harmed[victim] += 1
            say(f"round {number} of {rounds}: {victim}; {sum(len(s.acknowledged) for s in senders)} acknowledged")
        extra = faults.redis_out_of_memory(house) | faults.no_connections(house)
        time.sleep(CALM_S[1])
    return (
        judged(house, [due for sender in senders for due in sender.acknowledged])
        | extra
        | {
            "rounds": rounds,
            "harmed": harmed,
            "ended_by_themselves": house.ended,
            "sent_again": sum(sender.failed for sender in senders),
        }
    )


def judged(house: House, acknowledged: Sequence[Due]) -> dict[str, Any]:
    """Compares what was acknowledged with the log, and the read models with a rebuild."""
    say("comparing")
    house.settle(acknowledged)
    say("two writers on a stream, a live subscriber")
    house.stop("ingest")
    house.stop("web")
    extra = faults.conflicts(house) | faults.subscriber(house)
    house.settle(acknowledged)
    house.stop("project")
    say("rebuilding")
    books, live = house.books(), house.read_models()
    lifecycle.rebuild_all(house.wiring)
    again, missing = house.read_models(), books.missing(acknowledged)
    for due in missing[:10]:
        say(f"missing: {due.source}")
    return {
        "acknowledged": len(acknowledged),
        "lost": len(missing),
        "doubled": books.doubled(),
        "records": len(again),
        "differing": sum(live.get(key) != again.get(key) for key in live.keys() | again.keys()),
        **extra,
    }


def say(words: str) -> None:
    """To whoever waits."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
