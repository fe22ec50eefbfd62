"""The project process: log → Redis, one runner a log, restarted from the confirmed position when a server went away.

One process projects all logs, or some processes share them by shards: a process that projects all has the projector's
lock alone, others share it and each has the parts of its shards.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack
from functools import partial

from adapters import redis as redis_adapter
from adapters.eventlog.feed import LiveFeed
from app.alone import Right, alone, held, holding
from app.erasing.reapply import reapply
from app.projecting import folding, refilling, runners
from app.wiring import Wiring
from projections.guarded import ProjectionFailedError
from projections.project_records import RecordsProjection
from projections.runner import StoreRestartedError
from readmodels.live import Live

LOGGER = logging.getLogger("bespoke.project")
RETRY_S = 1.0
LOOK_EVERY_S = 1.0
TAKE_UP_S = 30.0
PROJECTOR_LOCK = 0x70726F6A  # "proj": one projector a log of a namespace
START_LOCK = 0x67656E73  # "gens": one process at a time begins a generation for all
#: How often a projection fails at one place before it is stopped.
ATTEMPTS = 3
Failures = dict[tuple[str, int, int], int]


class AnotherProjectorError(Exception):
    """Somebody else projects this namespace, or a shard of it, already."""


def follow(wiring: Wiring, stop: threading.Event, shards: Collection[int] | None = None) -> None:
    """Projects until ``stop`` is set, through restarts of the servers: all, or these shards; the catalogue comes with
    shard 0. A second projector of anything waits, and takes over when the first one ends."""
    failures: Failures = {}
    while not stop.is_set():
        try:
            wiring.shards.refresh()
            with single_projector(wiring, shards) as holds:
                reapply(wiring)
                while _follow_all(wiring, _start(wiring), stop, failures, shards):
                    holds()
                    wiring.shards.refresh()
        except AnotherProjectorError:
            LOGGER.debug("another projector is at work")
        except runners.PASSING as error:
            LOGGER.warning("projecting waits: %s", type(error).__name__)
        stop.wait(RETRY_S / 5)


def wait_until_taken_up(wiring: Wiring) -> None:
    """Waits until all running projectors write what is live and not stopped. Raises AnotherProjectorError."""
    deadline = time.monotonic() + TAKE_UP_S
    while any(wiring.generations.projecting(log) != runners.active_of(wiring) for log in running(wiring)):
        if time.monotonic() > deadline:
            raise AnotherProjectorError("the projector does not take the change up; start it again")
        time.sleep(RETRY_S / 10)


def is_running(wiring: Wiring) -> bool:
    """Whether somebody projects this namespace, or a shard of it, now."""
    found = held(wiring, PROJECTOR_LOCK)
    return found.alone or found.shared


def running(wiring: Wiring) -> list[int]:
    """The logs that somebody projects now. Raises UnavailableError."""
    found = held(wiring, PROJECTOR_LOCK)
    return _logs(wiring, None if found.alone else found.parts)


def single_projector(
    wiring: Wiring, shards: Collection[int] | None = None
) -> AbstractContextManager[Callable[[], object]]:
    """Holds the right to project all, or these shards; what it gives raises psycopg.Error when the right is lost.
    Raises AnotherProjectorError, UnavailableError."""
    if shards is None:
        return alone(wiring, PROJECTOR_LOCK, AnotherProjectorError("a projector of this namespace is running already"))
    busy = AnotherProjectorError("a projector of these shards, or of all, is running already")
    parts = [Right(PROJECTOR_LOCK, shard) for shard in sorted(shards)]
    return holding(wiring, [Right(PROJECTOR_LOCK, shared=True), *parts], busy)


def _start(wiring: Wiring) -> Live:
    busy = AnotherProjectorError("another projector begins a generation")
    with alone(wiring, START_LOCK, busy):
        return folding.start_generation(wiring)


def _logs(wiring: Wiring, shards: Collection[int] | None) -> list[int]:
    """The numbers of the logs that go with these shards, as far as there are such shards; None: of all."""
    every = range(len(runners.logs_of(wiring)))
    return [number for number in every if shards is None or max(0, number - 1) in shards]


def _follow_all(
    wiring: Wiring, live: Live, stop: threading.Event, failures: Failures, shards: Collection[int] | None
) -> bool:
    """One thread a log; when one has to stop, all do, and start again together. Whether to go on at once: something
    else is to be projected now, and no server was away."""
    ended, failed = threading.Event(), threading.Event()
    active, logs = runners.active_of(wiring), _logs(wiring, shards)
    wiring.generations.take_up(active, logs)

    def stopped() -> bool:
        return stop.is_set() or ended.is_set()

    def guarded(work: Callable[[], None], what: str) -> None:
        try:
            work()
        except runners.PASSING as error:
            LOGGER.warning("%s starts again: %s", what, type(error).__name__)
            failed.set()
            ended.set()
        except ProjectionFailedError as error:
            failed.set()
            ended.set()
            _failed(wiring, what, error, failures)

    works = {
        f"project-{number}": partial(_follow_once, wiring, live, active, number, stopped, ended)
        for number in logs
        if runners.projected(active, number)
    }
    works |= {
        f"fill-{shard}": partial(_fill, wiring, active, shard, stopped)
        for shard in runners.filling(wiring, active)
        if shard + 1 in logs
    }
    threads = [threading.Thread(target=guarded, args=(work, what), name=what) for what, work in works.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not threads:
        stop.wait(LOOK_EVERY_S)
    return not failed.is_set() and not stop.is_set()


def _failed(wiring: Wiring, what: str, error: ProjectionFailedError, failures: Failures) -> None:
    """The third time at one place, the projection is stopped, and the others go on without it."""
    LOGGER.error("%s: %s", what, error)
    number = int(what.rpartition("-")[2])
    place = error.projection, number, error.position
    failures[place] = failures.get(place, 0) + 1
    if failures[place] >= ATTEMPTS:
        del failures[place]
        wiring.states.stop(error.projection, f"failed: {error.kind} at position {error.position} of log {number}")


def _fill(wiring: Wiring, generations: Live, shard: int, stopped: Callable[[], bool]) -> None:
    def go_on(_: int) -> None:
        if stopped():
            raise StoreRestartedError

    filled = refilling.fill_shard(wiring, generations.customers, shard, go_on)
    LOGGER.info("shard %s: %s records filled in", shard, filled)


def _follow_once(
    wiring: Wiring, live: Live, active: Live, number: int, stopped: Callable[[], bool], ended: threading.Event
) -> None:
    """Projects a log until ``stopped``, or until another generation is live or a projection stopped or resumed."""
    redis_adapter.load_functions(wiring.redis)
    with ExitStack() as ends:
        ends.callback(ended.set)
        keep = None
        if number and active.customers:
            confirmed = runners.confirmed(wiring, active, number)
            keep = ends.enter_context(RecordsProjection(wiring.records[number - 1], start=confirmed))
        projections = runners.projections_of(wiring, active, number, keep)
        start = runners.start_of(wiring, active, number, projections)
        feed = ends.enter_context(LiveFeed(runners.logs_of(wiring)[number], start))
        runner = ends.enter_context(runners.runner_of(wiring, active, number, projections, feed, start))
        look_again = time.monotonic() + LOOK_EVERY_S
        while not stopped():
            runner.step()
            if time.monotonic() > look_again:
                look_again = time.monotonic() + LOOK_EVERY_S
                if folding.usable(wiring) != live or runners.active_of(wiring) != active or wiring.shards.moved():
                    return
