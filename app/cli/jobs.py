"""``worker``, ``clock`` and ``jobs``."""

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from msgspec import to_builtins

from adapters.jobs import Job, Run
from app.cli.output import json_option, show
from app.jobs import clock as clocks
from app.jobs import worker as workers
from app.jobs.erasing import Erasing
from app.jobs.keeping import Keeping
from app.jobs.training import Training
from app.settings import Settings
from app.starting import started
from app.wiring import Wiring


@click.command()
@json_option
def worker(as_json: bool) -> None:
    """Do jobs, such as training, one at a time, until stopped. Any number of workers may run."""
    _follow(workers.follow)


@click.command()
@json_option
def clock(as_json: bool) -> None:
    """Put jobs into the queue when they are due, until stopped. One is at work, more wait to take over."""
    _follow(clocks.follow)


@click.command()
@json_option
def jobs(as_json: bool) -> None:
    """Jobs that are queued, running, waiting for another attempt or failed, and the latest run of each."""
    with Wiring(Settings()) as wiring:
        training = Training(wiring)
        queues = (training.queues, Erasing(wiring).queues, Keeping(wiring).queues)
        queued, runs = [job for queue in queues for job in queue.jobs()], training.runs.all()
    lines = [*map(_job, queued), *(_run(name, run) for name, run in runs.items())]
    result = {"jobs": [asdict(job) for job in queued], "runs": {name: to_builtins(run) for name, run in runs.items()}}
    show(result, "\n".join(lines) or "There are no jobs.", as_json=as_json)


def _follow(work: Callable[[Wiring, threading.Event], None]) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    with started(Settings(), Wiring.bus) as wiring:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        work(wiring, stop)


def _job(job: Job) -> str:
    words = f"{job.state:<12} {job.name} {' '.join(map(_argument, job.arguments))}"
    return words + (f"  attempt {job.retries + 1}, {job.error}" if job.retries else "")


def _argument(value: Any) -> str:
    return _at(value) if isinstance(value, int) else str(value)


def _run(name: str, run: Run) -> str:
    far = f" {run.done:,} of {run.total:,}" if run.total and run.state == "running" else ""
    made = f", model {run.result[:12]}" if run.result else ""
    return f"latest       {name}: {run.state}{far} at {_at(run.at_ms)}{made}" + (f", {run.error}" if run.error else "")


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
