"""From Kafka into the log: what one shard takes, and what two shards take on two cores."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.connection import Admin
from adapters.kafka.producer import Publisher
from app.children import Children
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.event_log import clickstream

PARTITIONS = 4
MEMBERS = 2
SESSION_MS = 6_000
BATCH = 1_000
POLL_S = 0.1


def ingest_eps(wiring: Wiring, folder: Path, records: int) -> dict[str, float]:
    """Records a second, end to end, encrypted, one shard, by as many members of the group as there are cores."""
    broker = EmbeddedBroker(folder / "broker")
    broker.start()
    try:
        with _with_topic(wiring.settings, broker, "ingest", records) as kafka:
            return {"ingest_eps": _consumed(kafka, records, MEMBERS)}
    finally:
        broker.stop()


def two_shards_vs_one(folder: Path, records: int) -> dict[str, float]:
    """All of a shard on one core: consumer, PostgreSQL, and a broker that holds the messages already; then two of them
    on two cores. A broker that both shared would take from both what the single one had for nothing."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    with ExitStack() as ends:
        wirings = []
        for number in range(3):
            broker = EmbeddedBroker(folder / f"broker{number}")
            broker.start()
            ends.callback(broker.stop)
            settings = Settings(var=folder / f"shard{number}", postgres_url=None, redis_url=None)
            own = ends.enter_context(Wiring(settings))
            own.provision()
            wirings.append(ends.enter_context(_with_topic(own.settings, broker, f"shard{number}", records)))
            for pid in (own.servers.postgres.pid, broker.pid):
                _pin(pid, cores[number % 2])
        alone = _consumed(wirings[0], records, 1, cores[0])
        with ThreadPoolExecutor(2) as both:
            rates = list(both.map(lambda n: _consumed(wirings[n], records, 1, cores[n % 2]), (1, 2)))
    return {"two_shards_vs_one": sum(rates) / alone, "one_core_eps": alone}


def _with_topic(settings: Settings, broker: EmbeddedBroker, name: str, records: int) -> Wiring:
    """A wiring whose topic holds the records already."""
    told = {n: getattr(settings, n) for n in Settings.model_fields} | {
        "kafka_bootstrap": broker.address,
        "kafka_topic": f"{name}.events",
        "kafka_dead_letters": f"{name}.dead",
        "kafka_group": name,
        "kafka_session_ms": SESSION_MS,
        "kafka_batch": BATCH,
    }
    wiring = Wiring(Settings(**told), own_servers=False)
    with wiring:
        with Admin(wiring.broker) as admin:
            admin.create_topics(PARTITIONS)
        publisher = Publisher(wiring.broker, wiring.envelope, linger_ms=20)
        for batch in clickstream.batches(clickstream.events(records, seed=11), 5_000):
            publisher.publish(batch)
        publisher.close()
    return Wiring(Settings(**told), own_servers=False)


def _consumed(wiring: Wiring, records: int, members: int, core: int | None = None) -> float:
    """Records a second between the tenth and the last of them, joining the group left out."""
    log = wiring.customers[0]
    with Admin(wiring.broker) as admin:
        source = admin.source()
    with Children(wiring.settings) as children:
        for _ in range(members):
            child = children.start("ingest")
            if core is not None:
                _pin(child.pid, core)
        began, begun = 0.0, 0
        while (done := sum(log.consumed(source).values())) < records:
            if not began and done >= records // 10:
                began, begun = time.perf_counter(), done
            time.sleep(POLL_S)
        return (records - begun) / (time.perf_counter() - began)


def _pin(pid: int | None, core: int) -> None:
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        for thread in each.threads():  # those that run already do not follow the process
            os.sched_setaffinity(thread.id, [core])
