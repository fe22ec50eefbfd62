"""Generations that nobody projects into and nobody will read: what a killed rebuild has left in Redis."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.alone import Right, alone, holding
from app.projecting import runners
from app.wiring import Wiring

MAKE_LOCK = 0x6D616B65  # "make": shared by all who make generations, and alone whoever deletes those that nobody makes
RETRY_S = 0.1


class _BusyError(Exception):
    """Somebody makes generations, or deletes some, just now."""


@contextmanager
def making(wiring: Wiring) -> Iterator[None]:
    """While it lasts, a generation that is neither live nor kept may be one that is being made. Waits for a ``sweep``.
    Raises UnavailableError."""
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(holding(wiring, [Right(MAKE_LOCK, shared=True)], _BusyError()))
                break
            except _BusyError:
                time.sleep(RETRY_S)
        yield


def sweep(wiring: Wiring) -> list[int]:
    """Deletes generations that were begun and are nobody's; their numbers. None where somebody is making one now.
    Raises UnavailableError."""
    try:
        with alone(wiring, MAKE_LOCK, _BusyError()):
            found = wiring.generations.abandoned(range(len(runners.logs_of(wiring))))
            for generation in found:
                wiring.generations.clear(generation)
            return found
    except _BusyError:
        return []
