"""Jobs on one real server and on a real cluster: done, put back, failed, taken from the dead."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import dramatiq
import pytest
from dramatiq.broker import Broker

from adapters import redis as redis_adapter
from adapters.embedded.valkey import EmbeddedValkey
from adapters.jobs import Queues, Times, connect
from adapters.jobs.broker import MOST_RETRIES
from app.wiring import Wiring
from tests.adapters.redis.nodes import cluster
from tests.app.looking import wait_for

QUEUE = "room"


class Room:
    """A namespace of its own on a server or a cluster."""

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"t_{uuid4().hex[:12]}"
        self.client = redis_adapter.connect(url)
        self.queues = Queues(self.client, self.name, QUEUE)

    def broker(self, work: Callable[[int], None], heartbeat_ms: int = 30_000) -> Broker:
        """With one actor, ``work``."""
        broker = connect(self.url, self.name, heartbeat_ms=heartbeat_ms)
        declare = dramatiq.actor(broker=broker, actor_name="work", queue_name=QUEUE)
        declare(work)
        return broker

    def states(self) -> list[str]:
        return sorted(job.state for job in self.queues.jobs())


@contextmanager
def working(broker: Broker) -> Iterator[None]:
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    try:
        yield
    finally:
        worker.stop(timeout=10_000)


@pytest.fixture(scope="module")
def nodes() -> Iterator[str]:
    with TemporaryDirectory(prefix="bespoke-cluster-") as folder, cluster(Path(folder)) as running:
        yield running.url


@pytest.fixture(params=["server", "cluster"])
def room(request: pytest.FixtureRequest, servers: Wiring) -> Iterator[Room]:
    made = Room(servers.redis_url if request.param == "server" else request.getfixturevalue("nodes"))
    yield made
    assert all(key.startswith(f"{made.name}:{{jobs}}:".encode()) for key in redis_adapter.keys_like(made.client, "t_*"))
    redis_adapter.wipe(made.client, f"{made.name}:*")
    made.client.close()


def test_each_job_is_done_and_leaves_the_queue(room: Room) -> None:
    done: list[int] = []
    broker = room.broker(done.append)
    for number in range(5):
        broker.get_actor("work").send(number)
    assert room.states() == ["queued"] * 5
    with working(broker):
        wait_for(lambda: room.states() == [])
    assert done == [0, 1, 2, 3, 4]


def test_a_job_that_fails_waits_and_the_last_time_is_kept_as_failed(room: Room) -> None:
    def fail(number: int) -> None:
        raise ZeroDivisionError

    broker = room.broker(fail)
    broker.get_actor("work").send(1)
    with working(broker):
        wait_for(lambda: room.states() == ["waiting"])
        (job,) = room.queues.jobs()
        assert (job.name, job.arguments, job.retries, job.error) == ("work", (1,), 1, "ZeroDivisionError")
        broker.enqueue(broker.get_actor("work").message_with_options(args=(2,), retries=MOST_RETRIES))
        wait_for(lambda: room.states() == ["failed", "waiting"])


def test_what_a_dead_worker_had_taken_goes_to_another(room: Room) -> None:
    done: list[int] = []
    dead = room.broker(done.append, heartbeat_ms=1_500)
    dead.get_actor("work").send(7)
    taken = next(dead.consume(QUEUE))  # and never heard of again
    assert taken is not None and room.states() == ["running"]
    silent = Queues(room.client, room.name, QUEUE, heartbeat_ms=1)
    wait_for(lambda: [job.state for job in silent.jobs()] == ["interrupted"])
    with working(room.broker(done.append, heartbeat_ms=1_500)):
        wait_for(lambda: done == [7])
        wait_for(lambda: room.states() == [])


def test_a_job_cut_short_by_the_end_of_its_worker_goes_back(room: Room) -> None:
    begun, done = threading.Event(), list[int]()

    def work(number: int) -> None:
        begun.set()
        while len(done) == 0:
            threading.Event().wait(0.01)

    broker = connect(room.url, room.name)
    declare = dramatiq.actor(broker=broker, actor_name="work", queue_name=QUEUE, notify_shutdown=True)
    declare(work).send(7)
    with working(broker):
        assert begun.wait(10)
    (job,) = room.queues.jobs()
    assert (job.state, job.arguments, job.retries) == ("waiting", (7,), 0)
    with working(room.broker(done.append)):
        wait_for(lambda: done == [7])


def test_times_never_go_back(room: Room) -> None:
    times = Times(room.client, room.name)
    assert (times.emitted("full"), times.done("full")) == (None, None)
    times.mark_emitted("full", 5)
    times.mark_done("full", 7)
    times.mark_done("full", 6)
    assert (times.emitted("full"), times.done("full")) == (5, 7)


def test_a_job_that_fails_while_redis_is_away_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "sockets").mkdir()
    server = EmbeddedValkey(tmp_path / "valkey", tmp_path / "sockets" / "v")
    server.start()
    room = Room(server.url)

    def fail(number: int) -> None:
        server.stop()
        raise ZeroDivisionError

    broker = room.broker(fail)
    broker.get_actor("work").send(1)
    with working(broker):
        wait_for(lambda: not server.running)
        server.start()
        wait_for(lambda: room.states() == ["waiting"])
    server.stop()
