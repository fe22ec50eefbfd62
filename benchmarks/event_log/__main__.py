"""``make bench-log``: the figures of the event log, in one run on one machine; one JSON line last."""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.settings import Settings
from app.tuning import for_batches
from app.wiring import Wiring
from benchmarks.event_log import appending, consuming, large, projecting
from benchmarks.where import where

RECORDS = 300_000
SHARD_RECORDS = 100_000


def main() -> None:
    """Runs all parts, each in a namespace or on servers of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="of the large log")
    parser.add_argument("--records", type=int, default=RECORDS, help="that go through Kafka")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    for_batches()
    began, result = time.monotonic(), dict[str, Any]()
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as name:
        folder = Path(name)
        result |= said(consuming.two_shards_vs_one(folder, min(SHARD_RECORDS, asked.records)))
        settings = Settings(var=folder / "var", postgres_url=None, redis_url=None)
        with Wiring(settings):
            result |= said(apart(settings, appending.ingest_vs_copy))
            result |= said(apart(settings, lambda wiring: _small(wiring, folder, asked.records)))
            result |= said(apart(settings, lambda wiring: large.measured(wiring, asked.events)))
    figures = {key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()}
    print(json.dumps(figures | {"records": asked.records, "seconds": round(time.monotonic() - began), **where()}))


def apart(settings: Settings, measure: Callable[[Wiring], dict[str, Any]]) -> dict[str, Any]:
    """Measures in a namespace that is thrown away."""
    told = {name: getattr(settings, name) for name in Settings.model_fields}
    with Wiring(Settings(**told | {"namespace": f"b{uuid4().hex[:8]}"}), own_servers=False) as wiring:
        wiring.provision()
        try:
            return measure(wiring)
        finally:
            wiring.drop()


def _small(wiring: Wiring, folder: Path, records: int) -> dict[str, Any]:
    """One log all the way: from Kafka, into Redis live, anew, and by the library's runner."""
    return {
        **consuming.ingest_eps(wiring, folder, records),
        "live_eps": projecting.live_eps(wiring),
        "rebuild_eps": projecting.rebuild_eps(wiring),
        "library_runner_eps": projecting.library_runner_eps(wiring),
    }


def said(result: dict[str, Any]) -> dict[str, Any]:
    """Tells whoever waits."""
    print(result, file=sys.stderr, flush=True)
    return result


if __name__ == "__main__":
    main()
