"""Where a training began: the positions that it reads the logs up to, kept until it is done, so that one which was
killed goes on with the same data, whatever was recorded meanwhile."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.training.work import Positions
from ml.checkpoints import Checkpoints

#: An older beginning is forgotten: no withdrawal of consent waits longer than this for a training to start anew.
KEPT_MS = 6 * 3_600_000
BEGUN = "-begun"


def begin(folder: Path, name: str, now: Positions, clock: Callable[[], int] = time.time_ns) -> Positions:
    """The positions of the training of that name that was broken off, if it can go on; else those of ``now``, which are
    kept, and the states that an older one has left are cleared away."""
    at_ms, kept = clock() // 1_000_000, Checkpoints(folder, f"{name}{BEGUN}")
    if (before := _before(kept, at_ms)) and _reached(before, now):
        return before
    forget(folder, name)
    kept.save({"shards": np.array(now.shards, np.int64), "numbers": np.array([now.epoch, now.catalogue, at_ms])})
    return now


def forget(folder: Path, name: str) -> None:
    """The training is over: its states go, where it began last of all."""
    for path in sorted(folder.glob(f"{name}-*.npz"), key=lambda path: path.stem.endswith(BEGUN)):
        path.unlink(missing_ok=True)


def _before(kept: Checkpoints, at_ms: int) -> Positions | None:
    try:
        found = kept.load() or {}
        epoch, catalogue, begun_ms = (int(each) for each in found["numbers"])
        before = Positions(epoch, tuple(int(each) for each in found["shards"]), catalogue)
    except (KeyError, TypeError, ValueError):
        return None
    return before if begun_ms <= at_ms < begun_ms + KEPT_MS else None


def _reached(before: Positions, now: Positions) -> bool:
    """Whether the logs are the same, and have not become shorter."""
    if (before.epoch, len(before.shards)) != (now.epoch, len(now.shards)):
        return False
    return all(a <= b for a, b in zip((*before.shards, before.catalogue), (*now.shards, now.catalogue), strict=True))
