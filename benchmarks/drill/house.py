"""A whole installation to be mistreated: servers from wheels, all processes, a broker behind a proxy."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from adapters.embedded.broker import EmbeddedBroker
from adapters.kafka.connection import Admin
from app.children import Children
from app.projecting import folding, runners
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.drill.books import Books, Due
from benchmarks.drill.proxy import Proxy
from commands.ports import UnavailableError
from readmodels.keys import Keys

PROCESSES = {"ingest": ("ingest",), "project": ("project", "--follow"), "web": ("serve",)}
SERVERS = ("postgres", "redis")
VICTIMS = (*PROCESSES, *SERVERS, "broker")
STALL_S = 1.0
LIMIT_S = 120.0


class House:
    """Made by ``built``. The web process records straight to the log; the ingest process reads the topic."""

    def __init__(
        self, wiring: Wiring, kafka: Wiring, broker: EmbeddedBroker, proxy: Proxy, children: dict[str, Children]
    ) -> None:
        self.wiring, self.kafka, self._broker, self._proxy = wiring, kafka, broker, proxy
        self._children = children
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.ended = 0

    def start(self, name: str) -> None:
        """Starts a process of ours."""
        self._running[name] = self._children[name].start(*PROCESSES[name])

    def tend(self) -> None:
        """Starts what has ended by itself again, as whatever supervises processes would; ``ended`` counts it."""
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                self.ended += 1
                self.start(name)

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

    def settle(self, due: Collection[Due]) -> None:
        """Returns when all that is due is recorded, or nothing of it has been for ``LIMIT_S``, and all that is recorded
        is projected."""
        books, read, waited_for = Books(), [0] * len(self.wiring.customers), list(due)

        def some_recorded() -> bool:
            self.tend()
            self._enter(books, read)
            before, waited_for[:] = len(waited_for), books.missing(waited_for)
            return len(waited_for) < before or not waited_for

        with suppress(TimeoutError):
            while waited_for:
                until(some_recorded, LIMIT_S, every_s=0.5)
        until(self._projected, LIMIT_S)

    def books(self) -> Books:
        """What the log holds, read from its beginning."""
        books = Books()
        self._enter(books, [0] * len(self.wiring.customers))
        return books

    def _enter(self, books: Books, read: list[int]) -> None:
        """Enters what was recorded after the positions ``read``, one a shard, and moves them."""
        for shard, log in enumerate(self.wiring.customers):
            while batch := log.read(read[shard], 5_000):
                for event in log.decode_all(batch):
                    books.enter(event)
                read[shard] = batch[-1].id

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
        self.tend()
        try:
            return runners.lag(self.wiring) == 0
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
        folding.start_generation(wiring)
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
