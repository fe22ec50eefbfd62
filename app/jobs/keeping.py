"""Rotation, expiry, the look at experiments' arms and the restatement of published reports as jobs, in a queue and a
thread of their own: they may take hours."""

import time
from collections.abc import Callable
from functools import cached_property

import dramatiq
from dramatiq.broker import Broker
from dramatiq.middleware import Shutdown

from adapters import jobs
from adapters.jobs import HEARTBEAT_MS, Queues, Run, Runs, Times
from adapters.redis import translated
from app.jobs.schedule import DAY_MS, HOUR_MS, MINUTE_MS, Schedule
from app.keeping.expire import expire, expire_day_keys
from app.keeping.rotate import rotate
from app.reporting import arm_shares, restating
from app.wiring import Wiring
from projections.moment import moment

QUEUE, ACTOR = "keeping", "keep"
LIMIT_MS = 24 * HOUR_MS
ROTATE, EXPIRE, ARMS, RESTATE = "rotate-keys", "expire", "check-arms", "restate-reports"
#: Rotation does nothing but on the first day of a month; expiry looks through all anonymous visitors.
SCHEDULES = (
    Schedule(ROTATE, DAY_MS, 40 * MINUTE_MS),
    Schedule(EXPIRE, 7 * DAY_MS, HOUR_MS + 10 * MINUTE_MS),
    Schedule(ARMS, DAY_MS, 5 * HOUR_MS + 25 * MINUTE_MS),
    Schedule(RESTATE, DAY_MS, 5 * HOUR_MS + 55 * MINUTE_MS),
)


class Keeping:
    """What the clock sends and workers do."""

    def __init__(self, wiring: Wiring, *, heartbeat_ms: int = HEARTBEAT_MS) -> None:
        self._wiring, self._heartbeat_ms = wiring, heartbeat_ms
        namespace = wiring.settings.namespace
        self.times, self.runs = Times(wiring.redis, namespace), Runs(wiring.redis, namespace)
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

    def send(self, job: str, due_ms: int) -> None:
        """Puts a job into the queue that was due then. Raises UnavailableError."""
        with translated():
            self.broker.get_actor(ACTOR).send(job, due_ms)

    def do(self, job: str, due_ms: int) -> None:
        """Rotates, expires, looks or restates, unless that was done for this time or a later one. A job that is cut
        short is done again from where it was. Raises ValueError for another job."""
        known = {ROTATE: self._rotate, EXPIRE: self._expire, ARMS: self._look, RESTATE: self._restate}
        work = known.get(job)
        if work is None or not isinstance(due_ms, int):
            raise ValueError(f"job: none of {', '.join(known)}, or due at no time")
        if (self.times.done(job) or 0) < due_ms:
            self._told(job, work)
            self.times.mark_done(job, due_ms)

    def _told(self, job: str, work: Callable[[], int]) -> None:
        began = time.time_ns() // 1_000_000

        def tell(state: str, done: int = 0, error: str | None = None) -> None:
            self.runs.tell(job, Run(state, began, time.time_ns() // 1_000_000, done, done, None, error))

        tell("running")
        try:
            done = work()
        except BaseException as error:
            tell("interrupted" if isinstance(error, Shutdown) else "failed", error=type(error).__name__)
            raise
        tell("done", done)

    def _rotate(self) -> int:
        expire_day_keys(self._wiring, moment(time.time_ns() // 1_000_000))
        return rotate(self._wiring).rewrapped

    def _expire(self) -> int:
        done = expire(self._wiring)
        return len(done.periods) + done.visitors + done.receipts + done.day_keys

    def _look(self) -> int:
        return arm_shares.look(self._wiring, moment(time.time_ns() // 1_000_000))

    def _restate(self) -> int:
        return len(restating.restate(self._wiring).new)
