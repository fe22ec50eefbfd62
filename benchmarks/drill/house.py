"""A whole installation to be mistreated: servers from wheels, all processes, a broker behind a proxy."""

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.connection import Admin
from app import project
from app.children import Children
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.drill.proxy import Proxy
from commands.ports import UnavailableError
from domain.customer import Customer
from readmodels.keys import Keys

PROCESSES = {"ingest": ("ingest",), "project": ("project", "--follow"), "web": ("serve",)}
SERVERS = ("postgres", "redis")
VICTIMS = (*PROCESSES, *SERVERS, "broker")
STALL_S = 1.0
LIMIT_S = 120.0


class Books:
    """Every event of the log, by what it says of the delivery that it came from.

    A delivery records one event under its own source id. What it makes beside that (links on both streams, details of
    each) has the id of a stream behind a ``#``, and must be there once a stream and class.
    """

    def __init__(self) -> None:
        self.counts: Counter[str | tuple[UUID, type, str]] = Counter()
        self._deliveries: set[str] = set()
        self._links: set[tuple[UUID, UUID]] = set()

    def enter(self, event: Any) -> None:
        """Takes an event, unless it is a stream's opening, which no delivery made."""
        source = getattr(event, "source_id", "open")
        if source == "open":
            return
        self.counts[(event.originator_id, type(event), source) if "#" in source else source] += 1
        self._deliveries.add(source.partition("#")[0])
        if isinstance(event, Customer.IdentifierLinked):
            self._links.add((event.originator_id, event.other))

    def missing(self, acknowledged: set[str]) -> int:
        """Deliveries of which nothing is there, and links of which one side is."""
        one_sided = sum((other, one) not in self._links for one, other in self._links)
        return len(acknowledged - self._deliveries) + one_sided

    def doubled(self) -> int:
        """Events that are there more than once."""
        return sum(count > 1 for count in self.counts.values())


class House:
    """Made by ``built``. The web process records straight to the log; the ingest process reads the topic."""

    def __init__(
        self, wiring: Wiring, kafka: Wiring, broker: EmbeddedBroker, proxy: Proxy, children: dict[str, Children]
    ) -> None:
        self.wiring, self.kafka, self._broker, self._proxy = wiring, kafka, broker, proxy
        self._children = children
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Starts a process of ours."""
        self._running[name] = self._children[name].start(*PROCESSES[name])

    def harm(self, victim: str) -> None:
        """kill -9 and start again; the broker, whose memory is all it has, is stopped for a while and cut off."""
        if victim == "broker":
            os.kill(self._broker.pid or 0, signal.SIGSTOP)
            self._proxy.cut()
            time.sleep(STALL_S)
            os.kill(self._broker.pid or 0, signal.SIGCONT)
        elif victim in PROCESSES:
            self._running[victim].kill()
            self._running[victim].wait()
            self.start(victim)
        else:
            servers = self.wiring.servers
            server = servers.postgres if victim == "postgres" else servers.valkey
            pid = server.pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            until(lambda: server.pid is None)
            server.start()

    def settle(self, acknowledged: set[str]) -> None:
        """Returns when all that was acknowledged is recorded, or will not be any more, and all that is recorded is
        projected."""
        with suppress(TimeoutError):
            until(lambda: not self.books().missing(acknowledged), LIMIT_S, every_s=1.0)
        until(self._projected, LIMIT_S)

    def books(self) -> "Books":
        """What the log holds."""
        books = Books()
        for log in self.wiring.customers:
            after = 0
            while batch := log.read(after, 5_000):
                after = batch[-1].id
                for event in log.decode_all(batch):
                    books.enter(event)
        return books

    def read_models(self) -> dict[str, Any]:
        """Every field of the live generation by its key's name without the generation."""
        redis, live = self.wiring.redis, self.wiring.generations.all_live()
        people, counted, sold = (Keys(self.wiring.settings.namespace, generation) for generation in live)
        prefix = f"{people.namespace}:g{people.generation}:"
        current: Any = redis.get(counted.statistics_current)
        found: dict[str, Any] = {
            "statistics": redis.get(counted.statistics(current.decode())) if current else None,
            "catalogue": redis.hgetall(sold.catalogue),
        }
        for key in redis.scan_iter(match=f"{prefix}person:*", count=1_000):
            found[key.decode().removeprefix(prefix)] = redis.hgetall(key)
        return found

    def stop(self, name: str) -> None:
        """Ends a process of ours in peace."""
        process = self._running.pop(name)
        process.terminate()
        process.wait(30)

    def _projected(self) -> bool:
        try:
            return project.lag(self.wiring) == 0
        except UnavailableError:
            return False


PARTITIONS = 4


@contextmanager
def built(folder: Path) -> Iterator[House]:
    """An installation in an empty folder; everything has ended afterwards."""
    with ExitStack() as ends:
        proxy = Proxy()
        ends.callback(proxy.close)
        broker = EmbeddedBroker(folder / "broker")
        broker.start(advertise=proxy.address)
        ends.callback(broker.stop)
        proxy.target = broker.port
        settings = Settings(var=folder / "var", port=_free_port(), postgres_url=None, redis_url=None)
        wiring = ends.enter_context(Wiring(settings))
        wiring.provision()
        project.start_generation(wiring)
        told = settings.model_copy(update={"kafka_bootstrap": proxy.address, "kafka_session_ms": 6_000})
        kafka = ends.enter_context(Wiring(_given(told), own_servers=False))
        with Admin(kafka.broker) as admin:
            admin.create_topics(PARTITIONS)
        direct = ends.enter_context(Children(_given(settings)))
        children = {"ingest": ends.enter_context(Children(kafka.settings)), "project": direct, "web": direct}
        house = House(wiring, kafka, broker, proxy, children)
        for name in PROCESSES:
            house.start(name)
        until(lambda: _listens(settings), LIMIT_S)
        yield house


def until(done: Callable[[], object], limit_s: float = 30.0, every_s: float = 0.05) -> None:
    """Polls until it is done. Raises TimeoutError."""
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {limit_s} s")
        time.sleep(every_s)


def _given(settings: Settings) -> Settings:
    """With every field marked as given, so that processes get them all."""
    return Settings(**{name: getattr(settings, name) for name in Settings.model_fields})


def _listens(settings: Settings) -> bool:
    try:
        socket.create_connection((settings.host, settings.port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
