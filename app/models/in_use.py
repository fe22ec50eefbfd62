"""The artefacts that answers are made of, as they are promoted."""

import logging
from pathlib import Path

from ml.artefacts import Artefact, ArtefactError, InUse, open_
from ml.bandit.model import Config, Posterior
from ml.nextitem import model as nextitem
from ml.score import blend
from ml.score.scorer import open_scorer
from queries.recommend.assemble import Bandit, Model, Models

LOGGER = logging.getLogger("bespoke.models")
BANDIT = "bandit"


def bandit_of(artefact: Artefact) -> Bandit:
    """The posterior of an artefact, its arrays mapped. Raises ArtefactError."""
    arrays = artefact.arrays
    parts = (arrays[name] for name in ("means", "precisions", "shown", "clicked"))
    return Bandit(artefact.digest, artefact.item_names(), Posterior(artefact.config(Config), *parts))


class ModelsInUse:
    """Looks at the registry of a folder: a ``stat`` a slot while nothing changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = InUse(folder, nextitem.KIND, lambda artefact: artefact.config(nextitem.Config))
        self._blend = InUse(folder, blend.KIND, self._opened)
        self._bandit = InUse(folder, BANDIT, bandit_of)

    def get(self) -> Models:
        """Equal to the one before until another artefact is in use."""
        return Models(self._config.get() or nextitem.Config(), self._blend.get(), self._bandit.get())

    def opened(self, digest: str) -> Model | None:
        """A blend by its hash, such as an arm of an experiment names; None where it cannot be opened."""
        try:
            return self._opened(open_(self._folder, digest))
        except ArtefactError:
            LOGGER.error("an arm of an experiment names a model that is not there: %s", digest)
            return None

    def _opened(self, artefact: Artefact) -> Model:
        return Model(artefact.digest, open_scorer(self._folder, artefact), artefact.item_names())
