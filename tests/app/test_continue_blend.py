"""``bespoke train --model blend --increment``: from the blend in use to the next, by what was recorded since."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from app import load as loading
from app.demo import eshop
from app.intake import take
from app.jobs.schedule import FULL, INCREMENT
from app.jobs.training import Training
from app.settings import Settings
from app.training import blend as train_blend
from app.training import blend_increment as continue_blend
from app.training.blend_artefacts import made_of
from app.wiring import Wiring
from ml.artefacts import Artefact, Draft, open_, write
from ml.lessons import TooLittleError
from ml.score.blend import KIND, load
from ml.sequences import Sequences
from tests.app.test_cli import answered, bespoke
from tests.namespaces import namespace

pytest.importorskip("torch", reason="needs the extra 'train'")
ROOT = Path(__file__).parents[2]
FIRST, MORE = 4, 3


def silent(words: str) -> Callable[[float], None]:
    return lambda part: None


def record(wiring: Wiring, begin: int, end: int) -> None:
    """Batches of the shop's real clicks, oldest first."""
    bus, segment = wiring.bus(), wiring.channels()["segment"]
    for _, headers, body in islice(loading.clicks(eshop.DATA, shift_days=0), begin, end):
        take(bus, segment, headers, body)


@pytest.fixture(scope="module")
def trained(servers: Wiring, settings: Settings) -> Iterator[tuple[Wiring, Artefact]]:
    """A blend in use, and clicks that were recorded after it."""
    with namespace(settings) as wiring:
        record(wiring, 0, FIRST)
        made = train_blend.run(wiring, silent, quick=True)
        record(wiring, FIRST, FIRST + MORE)
        yield wiring, open_(wiring.settings.models_folder(), made.digest)


@pytest.fixture
def shop(trained: tuple[Wiring, Artefact]) -> Iterator[tuple[Wiring, Artefact]]:
    """With the parent in use, whatever came before."""
    wiring, parent = trained
    wiring.models.promote(parent.digest)
    yield wiring, parent
    for path in wiring.settings.checkpoints_folder().glob("*"):
        path.unlink()


def test_without_a_blend_there_is_nothing_to_go_on_from(wiring: Wiring) -> None:
    assert continue_blend.is_current(wiring)
    with pytest.raises(TooLittleError, match="no blend is in use"):
        continue_blend.run(wiring, silent)
    done = bespoke("train", "--model", "blend", "--increment", settings=wiring.settings)
    assert done.returncode == 1 and "train one in full" in done.stderr


def test_an_increment_goes_on_from_what_is_in_use(shop: tuple[Wiring, Artefact]) -> None:
    wiring, parent = shop
    folder = wiring.settings.models_folder()
    assert not continue_blend.is_current(wiring)
    told = answered(bespoke("train", "--model", "blend", "--increment", "--json", settings=wiring.settings))
    assert told["held"] == {} and told["seconds"] > 0
    assert wiring.models.in_use(KIND) == told["model"] != parent.digest
    made = open_(folder, told["model"])
    assert made.manifest.origin == {"training": "increment", "parent": parent.digest}
    assert made.manifest.position.shards == tuple(log.head() for log in wiring.customers)
    assert made.manifest.config["notes"]["until_ms"] > parent.manifest.config["notes"]["until_ms"]
    assert made.manifest.metrics["full hr@20"] == parent.manifest.metrics["hr@20"]
    assert continue_blend.is_current(wiring)

    before, after = load(folder, parent), load(folder, made)
    assert np.array_equal(before.weights, after.weights)
    assert before.calibration and after.calibration
    assert np.array_equal(before.calibration.true, after.calibration.true)
    assert len(made.item_names()) > len(parent.item_names()), "items came that the parent does not know"
    history = made.item_names().index(parent.item_names()[3])
    assert np.isfinite(after.scores(Sequences.of([[history], []]))).all()
    for name in ("session", "ncf", "content"):
        if name in before.models:
            here, there = made_of(folder, made)[name], made_of(folder, parent)[name]
            assert here.trained_with == there.trained_with
            moved = max(float(np.abs(here.rest[each] - there.rest[each]).max()) for each in there.rest)
            assert 0 < moved < 1, f"{name} went on, and not far"


def test_after_a_kill_it_goes_on_to_the_same_end(shop: tuple[Wiring, Artefact]) -> None:
    wiring, _ = shop
    outside = {name: value for name, value in os.environ.items() if not name.startswith("BESPOKE_")}
    command = [sys.executable, "-m", "tests.app.slow_increment", "ncf: going on (final)"]
    environment = outside | wiring.settings.environment()
    assert subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == -signal.SIGKILL
    kept = {path.name.rsplit("-", 2)[-2] for path in wiring.settings.checkpoints_folder().iterdir()}
    assert {"ncf", "session"} <= kept
    record(wiring, FIRST + MORE, FIRST + MORE + 1)
    told: list[str] = []

    def watched(words: str) -> Callable[[float], None]:
        return lambda part: told.append(words)

    resumed = continue_blend.run(wiring, watched)
    assert not [words for words in told if words.startswith("session")], "what was trained is not trained again"
    assert not list(wiring.settings.checkpoints_folder().iterdir())
    assert not continue_blend.is_current(wiring), "it learned from what there was when it began"
    again = continue_blend.run(wiring, silent)
    assert again.digest != resumed.digest and continue_blend.is_current(wiring)


def test_one_that_is_worse_is_held_and_can_be_promoted_by_hand(shop: tuple[Wiring, Artefact]) -> None:
    """Here any would be worse: the least that is tolerated is more than there is."""
    wiring, parent = shop
    better = Draft.of(parent)
    better = Draft(KIND, better.config, better.arrays, better.names, better.position, {"hr@20": 1.0}, better.members)
    in_use = write(wiring.settings.models_folder(), better).digest
    wiring.models.promote(in_use)
    told = bespoke("train", "--model", "blend", "--quick", settings=wiring.settings)
    assert "held: hr@20" in told.stdout
    assert wiring.models.in_use(KIND) == in_use
    listed = answered(bespoke("models", "list", "--json", settings=wiring.settings))["models"]
    (held,) = [model["digest"] for model in listed if model["held"]]
    assert f"models promote {held[:12]}" in told.stdout
    assert " held " in bespoke("models", "list", settings=wiring.settings).stdout
    forced = train_blend.run(wiring, silent, quick=True, force=True)
    assert forced.digest == held == wiring.models.in_use(KIND)
    assert wiring.models.slot(KIND).held is None


def test_the_hourly_job_makes_an_increment_of_the_blend(shop: tuple[Wiring, Artefact]) -> None:
    wiring, parent = shop
    training = Training(wiring)
    training.do(INCREMENT, 1_000)
    made = open_(wiring.settings.models_folder(), wiring.models.in_use(KIND) or "")
    assert made.manifest.origin["parent"] == parent.digest
    assert training.runs.all()[INCREMENT].state == "done"
    training.do(INCREMENT, 2_000)
    assert training.runs.all()[INCREMENT].state == "skipped"
    assert FULL not in training.runs.all()
