"""Feast: features of one person at a time from its online store, as a service written in Python reads them.

Runs in Feast's environment: folder, Redis as host:port, people, reads. The features are those of our record as training
and serving see them: 18 numbers, and up to 20 views, 20 purchases and 10 cart entries as lists of SKUs.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ["FEAST_USAGE"] = "False"

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Array, Float32, String

NUMBERS = [f"number_{n}" for n in range(18)]
LISTS = {"views": 20, "purchases": 4, "cart": 2}
WARM = 100


def store_in(folder: Path, redis: str) -> FeatureStore:
    """A project of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    config = RepoConfig(
        project="bench",
        registry=str(folder / "registry.db"),
        provider="local",
        online_store={"type": "redis", "connection_string": redis},
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
    )
    return FeatureStore(config=config)


def fill(store: FeatureStore, folder: Path, people: int) -> None:
    """Everybody's features, in the online store."""
    chance = np.random.default_rng(1)
    frame = pd.DataFrame({"person": [f"p{n}" for n in range(people)], "at": [datetime.now(UTC)] * people})
    for name in NUMBERS:
        frame[name] = chance.random(people).astype("float32")
    for name, length in LISTS.items():
        frame[name] = [[f"SKU-{n:08d}" for n in chance.integers(0, 250_000, length)] for _ in range(people)]
    frame.to_parquet(folder / "features.parquet")
    person = Entity(name="person", join_keys=["person"], value_type=ValueType.STRING)
    fields = [Field(name=name, dtype=Float32) for name in NUMBERS]
    fields += [Field(name=name, dtype=Array(String)) for name in LISTS]
    source = FileSource(path=str(folder / "features.parquet"), timestamp_field="at")
    view = FeatureView(name="features", entities=[person], ttl=timedelta(days=30), schema=fields, source=source)
    store.apply([person, view])
    store.write_to_online_store("features", frame)


def main() -> None:
    """Prints the milliseconds of a read."""
    folder, redis, people, reads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    store = store_in(folder, redis)
    fill(store, folder, people)
    wanted, times = [f"features:{name}" for name in (*NUMBERS, *LISTS)], []
    for turn in range(reads + WARM):
        began = time.perf_counter()
        found = store.get_online_features(wanted, [{"person": f"p{turn * 7919 % people}"}]).to_dict()
        times.append((time.perf_counter() - began) * 1000)
        assert found["views"][0], "nothing was read"
    times = sorted(times[WARM:])
    print(json.dumps({"p50_ms": times[len(times) // 2], "p99_ms": times[int(0.99 * len(times))]}))


main()
