"""A real broker from its wheel, topics of their own for each test."""

import gc
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.connection import Admin
from adapters.kafka.consumer import Counts, Ingest
from app import ingest
from app.settings import Settings
from app.wiring import Wiring
from tests.namespaces import namespace

PARTITIONS = 3
LIMIT_S = 60.0
SESSION_MS = 6_000  # this broker lets a member wait half of it before it joins


@pytest.fixture(autouse=True)
def lost_sockets() -> Iterator[None]:
    """The client leaves the sockets of lost connections to the garbage collector; let it be here that it complains."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for all tests that do not end it."""
    with TemporaryDirectory(prefix="bespoke-broker-") as folder:
        running = EmbeddedBroker(Path(folder) / "broker")
        running.start()
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture
def build(servers: Wiring, settings: Settings, broker: EmbeddedBroker) -> Iterator[Callable[..., Wiring]]:
    """Makes provisioned namespaces with topics of their own, dropped afterwards."""
    with ExitStack() as built:

        def make(**changes: object) -> Wiring:
            name = f"t_{uuid4().hex[:12]}"
            own = {
                "kafka_bootstrap": broker.address,
                "kafka_topic": f"{name}.events",
                "kafka_dead_letters": f"{name}.dead",
                "kafka_group": name,
                "kafka_session_ms": SESSION_MS,
                "kafka_batch": 50,
            }
            wiring = built.enter_context(namespace(settings, **(own | changes)))
            create_topics(wiring)
            return wiring

        yield make


@pytest.fixture
def topic(build: Callable[..., Wiring]) -> Wiring:
    """A namespace of one shard."""
    return build()


def create_topics(wiring: Wiring) -> None:
    """Makes the wiring's topics."""
    with Admin(wiring.broker) as admin:
        admin.create_topics(PARTITIONS)


def source_of(wiring: Wiring) -> str:
    """What the offsets are stored under."""
    with Admin(wiring.broker) as admin:
        return admin.source()


def ingested(wiring: Wiring) -> Counts:
    """Takes all that is on the topic. Raises AssertionError when that takes more than ``LIMIT_S``."""
    stop = threading.Event()
    watch = threading.Timer(LIMIT_S, stop.set)
    watch.start()
    try:
        counts = ingest.run(wiring, stop, until_caught_up=True)
    finally:
        watch.cancel()
    assert not stop.is_set(), "still not caught up"
    return counts


@contextmanager
def member(wiring: Wiring) -> Iterator[tuple[Ingest, threading.Event]]:
    """A member of the group, in a thread until its event is set, or the block ends."""
    ingest_, stop = Ingest(wiring.broker, wiring.bus(), wiring.envelope, wiring.dead_letters), threading.Event()
    thread = threading.Thread(target=ingest_.run, args=(stop,))
    thread.start()
    try:
        yield ingest_, stop
    finally:
        stop.set()
        thread.join()
