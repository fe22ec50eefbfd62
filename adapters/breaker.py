"""Circuit breakers: who does not answer is not asked for a while, so that nobody waits for it."""

import time
from collections.abc import Callable
from enum import StrEnum

FAILURES = 5
PAUSE_S = 0.5


class State(StrEnum):
    """``HALF_OPEN``: the pause is over and one is let through; what comes of that decides."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


class Breaker:
    """Opens after ``failures`` in a row, for ``pause_s``. For one thread, or an event loop.

    Whoever ``allows`` let through says afterwards how it ``succeeded`` or ``failed``; a trial of which nothing is heard
    within another pause counts as failed.
    """

    def __init__(
        self, *, failures: int = FAILURES, pause_s: float = PAUSE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._pause_s, self._clock = failures, pause_s, clock
        self._failures = 0
        self._until: float | None = None
        self.opened = 0

    @property
    def state(self) -> State:
        """As it is now."""
        if self._until is None:
            return State.CLOSED
        return State.OPEN if self._clock() < self._until else State.HALF_OPEN

    def allows(self) -> bool:
        """Whether to ask; when half-open, one who tries."""
        if self._until is None:
            return True
        now = self._clock()
        if now < self._until:
            return False
        self._until = now + self._pause_s
        return True

    def succeeded(self) -> None:
        """Closes it."""
        self._failures, self._until = 0, None

    def failed(self) -> None:
        """One more failure; a trial's opens it again at once."""
        self._failures += 1
        if self._until is not None or self._failures >= self._most:
            self.trip()

    def trip(self) -> None:
        """Opens it: it is known that nobody would answer."""
        if self._until is None:
            self.opened += 1
        self._until = self._clock() + self._pause_s
