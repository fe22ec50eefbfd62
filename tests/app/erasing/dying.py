"""``python -m tests.app.erasing.dying``: erases, and is killed at each place, a process each time.

Each line of its input is a request and places, ``STEP:WHEN``, in the order of the steps; it answers with ``killed``, or
with the place where nothing was. One process forks them all, before it has opened anything: importing takes longer than
what is to be killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn
from uuid import UUID

from app.erasing.erase import STEPS, erase
from app.erasing.later import LOOKS, follow_up
from app.settings import Settings
from app.wiring import Wiring
from domain.privacy import LATER, NOW, Step

BEFORE, BETWEEN = "before", "between"
#: Within a step: the module and the name of what it is killed at.
WITHIN = {
    f"{Step.CLOSE.value}:saving": ("app.erasing.close", "_save"),
    f"{Step.KEYS.value}:entering": ("app.erasing.keys", "enter"),
    f"{Step.REDIS.value}:settling": ("projections.settle", "Settler.settle"),
    f"{Step.STATISTICS.value}:switching": ("app.projecting.lifecycle", "switch"),
    f"{Step.STATISTICS.value}:dropping": ("app.projecting.lifecycle", "drop"),
    f"{Step.STATISTICS.value}:rewriting": ("app.erasing.later", "rewrite_files"),
}


def places_of(steps: tuple[Step, ...]) -> list[str]:
    """In the order in which an erasure comes to them: before what a step does, within it, and between that and its
    record."""
    found: list[str] = []
    for step in steps:
        within = [place for place in WITHIN if place.startswith(f"{step.value}:")]
        found += [f"{step.value}:{BEFORE}", *within, f"{step.value}:{BETWEEN}"]
    return found


PLACES = places_of((*NOW, *LATER))


def main() -> None:
    """Until its input ends."""
    for line in sys.stdin:
        request, *places = line.split()
        lived = next((place for place in places if _ended(UUID(request), place) != signal.SIGKILL), "killed")
        print(lived, flush=True)


def _ended(request: UUID, place: str) -> int:
    """The signal that ended a child, 0 where it was none."""
    child = os.fork()
    if not child:
        _die(request, place)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _die(request: UUID, place: str) -> NoReturn:
    step, when = Step(place.partition(":")[0]), place.partition(":")[2]
    try:
        steps, looks = dict(STEPS), dict(LOOKS)
        if place in WITHIN:
            _plant(*WITHIN[place])
        else:
            of: dict[Step, Any] = steps if step in steps else looks
            of[step] = _killed(of[step] if when == BETWEEN else None)
        with Wiring(Settings(), own_servers=False) as wiring:
            erase(wiring, [request], steps)
            follow_up(wiring, looks=looks)
    finally:
        os._exit(1)


def _plant(module: str, name: str) -> None:
    """Whoever calls it dies."""
    *path, last = name.split(".")
    owner: Any = import_module(module)
    for each in path:
        owner = getattr(owner, each)
    setattr(owner, last, _killed(None))


def _killed(work: Callable[..., object] | None) -> Callable[..., Any]:
    def die(*given: Any, **named: Any) -> None:
        if work is not None:
            work(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    return die


if __name__ == "__main__":
    main()
