"""The clock process: puts jobs into the queue when they are due. Two clocks are as good as one."""

import logging
import threading
import time
from collections.abc import Callable

from adapters.jobs import Times
from app.alone import alone
from app.jobs.erasing import Erasing
from app.jobs.erasing import schedules as schedules_of_erasures
from app.jobs.keeping import SCHEDULES as SCHEDULES_OF_KEEPING
from app.jobs.keeping import Keeping
from app.jobs.schedule import FULL, Schedule, schedules
from app.jobs.training import Training
from app.projecting import runners
from app.wiring import Wiring

LOGGER = logging.getLogger("bespoke.clock")
CLOCK_LOCK = 0x636C6B73  # "clks": one clock a namespace
LOOK_EVERY_S = 10.0
RETRY_S = 1.0


class AnotherClockError(Exception):
    """Somebody else keeps the time for this namespace already."""


def follow(wiring: Wiring, stop: threading.Event) -> None:
    """Emits jobs until ``stop`` is set, through restarts of the servers. A second clock waits, and takes over when the
    first one ends."""
    while not stop.is_set():
        try:
            with alone(wiring, CLOCK_LOCK, AnotherClockError()) as holds:
                _keep_time(wiring, stop, holds)
        except AnotherClockError:
            LOGGER.debug("another clock is at work")
        except runners.PASSING as error:
            LOGGER.warning("the clock waits: %s", type(error).__name__)
        stop.wait(RETRY_S)


def _keep_time(wiring: Wiring, stop: threading.Event, holds: Callable[[], object]) -> None:
    training, erasing, keeping = Training(wiring), Erasing(wiring), Keeping(wiring)
    due = schedules(wiring.settings.train_hour, wiring.settings.train_minute)
    follow = schedules_of_erasures(wiring.settings.train_hour, wiring.settings.train_minute)
    while not stop.is_set():
        holds()
        now = time.time_ns() // 1_000_000
        tick(due, now, training.times, training.send)
        tick(follow, now, training.times, erasing.send_follow_up)
        tick(SCHEDULES_OF_KEEPING, now, training.times, keeping.send)
        erasing.send_due()
        left_ms = min(each.next(now) for each in due) - now
        stop.wait(min(left_ms / 1000, LOOK_EVERY_S))


def tick(due: tuple[Schedule, ...], now_ms: int, times: Times, send: Callable[[str, int], object]) -> list[str]:
    """Emits what is due and was not emitted; the names of the jobs. However many times were missed, the last one alone
    is made up for, and where there is a full training no increment is.

    The job is sent before that is noted. Killed in between, it is sent twice, and done once: a worker knows what is
    done.
    """
    sent: list[str] = []
    for schedule in due:
        latest = schedule.latest(now_ms)
        if (times.emitted(schedule.job) or 0) < latest:
            if FULL not in sent:
                send(schedule.job, latest)
                sent.append(schedule.job)
            times.mark_emitted(schedule.job, latest)
    return sent
