"""Long evaluations that go on after a kill: what was measured already, and the states of trainings, in a folder."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.evaluation.formats import Files
from app.evaluation.measured import Measured, measured
from ml.checkpoints import Checkpoints
from ml.evaluation.ranking import Ranked
from ml.evaluation.task import Task
from ml.sequences import Sequences

ID_DIGITS = 16
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Work:
    """``run``: says which files, of what format, in which mode; nothing of another run is gone on from."""

    folder: Path
    run: str

    def checkpoints(self, seed: int, model: str) -> Checkpoints:
        """Where the state of a training is."""
        return Checkpoints(self.folder / "trainings", f"{self.run}-{seed}-{model}")

    def find(self, task: Task, seed: int, model: str) -> Measured | None:
        """What this model did, if that is known."""
        found = self._result(seed, model).load()
        if found is None:
            return None
        queries = task.queries.take(found["asked"])
        ranked = Ranked(queries, Sequences(queries.targets.indptr, found["ranks"]), found["lists"])
        about = json.loads(found["about"].tobytes())
        return measured(model, ranked, task, about["train_s"], about["predict_s"], about["notes"])

    def keep(self, seed: int, done: Measured, asked: "np.ndarray[Any, Any]") -> None:
        """``asked``: which of the task's queries. Raises OSError."""
        about: Mapping[str, Any] = {"train_s": done.train_s, "predict_s": done.predict_s, "notes": dict(done.notes)}
        self._result(seed, done.model).save(
            {
                "asked": asked,
                "ranks": done.ranked.ranks.items,
                "lists": done.ranked.lists,
                "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
            }
        )

    def _result(self, seed: int, model: str) -> Checkpoints:
        return Checkpoints(self.folder / "results", f"{self.run}-{seed}-{model}")


def work_in(folder: Path, files: Files, quick: bool) -> Work:
    """The work on these files. Raises OSError."""
    digest = hashlib.sha256(f"{files.kind} {files.split} {quick}".encode())
    for path in (files.train, files.test, files.attributes):
        digest.update(b"|")
        if path is not None:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    digest.update(block)
    return Work(folder, digest.hexdigest()[:ID_DIGITS])
