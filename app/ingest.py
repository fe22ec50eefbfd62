"""The ingest process: topic → commands → log; and what becomes of the letters that it sets aside."""

import json
import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from kafka import KafkaProducer
from kafka.errors import KafkaError
from prometheus_client import Gauge, start_http_server

from adapters.kafka.connection import Broker
from adapters.kafka.consumer import Counts, Ingest
from adapters.kafka.dead_letters import DeadLetters, Listed
from adapters.kafka.envelope import PoisonError
from adapters.keys import KeyDestroyedError
from app.wiring import Wiring
from commands.ports import UnavailableError

LOGGER = logging.getLogger("bespoke.ingest")
TEND_EVERY_S = 5.0
REPORTED_AT_ONCE = 500
LAG = Gauge("bespoke_ingest_lag_records", "Records that wait behind what is stored", ["partition"])
TAKEN = Gauge("bespoke_ingest_records", "Records taken since the start")
SET_ASIDE = Gauge("bespoke_ingest_dead_letters", "Records set aside since the start")


def run(wiring: Wiring, stop: threading.Event, *, until_caught_up: bool = False, metrics_port: int = 0) -> Counts:
    """Takes records until ``stop`` is set, or until all that are there are stored."""
    if metrics_port:
        start_http_server(metrics_port, addr="127.0.0.1")
    letters, settings = wiring.dead_letters, wiring.settings
    ingest = Ingest(wiring.broker, wiring.bus(), wiring.envelope, letters, batch=settings.kafka_batch)
    done = threading.Event()
    beside = threading.Thread(target=_tend, args=(wiring.broker, letters, ingest, done), name="letters")
    beside.start()
    try:
        with wiring.shards.watched():
            return ingest.run(stop, until_caught_up=until_caught_up)
    finally:
        done.set()
        beside.join()


def replay(wiring: Wiring, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Takes letters again; what became of each: ``taken``, or why not. Raises UnavailableError."""
    bus, letters, results = wiring.bus(), wiring.dead_letters, dict[UUID, str]()
    for id_ in ids:
        try:
            (outcome,) = bus.dispatch([letters.open(id_, wiring.envelope)])
        except KeyError:
            results[id_] = "there is no such letter"
        except KeyDestroyedError:
            results[id_] = "its key is destroyed"
        except PoisonError as poison:
            results[id_] = str(poison)
        else:
            results[id_] = f"refused: {outcome.refused}" if outcome.refused else "taken"
            if not outcome.refused:
                letters.replayed(id_)
    return results


def _tend(broker: Broker, letters: DeadLetters, ingest: Ingest, done: threading.Event) -> None:
    """Tells the metrics how far we are; tells the dead-letter topic of letters; purges those of age."""
    purged_on = None
    while True:
        last = done.wait(TEND_EVERY_S)
        for partition, lag in dict(ingest.counts.lag).items():
            LAG.labels(str(partition)).set(lag)
        TAKEN.set(ingest.counts.records)
        SET_ASIDE.set(ingest.counts.dead_letters)
        try:
            report(broker, letters)
            if purged_on != (today := datetime.now(UTC).date()):
                letters.purge(datetime.now(UTC))
                purged_on = today
        except (UnavailableError, KafkaError) as error:
            LOGGER.warning("letters wait: %s", type(error).__name__)
        if last:
            return


def report(broker: Broker, letters: DeadLetters) -> int:
    """Tells the dead-letter topic of letters by reference, each at least once; of how many."""
    told, waiting = 0, letters.unreported(REPORTED_AT_ONCE)
    if not waiting:
        return 0
    producer = KafkaProducer(**broker.options, acks="all", enable_idempotence=True)
    try:
        while waiting:
            sent = [producer.send(broker.dead_letters, key=letter.id.bytes, value=_told(letter)) for letter in waiting]
            for future in sent:
                future.get(timeout=10)
            letters.reported([letter.id for letter in waiting])
            told += len(waiting)
            waiting = letters.unreported(REPORTED_AT_ONCE)
    finally:
        producer.close(timeout=5)
    return told


def _told(letter: Listed) -> bytes:
    return json.dumps(
        {
            "id": str(letter.id),
            "reason": letter.reason,
            "source": letter.source,
            "partition": letter.partition,
            "offset": letter.offset,
            "at": letter.at.isoformat(),
        }
    ).encode()
