"""Training of the blend: the training set, folded from the log, teaches every model; what comes out is one artefact."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.evaluation.run import Kitchen, Steps
from app.training import training_set
from app.training.begun import begin, forget
from app.training.blend_artefacts import in_use, position_of, rests
from app.training.promoting import settle
from app.wiring import Wiring
from ml.checkpoints import Checkpoints
from ml.evaluation.metrics import by_query, means
from ml.evaluation.ranking import rank
from ml.gate import GATED, Worse
from ml.lessons import TooLittleError, task_of
from ml.score.blend import KIND, store
from projections.examples import Rules

SEED = 0


@dataclass(frozen=True, slots=True)
class TrainedBlend:
    """The artefact's hash; how good the blend was on the latest tenth of the sessions, when it had learned from the
    earlier ones alone; what is to be said of its members; why it is ``held``, if it is; and how long all took."""

    digest: str
    metrics: Mapping[str, float]
    notes: Mapping[str, Any]
    held: list[Worse]
    seconds: float


def run(
    wiring: Wiring,
    steps: Steps,
    read: Callable[[int], None] = lambda n: None,
    *,
    quick: bool = False,
    force: bool = False,
) -> TrainedBlend:
    """Trains, stores the artefacts, and puts the blend into use, unless it is worse than the one that is. A training
    that was killed goes on where it was, with the data that it began with. Raises TooLittleError, ArtefactError,
    UnavailableError."""
    began_s, state = time.monotonic(), wiring.settings.checkpoints_folder()
    name = f"blend-{'quick' if quick else 'full'}"
    found = training_set.read(wiring, Rules(), read, begin(state, name, training_set.heads(wiring)))
    try:
        task = task_of(found.examples, found.names.skus, found.items)
    except TooLittleError:
        forget(state, name)  # when there is more, it is to be read
        raise
    run_id = f"{name}-{found.examples.digest()[:16]}"
    kitchen = Kitchen(task, SEED, quick, steps, lambda model: Checkpoints(state, f"{run_id}-{model}"))
    with wiring.tracker.run(KIND, {"seed": SEED, "quick": quick, "examples": len(found.examples)}) as told:
        blend, earlier, notes = kitchen.blend()
        metrics = means(by_query(rank(earlier, task.later))) | {"ece": notes["ece"]}
        made, position = kitchen.made(), position_of(found)
        artefact = store(
            wiring.settings.models_folder(),
            blend,
            found.known,
            position,
            metrics,
            {**notes, "until_ms": int(found.examples.at.max())},
            rests(wiring.settings.models_folder(), made, position),
            {"training": "quick" if quick else "full"},
        )
        for metric, value in metrics.items():
            told.metric(metric, value)
        told.tag("artefact", artefact.digest)
    held = settle(wiring, artefact.digest, metrics, _comparable(wiring), force=force)
    forget(state, name)
    return TrainedBlend(artefact.digest, metrics, notes, held, time.monotonic() - began_s)


def _comparable(wiring: Wiring) -> Mapping[str, float] | None:
    """The metrics of the blend in use, if it is one that can be read, as they were when it was last trained in full:
    those of an increment are of other sessions."""
    before = in_use(wiring)
    if before is None:
        return None
    metrics = before.manifest.metrics
    return {name: metrics.get(f"full {name}", metrics[name]) for name in GATED if name in metrics}
