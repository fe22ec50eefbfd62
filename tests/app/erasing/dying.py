"""``python -m tests.app.erasing.dying REQUEST STEP:WHEN …``: erases, and is killed at each step, a process each time.

One process forks them all, before it has opened anything: importing takes longer than what is to be killed.
"""

import os
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn
from uuid import UUID

from app.erasing.erase import STEPS, erase
from app.erasing.work import Counts, Todo
from app.settings import Settings
from app.wiring import Wiring
from domain.privacy import Step

BEFORE, BETWEEN = "before", "between"


def main(request: UUID, places: list[str]) -> int:
    """0 where each was killed by the signal."""
    return int(any(_ended(request, *place.split(":")) != signal.SIGKILL for place in places))


def _ended(request: UUID, step: str, when: str) -> int:
    """The signal that ended a child, 0 where it was none."""
    child = os.fork()
    if not child:
        _die(request, Step(step), when)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _die(request: UUID, step: Step, when: str) -> NoReturn:
    """``before`` what the step does, or ``between`` that and its record."""

    def die(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
        if when == BETWEEN:
            STEPS[step](wiring, todo)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("dead")

    try:
        with Wiring(Settings(), own_servers=False) as wiring:
            erase(wiring, [request], {**STEPS, step: die})
    finally:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main(UUID(sys.argv[1]), sys.argv[2:]))
