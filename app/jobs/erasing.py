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
from app.wiring import Wiring

QUEUE, ACTOR = "erasures", "erase"
LIMIT_MS = 3_600_000
#: So long a request is with somebody before it is put into the queue again: a worker may have lost it.
AGAIN_S = 60.0


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
        dramatiq.actor(broker=broker, actor_name=ACTOR, queue_name=QUEUE, time_limit=LIMIT_MS)(self.do)
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

    def do(self, numbers: list[str]) -> None:
        """Does all that these requests lack; those that are done, or may not begin, are left as they are."""
        erase(self._wiring, [UUID(number) for number in numbers])
