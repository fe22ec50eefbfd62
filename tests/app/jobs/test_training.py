"""Training as a job: once for a time, one at a time, again when it fails, and gone on with when it is killed."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.jobs.broker import MOST_RETRIES
from adapters.quiet import without_values
from adapters.redis import keys_like
from app.jobs import clock, worker
from app.jobs.schedule import FULL, INCREMENT
from app.jobs.training import ACTOR, Training
from app.training import next_item as trainer
from app.wiring import Wiring
from ml.nextitem.model import KIND
from tests.app.jobs.slow_worker import STANDS_AT
from tests.app.looking import wait_for
from tests.app.test_cli import answered, bespoke

ROOT = Path(__file__).parents[3]
CANARY = "ada@canary.example"


@contextmanager
def running(work: Any, wiring: Wiring) -> Iterator[None]:
    """A worker or a clock in a thread of this process."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(wiring, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def training(wiring: Wiring) -> Training:
    return Training(wiring)


def states(training: Training) -> list[str]:
    return [job.state for job in training.queues.jobs()]


def test_a_job_makes_a_model_and_is_done_once(wiring: Wiring, training: Training) -> None:
    training.send(FULL, 1_000)
    training.send(FULL, 1_000)
    training.send(INCREMENT, 1_000)
    assert states(training) == ["queued"] * 3
    assert wiring.models.in_use(KIND) is None
    with running(worker.follow, wiring):
        wait_for(lambda: states(training) == [])
    (made,) = wiring.models.slot(KIND).stack
    full, increment = training.runs.all()[FULL], training.runs.all()[INCREMENT]
    assert (full.state, full.result) == ("done", made)
    assert increment.state == "skipped", "there is nothing new to learn from"
    assert (training.times.done(FULL), training.times.done(INCREMENT)) == (1_000, 1_000)


def test_while_one_trains_a_full_one_comes_back_and_an_increment_does_not(wiring: Wiring, training: Training) -> None:
    with trainer.alone(wiring), running(worker.follow, wiring):
        training.send(FULL, 1_000)
        training.send(INCREMENT, 1_000)
        wait_for(lambda: training.times.done(INCREMENT) == 1_000)
        wait_for(lambda: states(training) == ["waiting"])
    (job,) = training.queues.jobs()
    assert (job.arguments, job.retries) == ((FULL, 1_000), 0)
    assert training.runs.all() == {}
    with trainer.alone(wiring):
        done = bespoke("train", settings=wiring.settings)
        assert (done.returncode, "running already" in done.stderr) == (1, True)


def test_what_fails_is_done_again_later_and_tells_no_values(
    wiring: Wiring, training: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LookupError(CANARY)

    monkeypatch.setattr(trainer, "run", fail)
    handler = logging.StreamHandler()
    handler.addFilter(without_values)
    logging.getLogger("dramatiq").addHandler(handler)
    with running(worker.follow, wiring):
        training.send(FULL, 1_000)
        wait_for(lambda: states(training) == ["waiting"])
        (job,) = training.queues.jobs()
        assert (job.retries, job.error) == (1, "LookupError")
        assert job.eta_ms is not None and job.eta_ms > 1_000
        message = training.broker.get_actor(ACTOR).message_with_options(args=(FULL, 2_000), retries=MOST_RETRIES)
        training.broker.enqueue(message)
        wait_for(lambda: sorted(states(training)) == ["failed", "waiting"])
    logging.getLogger("dramatiq").removeHandler(handler)
    assert training.runs.all()[FULL].error == "LookupError"
    told = capsys.readouterr().err
    assert "LookupError" in told and "canary" not in told
    for key in keys_like(wiring.redis, f"{wiring.settings.namespace}:*jobs*"):
        assert b"canary" not in wiring.redis.dump(key)
    done = answered(bespoke("jobs", "--json", settings=wiring.settings))
    assert sorted(job["state"] for job in done["jobs"]) == ["failed", "waiting"]
    assert "LookupError" in bespoke("jobs", settings=wiring.settings).stdout


def test_a_clock_and_a_worker_train_by_themselves(wiring: Wiring, training: Training) -> None:
    with running(clock.follow, wiring), running(clock.follow, wiring), running(worker.follow, wiring):
        wait_for(lambda: wiring.models.in_use(KIND))
        wait_for(lambda: states(training) == [])
    assert FULL in training.runs.all()
    assert len(wiring.models.slot(KIND).log) == 1


def test_a_second_clock_takes_over_from_one_that_is_killed(wiring: Wiring, training: Training) -> None:
    first = start("-m", "app.cli", "clock", wiring=wiring)
    try:
        wait_for(lambda: len(states(training)) == 1)
        with running(clock.follow, wiring):
            first.kill()
            first.wait()
            wiring.redis.delete(f"{wiring.settings.namespace}:{{jobs}}:times")
            wait_for(lambda: len(states(training)) == 2)
    finally:
        first.kill()
        first.wait()


def start(*words: str, wiring: Wiring) -> "subprocess.Popen[bytes]":
    outside = {name: value for name, value in os.environ.items() if not name.startswith("BESPOKE_")}
    environment = outside | wiring.settings.environment()
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_training_that_is_cut_short_is_gone_on_with(
    wiring: Wiring, training: Training, tmp_path: Path, how: signal.Signals
) -> None:
    command = "-m", "tests.app.jobs.slow_worker", str(tmp_path)
    workers = [start(*command, wiring=wiring)]
    try:
        training.send(FULL, 1_000)
        wait_for(lambda: (tmp_path / "stands").exists())
        assert states(training) == ["running"]
        workers.append(start(*command, wiring=wiring))
        workers[0].send_signal(how)
        assert workers[0].wait(20) == (-how if how == signal.SIGKILL else 0)
        wait_for(lambda: wiring.models.in_use(KIND), limit_s=60)
        wait_for(lambda: training.times.done(FULL) == 1_000)
    finally:
        for each in workers:
            each.kill()
            each.wait()
    shown = answered(bespoke("models", "show", wiring.models.in_use(KIND) or "", "--json", settings=wiring.settings))
    assert shown["origin"] == {"begun": str(STANDS_AT)}
    assert len(wiring.models.slot(KIND).log) == 1
