"""The neural models: numpy says what torch says, a seed gives the same weights, a broken training goes on."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from ml.evaluation.metrics import by_query, means
from ml.evaluation.ranking import rank
from ml.neural.batches import batches, right_padded, windows
from ml.ranker import silent
from ml.sequences import Sequences
from tests.ml.worlds import ring_task

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ml.ncf import model as ncf_model  # noqa: E402
from ml.ncf import train as ncf_train  # noqa: E402
from ml.neural.continuing import Start, take_up  # noqa: E402
from ml.neural.softmax import Negatives, bpr_loss, full_loss, sampled_loss  # noqa: E402
from ml.session import model as session_model  # noqa: E402
from ml.session import train as session_train  # noqa: E402

SMALL: dict[str, Any] = {"width": 16, "epochs": 3, "clicks": 256}
HISTORIES = [[1, 2, 3], [5], [2, 2, 7, 1], [0, 3, 3], [9] * 30]


class Memory:
    """Checkpoints in memory, which break off after so many."""

    def __init__(self, saves: int = 99) -> None:
        self.state: dict[str, np.ndarray] | None = None
        self.left = saves

    def load(self) -> dict[str, np.ndarray] | None:
        return self.state

    def save(self, state: dict[str, np.ndarray]) -> None:
        self.state, self.left = state, self.left - 1
        if not self.left:
            raise KeyboardInterrupt


def scores_of_torch(model: Any, history: list[int]) -> np.ndarray:
    with torch.no_grad():
        clicks = torch.tensor([history[-model.config.window :]])
        vectors = model(clicks)[:, -1]
        return np.asarray(model.logits(vectors, None)[0].numpy())


@pytest.mark.parametrize("module", [session_train, ncf_train])
def test_numpy_scores_as_torch_does(module: Any) -> None:
    torch.manual_seed(1)
    if module is session_train:
        model: Any = session_model.SessionModel(12, replace(session_model.Config(), width=16))
    else:
        model = ncf_model.NcfModel(12, replace(ncf_model.Config(), width=16))
        torch.nn.init.normal_(model.fit.weight, std=0.3)
        torch.nn.init.normal_(model.centroid.weight, std=0.3)
        torch.nn.init.normal_(model.last.weight)
    torch.nn.init.normal_(model.bias)
    model.eval()
    ready = module.ready(model)
    for row, history in enumerate(HISTORIES):
        expected = scores_of_torch(model, history)
        if module is ncf_train:
            with torch.no_grad():
                user = model(torch.tensor([history]))[:, -1]
                expected = expected + model.mlp(user, model.unit(None))[0].numpy()
        found = ready.scores(Sequences.of(HISTORIES))[row]
        assert found == pytest.approx(expected, abs=1e-5)


def test_ncf_scores_candidates_as_it_scores_all() -> None:
    torch.manual_seed(1)
    model = ncf_model.NcfModel(12, replace(ncf_model.Config(), width=16))
    torch.nn.init.normal_(model.last.weight)
    ready = ncf_train.ready(model.eval())
    history = Sequences.of([[1, 2]])
    user, some = ready.users(history)[0], np.array([3, 1, 11])
    assert ready.score(user, some) == pytest.approx(ready.scores(history)[0, some], abs=1e-6)


@pytest.mark.parametrize("module", [session_train, ncf_train])
def test_it_learns_what_comes_next(module: Any) -> None:
    task = ring_task()
    config = replace(_config(module), width=32, epochs=12, clicks=256)
    model, epochs = module.train(task.lessons, 0, silent, config)
    assert epochs == 12
    found = means(by_query(rank(model, task.queries)))
    assert found["mrr@20"] > 0.6  # by chance .09, knowing the ring .4


@pytest.mark.parametrize("module", [session_train, ncf_train])
@pytest.mark.parametrize("negatives", [0, 8])
def test_a_seed_gives_the_same_weights_and_a_broken_training_ends_in_them_too(module: Any, negatives: int) -> None:
    task = ring_task(200)
    config = replace(_config(module), **SMALL, negatives=negatives)

    def look(model: Any) -> float:
        return -abs(float(model.items[0, 0]))

    whole = module.train(task.lessons, 7, silent, config, look)
    broken = Memory(saves=1)
    with pytest.raises(KeyboardInterrupt):
        module.train(task.lessons, 7, silent, config, look, broken)
    torch.manual_seed(99)
    resumed = Memory()
    resumed.state = broken.state
    again = module.train(task.lessons, 7, silent, config, look, resumed)
    saves = resumed.left
    once_more = module.train(task.lessons, 7, silent, config, look, resumed)
    assert (once_more[1], resumed.left) == (again[1], saves)
    assert whole[1] == again[1]
    for name in whole[0].__slots__:
        assert np.array_equal(getattr(whole[0], name), getattr(again[0], name)), name


@pytest.mark.parametrize("module", [session_train, ncf_train])
def test_a_training_begins_with_the_model_that_it_goes_on_from(module: Any) -> None:
    task = ring_task(200)
    config = replace(_config(module), **SMALL)
    taught = module.teach(task.lessons, 3, silent, config)
    count = task.lessons.items
    kinds = {session_train: session_model.SessionModel, ncf_train: ncf_model.NcfModel}
    learner = kinds[module](count + 1, config)
    places = np.array([-1, *range(count)])
    take_up(learner, Start(taught.model, taught.rest, places))
    again = module.ready(learner.eval())
    before = taught.model.scores(Sequences.of([[0, 2], [1]]))
    assert again.scores(Sequences.of([[1, 3], [2]]))[:, 1:] == pytest.approx(before, abs=1e-4)
    with pytest.raises(ValueError, match="rest: not of a model"):
        take_up(learner, Start(taught.model, taught.rest | {"more": np.zeros(1)}, places))

    once = replace(config, epochs=1, rate=1e-4)
    gone_on = module.teach(task.lessons, 3, silent, once, None, None, Start(taught.model, taught.rest, places[1:]))
    anew = module.teach(task.lessons, 3, silent, once)
    near, far = (np.abs(each.model.items - taught.model.items).max() for each in (gone_on, anew))
    assert 0 < near < far / 3


def test_windows_ask_for_each_item_but_the_first_exactly_once() -> None:
    lists = Sequences.of([list(range(10)), [1], [], [4, 5]])
    cut, owners = windows(lists, 3)
    assert owners.tolist() == [0, 0, 0, 3]
    asked = sorted(int(item) for each in cut for item in each[1:])
    assert asked == sorted([*range(1, 10), 5])
    assert cut.lengths.max() <= 4


def test_batches_have_every_sequence_once_and_about_so_many_clicks() -> None:
    lengths = np.random.default_rng(0).integers(2, 20, 500)
    found = list(batches(lengths, 100, np.random.default_rng(1)))
    assert sorted(np.concatenate(found).tolist()) == list(range(500))
    assert max(len(each) * lengths[each].max() for each in found) <= 100
    padded = right_padded(Sequences.of([[1, 2, 3], [4]]), np.array([1, 0]))
    assert padded.tolist() == [[4, -1, -1], [1, 2, 3]]


def test_sampling_everything_is_the_full_softmax() -> None:
    torch.manual_seed(0)
    vectors, rows, targets = torch.randn(5, 4), torch.randn(6, 4), torch.tensor([0, 1, 5, 5, 2])

    def logits(some: Any, among: Any) -> Any:
        return some @ (rows if among is None else rows[among]).T

    surely = Negatives(np.full(6, 1000), 100_000, 1.0)
    found = sampled_loss(vectors, targets, logits, surely, np.random.default_rng(0))
    assert float(found) == pytest.approx(float(full_loss(vectors, targets, logits)), abs=1e-4)


def test_bpr_ranks_each_target_above_what_is_drawn() -> None:
    torch.manual_seed(0)
    vectors, rows, targets, latest = (
        torch.randn(3, 4),
        torch.randn(6, 4),
        torch.tensor([0, 5, 2]),
        torch.tensor([1, 1, 3]),
    )

    def logits(some: Any, among: Any) -> Any:
        return some @ (rows if among is None else rows[among]).T

    every = Negatives(np.full(6, 1000), 100_000, 1.0)
    found = bpr_loss(vectors, targets, logits, every, np.random.default_rng(0), latest)
    scores = (vectors @ rows.T).numpy()
    expected = [
        np.log1p(np.exp(scores[row, other] - scores[row, target]))
        for row, (target, before) in enumerate(zip(targets.tolist(), latest.tolist(), strict=True))
        for other in range(6)
        if other not in (target, before)
    ]
    assert float(found) == pytest.approx(np.mean(expected), abs=1e-5)


@pytest.mark.parametrize("negatives", [0, 16])
def test_ncf_learns_by_bpr_too(negatives: int) -> None:
    task = ring_task()
    config = replace(ncf_model.Config(), width=32, epochs=12, clicks=256, loss="bpr", negatives=negatives)
    model, _ = ncf_train.train(task.lessons, 0, silent, config)
    assert means(by_query(rank(model, task.queries)))["mrr@20"] > 0.4  # by chance .09


def _config(module: Any) -> Any:
    return session_model.Config() if module is session_train else ncf_model.Config()
