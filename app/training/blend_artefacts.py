"""What the trainings of the blend keep beside it: all that it takes to go on from the artefact alone."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.training.training_set import TrainingSet
from app.wiring import Wiring
from ml.artefacts import Artefact, ArtefactError, Draft, Position, open_, write
from ml.recipes import Made
from ml.score.blend import KIND, load

LOGGER = logging.getLogger("bespoke.train")
REST = "rest"
ROLE = "rest:"


def rests(folder: Path, made: Mapping[str, Made], position: Position) -> dict[str, str]:
    """Writes what each model takes to go on; the artefacts by role. Raises ArtefactError."""
    found = {}
    for name, each in made.items():
        draft = Draft(REST, {"model": name, "trained_with": dict(each.trained_with)}, each.rest, position=position)
        found[ROLE + name] = write(folder, draft).digest
    return found


def in_use(wiring: Wiring) -> Artefact | None:
    """The blend in use; None also where it is damaged, as then anything is better."""
    try:
        digest = wiring.models.in_use(KIND)
        return open_(wiring.settings.models_folder(), digest) if digest else None
    except ArtefactError as error:
        LOGGER.warning("the blend in use cannot be read: %s", error)
        return None


def made_of(folder: Path, artefact: Artefact) -> dict[str, Made]:
    """The members of a blend, ready to go on. Raises ArtefactError where it has not what that takes."""
    models, members = load(folder, artefact).models, artefact.manifest.members
    found = {}
    for name, model in models.items():
        if ROLE + name not in members:
            raise ArtefactError(f"{name}: was stored without what it takes to go on")
        rest = open_(folder, members[ROLE + name])
        trained_with = rest.manifest.config.get("trained_with")
        if rest.manifest.kind != REST or not isinstance(trained_with, dict):
            raise ArtefactError(f"{name}: was stored with something else than it takes to go on")
        found[name] = Made(model, trained_with, {each: np.array(array) for each, array in rest.arrays.items()})
    return found


def position_of(found: TrainingSet) -> Position:
    """What a model has learned from that was trained on this set."""
    positions = found.positions
    return Position(positions.shards, positions.epoch, positions.catalogue, found.examples.digest())
