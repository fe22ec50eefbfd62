"""``bespoke train --model blend``: from a real log to artefacts in use."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from app import load as loading
from app.demo import eshop
from app.intake import take
from app.training import blend as train_blend
from app.wiring import Wiring
from ml.artefacts import open_
from ml.lessons import TooLittleError
from ml.score.blend import load, score

pytest.importorskip("torch", reason="needs the extra 'train'")
BATCHES = 4


def silent(words: str) -> Callable[[float], None]:
    return lambda part: None


@pytest.fixture
def clicked(wiring: Wiring) -> Wiring:
    """Some of the shop's real clicks, recorded."""
    bus, segment = wiring.bus(), wiring.channels()["segment"]
    for _, headers, body in islice(loading.clicks(eshop.DATA, shift_days=0), BATCHES):
        take(bus, segment, headers, body)
    return wiring


def test_nothing_recorded_is_too_little(wiring: Wiring) -> None:
    with pytest.raises(TooLittleError, match="no two sessions"):
        train_blend.run(wiring, silent, quick=True)


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_blend_is_trained_from_the_log_goes_on_after_a_kill_and_is_served(clicked: Wiring) -> None:
    folder = clicked.settings.models_folder()
    told: list[str] = []

    def dies(words: str) -> Callable[[float], None]:
        told.append(words)
        if words.startswith("blend: weighing"):
            raise Killed
        return lambda part: None

    with pytest.raises(Killed):
        train_blend.run(clicked, dies, quick=True)
    kept = {path.name for path in clicked.settings.checkpoints_folder().iterdir()}
    assert any("session-earlier" in name for name in kept)
    assert clicked.models.in_use("blend") is None

    trained = train_blend.run(clicked, silent, quick=True)
    assert not list(clicked.settings.checkpoints_folder().iterdir())
    assert clicked.models.in_use("blend") == trained.digest
    again = train_blend.run(clicked, silent, quick=True)
    assert again.digest == trained.digest, "the same log and seed make the same models, killed or not"

    artefact = open_(folder, trained.digest)
    assert artefact.manifest.position.shards == tuple(log.head() for log in clicked.customers)
    assert {"ndcg@10", "ece"} <= artefact.manifest.metrics.keys()
    assert artefact.manifest.config["notes"]["worth"].keys() >= {"session", "ncf", "vstan"}
    served = load(folder, artefact)
    found = score(served, np.array([1, 2], np.int32), np.arange(10, dtype=np.int32))
    assert np.isfinite(found.total).all()
    assert trained.metrics["hr@20"] > 0.2
