"""A large log: loading, whether more customers slow it down, rebuilding, memory, and looking back in time."""

import asyncio
import random
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.wiring import Wiring
from benchmarks.event_log import clickstream, projecting
from queries.moment import Moment
from readmodels.keys import Keys

SAMPLE = 2_000
LOOKS = 200
TENTH = 10
REPORT_EVERY = 250_000


def measured(wiring: Wiring, events: int) -> dict[str, Any]:
    """Loads so many events, then measures on them."""
    result = _loaded(wiring, events) | {"log_bytes_per_event": _log_bytes(wiring) / events}
    redis = wiring.redis
    before = int(redis.info("memory")["used_memory"])
    result["large_rebuild_eps"] = projecting.rebuild_eps(wiring)
    keys, sizes = _sizes(wiring)
    whole = int(redis.info("memory")["used_memory"]) - before
    result |= {
        "customers": keys,
        "bytes_per_customer": whole / keys,
        "bytes_median": statistics.median(sizes),
        "bytes_p99": statistics.quantiles(sizes, n=100)[-1],
    }
    return result | asyncio.run(_time_travel(wiring))


def _loaded(wiring: Wiring, events: int) -> dict[str, Any]:
    """``tenfold_customers_ratio``: speed while the last tenth of the customers comes, over that of the first tenth."""
    bus, done, spent = wiring.bus(), 0, 0.0
    tenths: list[tuple[int, float]] = []
    for batch in clickstream.batches(clickstream.events(events)):
        began = time.perf_counter()
        bus.dispatch(batch)
        spent += time.perf_counter() - began
        done += len(batch)
        if done * TENTH >= events * (len(tenths) + 1):
            tenths.append((done, spent))
        if done % REPORT_EVERY < len(batch):
            print(f"{done} events loaded", file=sys.stderr, flush=True)
    first = tenths[0][0] / tenths[0][1]
    last = (tenths[-1][0] - tenths[-2][0]) / (tenths[-1][1] - tenths[-2][1])
    return {"events": done, "load_eps": done / spent, "tenfold_customers_ratio": last / first}


def _log_bytes(wiring: Wiring) -> int:
    """What the events take on PostgreSQL's disk, indexes included."""
    with wiring.customers[0].recorder.datastore.get_connection() as connection:
        row = connection.execute("SELECT pg_total_relation_size('shard_0.log_events') AS bytes").fetchone()
        return int(row["bytes"]) if row else 0


def _sizes(wiring: Wiring) -> tuple[int, list[int]]:
    """How many customers there are, and the bytes that Redis says some of them take."""
    where = Keys(wiring.settings.namespace, wiring.generations.live())
    names, sizes = 0, list[int]()
    for key in wiring.redis.scan_iter(match=f"{where.namespace}:g{where.generation}:person:*", count=1_000):
        names += 1
        if len(sizes) < SAMPLE:
            sizes.append(int(wiring.redis.memory_usage(key) or 0))
    return names, sizes


async def _time_travel(wiring: Wiring) -> dict[str, float]:
    """Milliseconds to see a customer as of one moment as known at another, keys not in memory: the median."""
    reader = wiring.reader()
    try:
        queries, times, now = wiring.queries(reader), list[float](), datetime.now(UTC)
        for stream in _some_streams(wiring):
            began = time.perf_counter()
            profile = await queries.profile(stream, Moment(as_of=now, known_at=now))
            times.append((time.perf_counter() - began) * 1_000)
            if profile is None:
                raise RuntimeError("a customer of the log was not found")
    finally:
        await reader.close()
    return {"time_travel_ms": statistics.median(times), "time_travel_p99_ms": statistics.quantiles(times, n=100)[-1]}


def _some_streams(wiring: Wiring) -> list[UUID]:
    log, chance = wiring.customers[0], random.Random(1)
    head = log.head()
    found = (log.read(chance.randrange(head), 1) for _ in range(LOOKS))
    return [UUID(str(batch[0].originator_id)) for batch in found if batch]
