"""An increment of the blend that is killed at a step: the process ends itself, so that nothing is tidied up."""

import os
import signal
import sys
from collections.abc import Callable

from app.settings import Settings
from app.training import blend_increment as continue_blend
from app.wiring import Wiring


def steps(words: str) -> Callable[[float], None]:
    if words.startswith(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return lambda part: None


if __name__ == "__main__":
    with Wiring(Settings(), own_servers=False) as wiring:
        continue_blend.run(wiring, steps)
