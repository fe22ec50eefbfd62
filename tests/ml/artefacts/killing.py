"""Does something again and again, killed with SIGKILL some lines of our code later each time, until it is through.

Each time, what is on disk must be fit for use. Run as a program, because it forks: WHAT FOLDER LINES; with LINES 1 it
is killed at every line. Prints how often it was killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from ml.artefacts import Draft, Registry, digests, open_, prune, write
from ml.checkpoints import Checkpoints

ML = f"{os.sep}ml{os.sep}"
#: What touches files. The manifest is made in memory alone.
OURS = tuple(f"{ML}artefacts{os.sep}{name}.py" for name in ("files", "store", "registry", "prune"))
OURS += (f"{ML}checkpoints.py",)
SLOT = "next-item"
STEP = int(sys.argv[3]) if __name__ == "__main__" else 1


def draft(number: int) -> Draft:
    arrays = {"weights": np.arange(6, dtype=np.float32) + number, "rows": np.arange(number, dtype=np.int32)}
    return Draft("next-item", {"number": number}, arrays, ("a", "b"), metrics={"hr@20": number / 100})


def killed_after(lines: int, action: Callable[[], object]) -> bool:
    """Whether the action was cut short after so many lines."""
    child = os.fork()
    if not child:
        left = lines

        def count(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal left
            if not frame.f_code.co_filename.endswith(OURS):
                return None
            left -= event == "line"
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return count

        sys.settrace(count)
        action()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def every_line(action: Callable[[], object], check: Callable[[], object]) -> int:
    """Kills after more and more lines; ``check`` looks each time. How often."""
    times = 0
    while killed_after(times * STEP, action):
        check()
        times += 1
    check()
    return times


def models(folder: Path) -> int:
    """Writing, promoting, rolling back and deleting."""
    registry = Registry(folder)
    old = write(folder, draft(1)).digest
    registry.promote(old)
    new = write(folder / "elsewhere", draft(2)).digest
    damaged = folder / new / "weights.bin"

    def check() -> None:
        for digest in digests(folder):
            open_(folder, digest).verify()
        assert registry.in_use(SLOT) in (old, new)

    def check_and_tidy() -> None:
        check()
        prune(folder, spared_s=0)
        assert sorted(path.name for path in folder.iterdir() if path.name[0] == ".") == []

    def back_and_forth() -> None:
        registry.promote(new)
        registry.roll_back(SLOT)

    def renew() -> None:
        write(folder, draft(2))

    times = every_line(lambda: registry.promote(write(folder, draft(2)).digest), check_and_tidy)
    assert registry.in_use(SLOT) == new
    times += every_line(back_and_forth, check)
    assert registry.in_use(SLOT) == old
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    times += every_line(renew, lambda: open_(folder, old).verify())
    open_(folder, new).verify()
    write(folder, draft(3))
    times += every_line(lambda: prune(folder, spared_s=0), check)
    assert digests(folder) == [old]
    return times


def checkpoints(folder: Path) -> int:
    """Saving over what was saved."""
    kept = Checkpoints(folder, "run")
    kept.save({"step": np.array(1)})

    def check() -> None:
        found = kept.load()
        assert found is not None and int(found["step"]) in (1, 2)

    return every_line(lambda: kept.save({"step": np.array(2)}), check)


if __name__ == "__main__":
    print({"models": models, "checkpoints": checkpoints}[sys.argv[1]](Path(sys.argv[2])))
