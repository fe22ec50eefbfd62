"""An increment of the blend: from the artefact in use to the next, by what was recorded since.

Neural members go once over the new sessions, at a lower rate; members that count are counted anew; weights and
calibration stay. Both blends are asked about the latest tenth of the new sessions, which neither has had by then.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from msgspec import ValidationError
from numpy.typing import NDArray

from app.evaluation.run import Steps
from app.training import training_set
from app.training.begun import begin, forget
from app.training.blend import SEED, TrainedBlend
from app.training.blend_artefacts import in_use, made_of, position_of, rests
from app.training.promoting import settle
from app.wiring import Wiring
from ml.artefacts import Artefact, ArtefactError
from ml.blend.score import Blend
from ml.checkpoints import Checkpoints
from ml.evaluation.metrics import by_query, means
from ml.evaluation.ranking import rank
from ml.gate import GATED
from ml.lessons import Since, TooLittleError, since
from ml.ranker import Lessons, Progress
from ml.recipes import RECIPES, Made, More, NotForThisError
from ml.renamed import Renamed, places
from ml.score.blend import KIND, load, store
from projections.examples import Rules

NAME = "blend-increment"


def run(
    wiring: Wiring, steps: Steps, read: Callable[[int], None] = lambda n: None, *, force: bool = False
) -> TrainedBlend:
    """Goes on from the blend in use, stores the artefacts, and puts the new blend into use, unless it is worse. One
    that was killed goes on where it was, with the data that it began with. Raises TooLittleError where there is nothing
    to go on from or to learn; NotForThisError, ArtefactError, UnavailableError."""
    began_s, folder = time.monotonic(), wiring.settings.models_folder()
    parent = _parent(wiring)
    state = wiring.settings.checkpoints_folder()
    found = training_set.read(wiring, Rules(), read, begin(state, NAME, training_set.heads(wiring)))
    run_id = f"{NAME}-{parent.digest[:16]}-{found.examples.digest()[:16]}"
    learner = _Learner(made_of(folder, parent), steps, lambda model: Checkpoints(state, f"{run_id}-{model}"))
    names, position = found.names.skus, position_of(found)
    try:
        lessons = since(found.examples, names, found.items, parent.manifest.config["notes"]["until_ms"])
    except TooLittleError:
        forget(state, NAME)
        raise
    known = places(names, parent.item_names())
    before = load(folder, parent)
    params = {"seed": SEED, "parent": parent.digest, "sessions": len(lessons.new.sequences)}
    with wiring.tracker.run(KIND, params) as told:
        earlier = learner.learn("earlier", lessons.earlier, lessons.new_earlier, known)
        metrics = _metrics(replace(before, models=_models(earlier)), lessons)
        of_parent = _metrics(Renamed(before, known), lessons)
        made = learner.learn("final", lessons.lessons, lessons.new, known)
        notes: dict[str, Any] = dict(parent.manifest.config["notes"])
        artefact = store(
            folder,
            replace(before, models=_models(made)),
            found.known,
            position,
            metrics | _in_full(parent.manifest.metrics),
            notes | {"until_ms": int(found.examples.at.max())},
            rests(folder, made, position),
            {"training": "increment", "parent": parent.digest},
        )
        for metric, value in metrics.items():
            told.metric(metric, value)
        told.tag("artefact", artefact.digest)
    held = settle(wiring, artefact.digest, metrics, of_parent, force=force)
    forget(state, NAME)
    return TrainedBlend(artefact.digest, metrics, notes, held, time.monotonic() - began_s)


def is_current(wiring: Wiring) -> bool:
    """Whether there is no blend to go on from, or nothing was recorded since. Raises UnavailableError."""
    artefact = in_use(wiring)
    if artefact is None:
        return True
    now, learned = training_set.heads(wiring), artefact.manifest.position
    return (learned.epoch, learned.shards, learned.catalogue) == (now.epoch, now.shards, now.catalogue)


class _Learner:
    """Brings members up to date, one by one; what was done before a kill is not done again."""

    def __init__(self, made: Mapping[str, Made], steps: Steps, kept: Callable[[str], Checkpoints]) -> None:
        self._made, self._steps, self._kept = made, steps, kept

    def learn(self, part: str, lessons: Lessons, new: Lessons, known: NDArray[np.int64]) -> dict[str, Made]:
        """Every member, after these lessons. Raises NotForThisError."""
        more, found = More(lessons, new, known), {}
        for name, made in self._made.items():
            told = _told(self._steps(f"{name}: going on ({part})"))
            try:
                found[name] = RECIPES[name].again(made, more, SEED, told, self._kept(f"{name}-{part}"))
            except NotForThisError:
                raise
            except (ValueError, ValidationError) as error:
                raise ArtefactError(f"{name}: {error}") from error
        return found


def _parent(wiring: Wiring) -> Artefact:
    """Raises TooLittleError, ArtefactError."""
    found = in_use(wiring)
    if found is None:
        raise TooLittleError("no blend is in use to go on from; train one in full")
    if not isinstance(found.manifest.config.get("notes", {}).get("until_ms"), int):
        raise TooLittleError("the blend in use does not say until when it learned; train one in full")
    return found


def _told(tell: Callable[[float], None]) -> Progress:
    return lambda words, part: tell(part)


def _models(made: Mapping[str, Made]) -> dict[str, Any]:
    return {name: each.model for name, each in made.items()}


def _metrics(model: Blend | Renamed, lessons: Since) -> dict[str, float]:
    return means(by_query(rank(model, lessons.later)))


def _in_full(metrics: Mapping[str, float]) -> dict[str, float]:
    """What the next full training is compared with."""
    return {f"full {name}": metrics.get(f"full {name}", metrics[name]) for name in GATED if name in metrics}
