"""Training as a job, one at a time: the next-item model and the blend, in full or by an increment."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.broker import Broker
from dramatiq.middleware import Shutdown

from adapters import jobs
from adapters.jobs import HEARTBEAT_MS, Queues, Run, Runs, Times
from adapters.redis import translated
from app.jobs.schedule import FULL, INCREMENT
from app.training import bandit as train_bandit
from app.training import next_item as trainer
from app.training.next_item import AnotherTrainingError, Trained
from app.wiring import Wiring
from ml.lessons import TooLittleError

if TYPE_CHECKING:
    from app.training.blend import TrainedBlend

QUEUE = "training"
ACTOR = "train"
LIMIT_MS = 6 * 3_600_000
BUSY_MS = 60_000
TELL_EVERY_S = 1.0


class Training:
    """The jobs of a namespace that train. ``send`` puts one into the queue; a worker does it by ``do``."""

    def __init__(self, wiring: Wiring, *, heartbeat_ms: int = HEARTBEAT_MS) -> None:
        self._wiring, self._heartbeat_ms = wiring, heartbeat_ms
        namespace = wiring.settings.namespace
        self.times = Times(wiring.redis, namespace)
        self.runs = Runs(wiring.redis, namespace)
        self.queues = Queues(wiring.redis, namespace, QUEUE)

    @cached_property
    def broker(self) -> Broker:
        """With the one actor. Raises UnavailableError."""
        broker = jobs.connect(self._wiring.redis_url, self._wiring.settings.namespace, heartbeat_ms=self._heartbeat_ms)
        declare = dramatiq.actor(
            broker=broker, actor_name=ACTOR, queue_name=QUEUE, notify_shutdown=True, time_limit=LIMIT_MS
        )
        declare(self.do)
        return broker

    def send(self, job: str, due_ms: int, *, delay_ms: int | None = None) -> None:
        """Puts a job into the queue that was due then. Raises UnavailableError."""
        with translated():
            self.broker.get_actor(ACTOR).send_with_options(args=(job, due_ms), delay=delay_ms)

    def do(self, job: str, due_ms: int) -> None:
        """Trains, unless that was done for this time or a later one. While another training is at work, a full one
        comes back in a minute, and an increment is left to the next hour."""
        if job not in (FULL, INCREMENT) or not isinstance(due_ms, int):
            raise ValueError("job: neither full nor increment, or due at no time")
        if (self.times.done(job) or 0) >= due_ms:
            return
        try:
            with trainer.alone(self._wiring) as holds:
                self._train(job, Progress(self.runs, job, holds))
        except AnotherTrainingError:
            if job == FULL:
                self.send(job, due_ms, delay_ms=BUSY_MS)
                return
        self.times.mark_done(job, due_ms)

    def _train(self, job: str, progress: "Progress") -> None:
        try:
            progress.total = sum(log.head() for log in self._wiring.customers)
            made = self._next_item(job, progress)
            if made is not None:
                train_bandit.run(self._wiring, progress.advance)
            blend = self._blend(job, progress)
        except BaseException as error:
            progress.end("interrupted" if isinstance(error, Shutdown) else "failed", error=type(error).__name__)
            raise
        told = [each for each in (made, blend) if each]
        state = "held" if any(each.held for each in told) else "done" if told else "skipped"
        progress.end(state, result=told[0].digest if told else None)

    def _next_item(self, job: str, progress: "Progress") -> Trained | None:
        """None where there is nothing new to learn from."""
        if job == INCREMENT and trainer.is_current(self._wiring):
            return None
        return trainer.run(self._wiring, progress.advance, lambda: progress.advance(0), increment=job == INCREMENT)

    def _blend(self, job: str, progress: "Progress") -> "TrainedBlend | None":
        """None where neural models cannot be trained, or there is nothing to learn from, or to go on from."""
        if find_spec("torch") is None:
            return None
        from app.training import blend as train_blend
        from app.training import blend_increment as continue_blend
        from ml.recipes import NotForThisError

        def steps(words: str) -> Callable[[float], None]:
            return lambda part: progress.advance(0)

        with suppress(TooLittleError, NotForThisError):
            if job == FULL:
                return train_blend.run(self._wiring, steps)
            if not continue_blend.is_current(self._wiring):
                return continue_blend.run(self._wiring, steps)
        return None


class Progress:
    """Tells how far a run is, once a second at most. ``holds`` raises when another may train now."""

    def __init__(self, runs: Runs, job: str, holds: "trainer.Holds") -> None:
        self._runs, self._job, self._holds = runs, job, holds
        self._started_ms, self._told_s = _now_ms(), 0.0
        self._done, self.total = 0, 0

    def advance(self, steps: int) -> None:
        """So many steps more are done. Raises UnavailableError, psycopg.Error."""
        self._done += steps
        if time.monotonic() - self._told_s > TELL_EVERY_S:
            self._holds()
            self._told_s = time.monotonic()
            self.end("running")

    def end(self, state: str, *, result: str | None = None, error: str | None = None) -> None:
        """What became of it."""
        told = Run(state, self._started_ms, _now_ms(), self._done, self.total, result, error)
        self._runs.tell(self._job, told)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
