"""Rotation and expiry as jobs: done once for each time, and by a worker."""

import threading
import time

import dramatiq
import pytest

from adapters.jobs import Times
from adapters.keys.rotation import Rotation
from app.jobs.clock import tick
from app.jobs.keeping import ARMS, EXPIRE, RESTATE, ROTATE, SCHEDULES, Keeping
from app.wiring import Wiring

ALL = (ROTATE, EXPIRE, ARMS, RESTATE)
WEEK_MS = 7 * 24 * 3_600_000


def test_a_worker_rotates_and_expires_once_for_each_time(wiring: Wiring) -> None:
    Rotation(wiring.keyring).open_epoch()
    keeping = Keeping(wiring)
    for due in (1, 2, 2):
        for job in ALL:
            keeping.send(job, due)
    worker = dramatiq.Worker(keeping.broker, worker_threads=1, worker_timeout=100)
    worker.start()
    try:
        deadline = time.monotonic() + 60
        while keeping.queues.jobs() and time.monotonic() < deadline:
            threading.Event().wait(0.02)
    finally:
        worker.stop(timeout=10_000)
    assert keeping.queues.jobs() == []
    runs = keeping.runs.all()
    assert {job: run.state for job, run in runs.items()} == dict.fromkeys(ALL, "done")
    assert [keeping.times.done(job) for job in ALL] == [2, 2, 2, 2]
    told = runs[ROTATE]
    keeping.do(ROTATE, 2)
    assert keeping.runs.all()[ROTATE] == told  # it was done for this time


def test_another_job_is_refused_and_a_failure_is_told(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping = Keeping(wiring)
    with pytest.raises(ValueError, match="none of rotate-keys"):
        keeping.do("destroy", 1)

    def fail(self: Keeping) -> int:
        raise ConnectionError

    monkeypatch.setattr(Keeping, "_rotate", fail)
    with pytest.raises(ConnectionError):
        keeping.do(ROTATE, 1)
    run = keeping.runs.all()[ROTATE]
    assert (run.state, run.error) == ("failed", "ConnectionError")
    assert keeping.times.done(ROTATE) is None


def test_the_clock_sends_each_as_often_as_it_is_due(wiring: Wiring) -> None:
    sent = list[str]()
    times = Times(wiring.redis, wiring.settings.namespace)
    for day in range(15):
        tick(SCHEDULES, 10 * WEEK_MS + day * 24 * 3_600_000, times, lambda job, due: sent.append(job))
    assert [sent.count(job) for job in ALL] == [15, 3, 15, 15]
