"""A worker whose training stands still at one step until it is killed, and goes on from there when it is done again."""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np

from adapters.quiet import without_values
from app.jobs import training, worker
from app.settings import Settings
from app.training import next_item as trainer
from app.wiring import Wiring
from ml.artefacts import Draft, write
from ml.checkpoints import Checkpoints
from ml.nextitem.evaluate import Ranking
from ml.nextitem.model import KIND, Config

STEPS, STANDS_AT = 10, 6
HEARTBEAT_MS = 2_000


def slowly(folder: Path) -> Callable[..., trainer.Trained]:
    """The first run leaves a file and waits for its end; a later one writes which steps it did."""

    def run(
        wiring: Wiring, read: Callable[[int], None], tried: Callable[[], None], *, increment: bool
    ) -> trainer.Trained:
        kept = Checkpoints(wiring.settings.checkpoints_folder(), "next-item")
        state = kept.load() or {"step": np.array(0)}
        begun = int(state["step"])
        for step in range(begun, STEPS):
            read(1)
            kept.save({"step": np.array(step + 1)})
            if step + 1 == STANDS_AT and begun == 0:
                (folder / "stands").touch()
                while True:  # an interrupt is raised between two waits
                    threading.Event().wait(0.05)
        kept.clear()
        digest = write(wiring.settings.models_folder(), Draft(KIND, Config(), origin={"begun": str(begun)})).digest
        wiring.models.promote(digest)
        return trainer.Trained(digest, Config(), Ranking(0, 0, 0), 0, {})

    return run


def main(folder: Path) -> None:
    """Works until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    logging.getLogger().handlers[0].addFilter(without_values)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    made = training.Training
    with (
        Wiring(Settings(), own_servers=False) as wiring,
        patch.object(trainer, "run", slowly(folder)),
        patch.object(worker, "Training", lambda wiring: made(wiring, heartbeat_ms=HEARTBEAT_MS)),
    ):
        worker.follow(wiring, stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
