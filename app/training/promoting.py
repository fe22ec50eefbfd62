"""From an artefact that is written to the one in use, unless it is worse than that."""

import logging
import time
from collections.abc import Mapping

from app.wiring import Wiring
from ml.artefacts import ArtefactError, prune
from ml.gate import Worse, worse

LOGGER = logging.getLogger("bespoke.train")


def settle(
    wiring: Wiring, digest: str, new: Mapping[str, float], in_use: Mapping[str, float] | None, *, force: bool
) -> list[Worse]:
    """Puts an artefact into use; or, where its metrics on later data are worse than those ``in_use`` by more than the
    setting tolerates, and nobody says ``force``, notes that it is held. Gives what is worse: nothing, if it is in use.
    Then clears away what nobody can come back to. Raises ArtefactError."""
    found = [] if force or in_use is None else worse(new, in_use, wiring.settings.train_tolerance)
    at_ms = time.time_ns() // 1_000_000
    if found:
        wiring.models.hold(digest, at_ms=at_ms, by="train")
        LOGGER.warning("model %s is held: %s", digest[:12], in_words(found))
    else:
        wiring.models.promote(digest, at_ms=at_ms, by="train")
    try:
        prune(wiring.settings.models_folder())
    except ArtefactError as error:  # what was made is in use all the same
        LOGGER.warning("old models stay: %s", error)
    return found


def in_words(found: list[Worse]) -> str:
    """What is worse, and by how much."""
    return ", ".join(f"{each.metric} {each.new:.4f} against {each.in_use:.4f}" for each in found)
