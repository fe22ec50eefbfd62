"""The worker process: takes jobs from the queues and does them, one of each kind at a time."""

import logging
import threading

import dramatiq
from redis.exceptions import RedisError

from app.jobs.erasing import Erasing
from app.jobs.keeping import Keeping
from app.jobs.training import Training
from app.wiring import Wiring

LOGGER = logging.getLogger("bespoke.jobs")
LOOK_EVERY_MS = 1_000
#: A training that is cut short puts itself back in this time, or else another worker finds it.
STOP_MS = 10_000


def follow(wiring: Wiring, stop: threading.Event) -> None:
    """Works until ``stop`` is set, through restarts of the servers. A job that is under way then goes back into the
    queue."""
    with wiring.shards.watched():
        worker = dramatiq.Worker(Training(wiring).broker, worker_threads=1, worker_timeout=LOOK_EVERY_MS)
        worker.queue_prefetch = 1  # others may take what this one cannot do yet
        eraser = dramatiq.Worker(Erasing(wiring).broker, worker_threads=1, worker_timeout=LOOK_EVERY_MS)
        eraser.queue_prefetch = 1
        keeper = dramatiq.Worker(Keeping(wiring).broker, worker_threads=1, worker_timeout=LOOK_EVERY_MS)
        for each in (worker, eraser, keeper):
            each.start()
        stop.wait()
        for each in (eraser, keeper, worker):
            try:
                each.stop(timeout=STOP_MS)
            except RedisError as error:
                LOGGER.warning("jobs could not be put back: %s", type(error).__name__)
