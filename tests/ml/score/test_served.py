"""Models as artefacts: what is served says the same as what was trained."""

from pathlib import Path

import numpy as np
import pytest

from app.evaluation.run import Kitchen
from ml.artefacts import ArtefactError, Draft, Position, open_, write
from ml.blend.score import Blend
from ml.evaluation.task import Task
from ml.recipes import RECIPES
from ml.score.blend import load, one, score, store
from ml.score.stored import KINDS, pack, unpack
from ml.sequences import Sequences
from tests.ml.worlds import ring_task

HISTORIES = [[], [3], [1, 2, 3], [7, 7, 8], list(range(25))]


@pytest.fixture(scope="module")
def task() -> Task:
    return ring_task(400)


@pytest.fixture(scope="module")
def kitchen(task: Task) -> Kitchen:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    return Kitchen(task, 0, True, lambda words: lambda part: None)


@pytest.fixture(scope="module")
def blend(kitchen: Kitchen) -> Blend:
    return kitchen.blend()[0]


def test_every_model_that_is_trained_can_be_kept() -> None:
    assert set(KINDS) == set(RECIPES)


def test_a_model_comes_back_from_its_artefact_as_it_was(tmp_path: Path, blend: Blend) -> None:
    for model in blend.models.values():
        packed = pack(model)
        again = unpack(write(tmp_path, Draft(packed.kind, packed.config, packed.arrays)))
        histories = Sequences.of(HISTORIES)
        assert np.array_equal(again.scores(histories), model.scores(histories)), packed.kind


def test_a_blend_comes_back_and_scores_candidates_as_it_scores_all(tmp_path: Path, blend: Blend, task: Task) -> None:
    artefact = store(tmp_path, blend, task.names, Position(dataset="0" * 64), {"ndcg@10": 0.5}, {"worth": {}})
    served = load(tmp_path, open_(tmp_path, artefact.digest))
    candidates = np.array([5, 0, 31, 8], np.int32)
    for history in HISTORIES:
        all_ = blend.scores(Sequences.of([history]))[0, candidates]
        found = score(served, np.array(history, np.int32), candidates)
        assert found.total - found.total[0] == pytest.approx(all_ - all_[0], abs=1e-5)
        assert found.parts.sum(axis=0) == pytest.approx(found.total, abs=1e-5)
        assert (found.probability >= 0).all()
        assert found.probability.sum() < 1.5
        assert list(np.argsort(-found.probability, kind="stable"))[0] in np.flatnonzero(
            found.probability == found.probability[np.argmax(found.total)]
        )


def test_the_same_blend_is_the_same_artefact(tmp_path: Path, blend: Blend, task: Task) -> None:
    one_, two = (store(tmp_path / name, blend, task.names, Position(), {}, {}).digest for name in "ab")
    assert one_ == two


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="session: not such a model"):
        unpack(write(tmp_path, Draft("session", {"window": 3}, {"items": np.zeros((2, 2), np.float32)})))
    with pytest.raises(ArtefactError, match="kind: none that is known"):
        unpack(write(tmp_path, Draft("other")))
    with pytest.raises(ArtefactError, match="kind: no blend"):
        load(tmp_path, write(tmp_path, Draft("other")))
    with pytest.raises(ArtefactError, match="blend: not such a model"):
        load(tmp_path, write(tmp_path, Draft("blend")))
    with pytest.raises(TypeError, match="no artefact can hold"):
        pack(object())  # type: ignore[arg-type]


def test_one_history() -> None:
    assert [each.tolist() for each in one(np.array([4, 2], np.int32))] == [[4, 2]]
