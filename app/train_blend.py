"""Training of the blend: the training set, folded from the log, teaches every model; what comes out is one artefact."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app import training_set
from app.evaluation.run import Kitchen, Steps
from app.wiring import Wiring
from ml.artefacts import Position
from ml.checkpoints import Checkpoints
from ml.evaluation.metrics import by_query, means
from ml.evaluation.ranking import rank
from ml.lessons import task_of
from ml.score.blend import KIND, store
from projections.examples import Rules

SEED = 0


@dataclass(frozen=True, slots=True)
class TrainedBlend:
    """The artefact's hash; how good the blend was on the latest tenth of the sessions, when it had learned from the
    earlier ones alone; and what is to be said of its members."""

    digest: str
    metrics: Mapping[str, float]
    notes: Mapping[str, Any]


def run(
    wiring: Wiring, steps: Steps, read: Callable[[int], None] = lambda n: None, *, quick: bool = False
) -> TrainedBlend:
    """Trains, stores the artefacts, and puts the blend into use. A training that was killed goes on where it was, if
    nothing was recorded since. Raises TooLittleError, ArtefactError, UnavailableError."""
    found = training_set.read(wiring, Rules(), read)
    task = task_of(found.examples, found.names.skus, found.items.attributes)
    state = wiring.settings.checkpoints_folder()
    run_id = f"{found.examples.digest()[:16]}-{'quick' if quick else 'full'}"
    kitchen = Kitchen(task, SEED, quick, steps, lambda name: Checkpoints(state, f"{run_id}-{name}"))
    with wiring.tracker.run(KIND, {"seed": SEED, "quick": quick, "examples": len(found.examples)}) as told:
        blend, earlier, notes = kitchen.blend()
        metrics = means(by_query(rank(earlier, task.later))) | {"ece": notes["ece"]}
        positions = found.positions
        position = Position(positions.shards, positions.epoch, positions.catalogue, found.examples.digest())
        artefact = store(wiring.settings.models_folder(), blend, task.names, position, metrics, dict(notes))
        for name, value in metrics.items():
            told.metric(name, value)
        told.tag("artefact", artefact.digest)
    wiring.models.promote(artefact.digest, at_ms=time.time_ns() // 1_000_000, by="train")
    for name in kitchen.kept:
        Checkpoints(state, f"{run_id}-{name}").clear()
    return TrainedBlend(artefact.digest, metrics, notes)
