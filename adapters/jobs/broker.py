"""The broker: where jobs wait, and what becomes of those that fail."""

import logging
import time
from collections.abc import Callable
from typing import Any

import redis
from dramatiq import Middleware
from dramatiq.broker import Broker, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Shutdown, ShutdownNotifications, TimeLimit

from adapters import redis as redis_adapter
from readmodels import keys

LOGGER = logging.getLogger("bespoke.jobs")
#: After which a worker that says nothing is taken for dead, and its jobs go to others.
HEARTBEAT_MS = 30_000
#: Of a million commands of workers so many look for dead ones.
MAINTENANCE = 100_000
MOST_RETRIES = 5
FIRST_RETRY_MS, LONGEST_RETRY_MS = 30_000, 3_600_000
AGAIN_MS = 1_000
RETRY_S = 1.0


def connect(url: str, namespace: str, *, heartbeat_ms: int = HEARTBEAT_MS) -> Broker:
    """A broker on that Redis or cluster. Raises UnavailableError where no node of a cluster answers."""
    made: Any = RedisBroker  # which has no types
    broker: Broker = made(
        client=redis_adapter.connect(url),
        namespace=keys.jobs(namespace),
        heartbeat_timeout=heartbeat_ms,
        maintenance_chance=MAINTENANCE,
        middleware=[TimeLimit(), ShutdownNotifications(), BackOff()],
    )
    return broker


class BackOff(Middleware):
    """A job that fails is done again later, and later still the next time; the last time it is kept as failed. One that
    its worker's end cuts short goes back as it was. While Redis does not answer, that is tried until it does."""

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if isinstance(exception, Shutdown):
            _insist(lambda: broker.enqueue(message, delay=AGAIN_MS))  # type: ignore[arg-type]
        elif exception is not None:
            retries = message.options.get("retries", 0)
            message.options["error"] = type(exception).__name__
            if retries >= MOST_RETRIES:
                message.fail()
                return
            message.options["retries"] = retries + 1
            delay = min(FIRST_RETRY_MS * 2**retries, LONGEST_RETRY_MS)
            _insist(lambda: broker.enqueue(message, delay=delay))  # type: ignore[arg-type]


def _insist(send: Callable[[], object]) -> None:
    """The old message is given up after this, so the new one has to be there."""
    while True:
        try:
            send()
            return
        except redis.RedisError as error:
            LOGGER.warning("a job waits to be put back: %s", type(error).__name__)
            time.sleep(RETRY_S)
