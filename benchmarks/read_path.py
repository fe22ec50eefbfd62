"""What a person's record costs, from process memory, from Redis and by whom it is asked for.

``python -m benchmarks.read_path`` starts a Valkey of its own, prints what it does on stderr, and one JSON object at the
end: microseconds, at a client that asks one after the other unless a name says otherwise.
"""

import asyncio
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import redis.asyncio
import uvloop

from adapters import redis as redis_adapter
from adapters.embedded.valkey import EmbeddedValkey
from adapters.redis.generations import Generations
from adapters.redis.persons import Limits
from adapters.redis.reader import RedisReader
from benchmarks.where import where
from readmodels import customer
from readmodels.customer import CustomerRecord, Order, Purchase, Spend, View
from readmodels.keys import Keys

PERSONS, CALLS, TOGETHER = 2_000, 10_000, 64
KEYS = Keys("bench", 1)


def record(seed: int) -> CustomerRecord:
    """Somebody who has used up all the room there is for views and purchases: 2.3 KB."""
    at = 1_700_000_000_000 + seed
    facts = [(at + i, i * 7919, f"SKU-{i:06d}") for i in range(20)]
    return CustomerRecord(
        version=60,
        kind="user",
        first_at=at,
        last_at=at + 20,
        views=tuple(View(when, tag, sku, "Dresses", "Acme", 12_900) for when, tag, sku in facts),
        purchases=tuple(Purchase(when, tag, 0, sku, 1, "Dresses", "Acme", "M", 12_900) for when, tag, sku in facts),
        orders=tuple(Order(when, tag * 7919, "USD", 12_900, 12_900, 0) for when, tag, _ in facts),
        spend=(Spend("USD", 20, 258_000, 0, 258_000, 0),),
    )


async def timed(ask: Callable[[int], Awaitable[Any]], calls: int = CALLS) -> dict[str, float]:
    """Median and 99th percentile of single calls."""
    taken = []
    for number in range(calls):
        begun = time.perf_counter()
        await ask(number)
        taken.append((time.perf_counter() - begun) * 1e6)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50_us": round(cuts[49], 1), "p99_us": round(cuts[98], 1)}


async def each_together(ask: Callable[[int], Awaitable[Any]], rounds: int = 50) -> float:
    """Of calls made together."""
    begun = time.perf_counter()
    for _ in range(rounds):
        await asyncio.gather(*(ask(number) for number in range(TOGETHER)))
    return round((time.perf_counter() - begun) / rounds / TOGETHER * 1e6, 1)


async def measured(url: str, ids: list[UUID]) -> dict[str, Any]:
    """All figures."""
    plain = redis.asyncio.Redis.from_url(url, protocol=3)
    reader = RedisReader(url, KEYS.namespace, limits=Limits(redis_s=5.0))
    await reader.start()
    names = [KEYS.person(each) for each in ids]

    async def theirs(number: int) -> Any:
        found: Any = await plain.hgetall(names[number % PERSONS])
        return [customer.decode(value) for value in found.values()]

    async def ours(number: int) -> Any:
        found = await reader.tracked.call(names[number % PERSONS].encode(), "HGETALL", names[number % PERSONS])
        return [customer.decode(value) for value in found.values()]

    async def missed(number: int) -> Any:
        reader.persons.l1.invalidate(names[number % PERSONS].encode())
        return await reader.persons.person(ids[number % PERSONS])

    found = {"redis_py": await timed(theirs), "wire": await timed(ours), "miss": await timed(missed)}
    together = {"redis_py": await each_together(theirs), "wire": await each_together(ours)}
    together["miss"] = await each_together(missed)
    for each in ids:
        await reader.persons.person(each)
    begun = time.perf_counter()
    for number in range(200_000):
        reader.peek(ids[number % PERSONS])
    warm = (time.perf_counter() - begun) / 200_000 * 1e6
    told = await _told(reader, ids[0])
    await reader.close()
    await plain.aclose()
    return {**found, "together_each_us": together, "warm_peek_us": round(warm, 2), "told": told}


async def _told(reader: RedisReader, who: UUID) -> dict[str, float]:
    """From a write's begin to the answer of a reader who waits for it."""
    writer: Any = redis.asyncio.Redis.from_url(URL[0])

    async def once(number: int) -> None:
        version = 100 + number
        waiting = asyncio.create_task(
            reader.person_with(who, lambda person: person.record.version >= version, within_s=5)
        )
        await writer.hset(KEYS.person(who), str(who), customer.encode(CustomerRecord(version=version, kind="user")))
        await waiting

    found = await timed(once, 2_000)
    await writer.aclose()
    return found


def decoded_bytes() -> float:
    """How many times its stored size a decoded record takes."""
    stored = [customer.encode(record(seed)) for seed in range(500)]
    tracemalloc.start()
    kept = [customer.decode(each) for each in stored]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(taken / sum(map(len, stored)) * len(kept) / len(stored), 2)


URL: list[str] = []


def main() -> None:
    """Runs it."""
    with TemporaryDirectory(prefix="bespoke-bench-") as folder:
        valkey = EmbeddedValkey(Path(folder) / "data", Path(folder) / "v.sock")
        valkey.start()
        try:
            client: Any = redis_adapter.connect(valkey.url)
            Generations(client, KEYS.namespace).switch(1)
            ids = [UUID(int=number * 7919 << 64 | number) for number in range(PERSONS)]
            for each in ids:
                client.hset(KEYS.person(each), str(each), customer.encode(record(each.int % 997)))
            URL.append(valkey.url)
            print("measuring", file=sys.stderr)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                found = runner.run(measured(valkey.url, ids))
            client.close()
        finally:
            valkey.stop()
    print(json.dumps({**found, "decoded_times": decoded_bytes(), "where": where()}))


if __name__ == "__main__":
    main()
