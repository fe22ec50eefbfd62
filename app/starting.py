"""How a process that stays begins: it waits for servers that are away, as it does later while it runs."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import redis
from eventsourcing import persistence

from adapters.embedded import NoAnswerError
from adapters.quiet import quiet
from app.settings import Settings
from app.wiring import Wiring
from commands.ports import UnavailableError

LOGGER = logging.getLogger("bespoke.starting")
LIMIT_S = 60.0
RETRY_S = 0.2
#: Servers that do not answer. What they answer (a right is missing, a setting is wrong) is told at once.
AWAY = (
    *(UnavailableError, NoAnswerError, ConnectionError),
    *(persistence.OperationalError, persistence.InterfaceError),
    *(psycopg.OperationalError, psycopg.InterfaceError),
    *(redis.ConnectionError, redis.TimeoutError),
)


@contextmanager
def started(
    settings: Settings, build: Callable[[Wiring], object] = lambda wiring: None, *, limit_s: float = LIMIT_S
) -> Iterator[Wiring]:
    """A provisioned wiring with what ``build`` asks of it. A server that does not answer is waited for; what is still
    wrong after ``limit_s`` is raised."""
    quiet()
    deadline = time.monotonic() + limit_s
    while (ready := _attempt(settings, build, last=time.monotonic() > deadline)) is None:
        time.sleep(RETRY_S)
    wiring, ends = ready
    with ends:
        yield wiring


def _attempt(settings: Settings, build: Callable[[Wiring], object], *, last: bool) -> tuple[Wiring, ExitStack] | None:
    with ExitStack() as ends:
        try:
            wiring = ends.enter_context(Wiring(settings))
            wiring.provision()
            build(wiring)
        except AWAY as error:
            if last:
                raise
            LOGGER.warning("starting waits: %s", type(error).__name__)
            return None
        return wiring, ends.pop_all()
