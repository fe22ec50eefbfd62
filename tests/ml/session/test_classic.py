"""NCF with a vector for each known person: numpy says what torch says, and others are taken by their history."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from ml.artefacts import Draft, write
from ml.evaluation.metrics import by_query, means
from ml.evaluation.ranking import rank
from ml.evaluation.task import Task, from_histories, from_sequences
from ml.ncf.classic import NcfClassic
from ml.ranker import PersonalRanker, silent
from ml.recipes import RECIPES, NotForThisError
from ml.score.stored import pack, unpack
from ml.sequences import Sequences
from tests.ml.worlds import ring_task

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ml.ncf.model import Config, NcfModel  # noqa: E402
from ml.ncf.train import people, ready, train  # noqa: E402

HISTORIES = Sequences.of([[1, 2, 3], [5], [], [0, 3, 3]])
PERSONS = np.array([2, 0, 1, 7])  # the third is known by number and has taught nothing, the fourth is not known


def tastes(persons: int = 150, items: int = 40, seed: int = 0) -> Task:
    """Everybody likes a random tenth of the items, in no order: who it is tells more than what came last."""
    random = np.random.default_rng(seed)
    drawn = [random.choice(items, 8, replace=False) for _ in range(6)]
    lists = [(f"p{n}", [f"i{i}" for i in random.permutation(drawn[n % 6])[:7]]) for n in range(persons)]
    return from_sequences(lists)


def test_numpy_scores_as_torch_does() -> None:
    torch.manual_seed(1)
    model = NcfModel(12, replace(Config(), width=16, users="embedding"), people=3)
    for each in (model.last.weight, model.bias):
        torch.nn.init.normal_(each)
    model.eval()
    found = NcfClassic(ready(model), people(model, np.array([True, False, True])))
    scores = found.scores_of(HISTORIES, PERSONS)
    with torch.no_grad():
        for row, person in ((0, 2), (1, 0)):
            user = model.person(torch.tensor([person]))
            expected = model.logits(user, None)[0] + model.mlp(user, model.unit(None))[0]
            assert scores[row] == pytest.approx(expected.numpy(), abs=1e-5)
    by_history = found.scores(HISTORIES)
    assert np.array_equal(scores[2:], by_history[2:]), "others are taken by their history"
    assert not np.allclose(scores[0], by_history[0], atol=0.1)


def test_persons_have_the_same_numbers_in_lessons_and_queries() -> None:
    task = from_sequences([("p", "abcd"), ("q", "x"), ("r", "xab")], [("r", "xaba"), ("new", "ab"), ("p", "abcdx")])
    assert task.lessons.personal and task.earlier.personal
    assert task.queries.persons.tolist() == [2, 3, 0]
    assert task.later.persons.tolist() == [0, 2]
    histories = from_histories([([(1, "a")], [], []), ([(1, "a")], [(2, "b")], [(3, "c")])])
    assert (histories.lessons.personal, histories.queries.persons.tolist()) == (True, [1])
    assert not ring_task(40).lessons.personal


def test_it_learns_persons_and_comes_back_from_its_artefact(tmp_path: Path) -> None:
    task = tastes()
    config = replace(Config(), width=16, epochs=15, clicks=256, users="embedding", rate=5e-3)
    model, _ = train(task.lessons, 0, silent, config)
    assert isinstance(model, NcfClassic) and isinstance(model, PersonalRanker)
    assert model.known(np.arange(151)).tolist() == [True] * 150 + [False]
    found = means(by_query(rank(model, task.queries)))
    strangers = means(by_query(rank(model.ncf, task.queries)))
    assert found["hr@10"] > 0.4 and strangers["hr@10"] > 0.4  # by chance .25
    packed = pack(model)
    again = unpack(write(tmp_path, Draft(packed.kind, packed.config, packed.arrays)))
    assert isinstance(again, NcfClassic)
    assert np.array_equal(again.scores_of(HISTORIES, PERSONS), model.scores_of(HISTORIES, PERSONS))
    twice, _ = train(task.lessons, 0, silent, config)
    assert isinstance(twice, NcfClassic) and np.array_equal(twice.people, model.people)


def test_sessions_of_nobody_are_refused_in_words() -> None:
    with pytest.raises(NotForThisError, match="these sessions are nobody's"):
        RECIPES["ncf-classic"].fit(ring_task(40), 0, silent, quick=True)
    assert RECIPES["ncf-classic"].alone
