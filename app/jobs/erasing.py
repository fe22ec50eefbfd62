"""Erasures as jobs: requests in batches, in a queue and a thread of their own, so that no training is waited for."""

import time
from collections.abc import Sequence
from functools import cached_property
from uuid import UUID

import dramatiq
from dramatiq.broker import Broker

from adapters import jobs
from adapters.jobs import HEARTBEAT_MS, Queues
from adapters.redis import translated
from app.erasing.erase import BATCH, erase
from app.erasing.later import follow_up
from app.jobs.schedule import DAY_MS, HOUR_MS, MINUTE_MS, Schedule
from app.wiring import Wiring

QUEUE, ACTOR, FOLLOW_UP = "erasures", "erase", "follow-up"
DAILY, HOURLY = "erasures-daily", "erasures-hourly"
LIMIT_MS = 3_600_000
#: So long a request is with somebody before it is put into the queue again: a worker may have lost it.
AGAIN_S = 60.0


def schedules(hour: int, minute: int) -> tuple[Schedule, ...]:
    """What is pending is looked at hourly, half an hour before trainings; statistics daily, before the full one."""
    offset = (minute + 30) % 60
    before = (hour - (minute < 30)) % 24
    daily = Schedule(DAILY, DAY_MS, before * HOUR_MS + offset * MINUTE_MS)
    return daily, Schedule(HOURLY, HOUR_MS, offset * MINUTE_MS)


class Erasing:
    """What the clock sends and workers do."""

    def __init__(self, wiring: Wiring, *, heartbeat_ms: int = HEARTBEAT_MS) -> None:
        self._wiring, self._heartbeat_ms = wiring, heartbeat_ms
        self.queues = Queues(wiring.redis, wiring.settings.namespace, QUEUE)
        self._sent: dict[UUID, float] = {}

    @cached_property
    def broker(self) -> Broker:
        """With the one actor. Raises UnavailableError."""
        broker = jobs.connect(self._wiring.redis_url, self._wiring.settings.namespace, heartbeat_ms=self._heartbeat_ms)
        for name, work in ((ACTOR, self.do), (FOLLOW_UP, self.follow_up)):
            dramatiq.actor(broker=broker, actor_name=name, queue_name=QUEUE, time_limit=LIMIT_MS)(work)
        return broker

    def send(self, requests: Sequence[UUID]) -> None:
        """Puts these requests into the queue. Raises UnavailableError."""
        with translated():
            for start in range(0, len(requests), BATCH):
                numbers = [str(number) for number in requests[start : start + BATCH]]
                self.broker.get_actor(ACTOR).send(numbers)

    def send_due(self) -> int:
        """All requests for which there is something to do now; how many. Raises UnavailableError."""
        now = time.monotonic()
        self._sent = {number: at for number, at in self._sent.items() if now - at < AGAIN_S}
        due = self._wiring.erasures.due(time.time_ns() // 1_000_000, 100_000)
        new = [number for number in due if number not in self._sent]
        self.send(new)
        self._sent |= dict.fromkeys(new, now)
        return len(new)

    def send_follow_up(self, job: str, due_ms: int) -> None:
        """Puts what is pending into the queue; daily with statistics. Raises UnavailableError."""
        with translated():
            self.broker.get_actor(FOLLOW_UP).send(job, due_ms)

    def follow_up(self, job: str, due_ms: int) -> None:
        """Statistics, training sets, models and topics of those who were erased."""
        follow_up(self._wiring, rebuild=job == DAILY)

    def do(self, numbers: list[str]) -> None:
        """Does all that these requests lack; those that are done, or may not begin, are left as they are."""
        erase(self._wiring, [UUID(number) for number in numbers])
