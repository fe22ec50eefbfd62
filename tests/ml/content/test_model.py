"""The content model: new items are found, numpy says what torch says, a seed gives the same weights."""

import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace as but

from ml.content.cold import recall_at_20, remove
from ml.content.features import rows_of
from ml.content.score import Content, item_vectors, score, user_vector
from ml.ranker import silent
from ml.sequences import Attributes, Field, Sequences
from tests.ml.content.worlds import ITEMS, lessons

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ml.content.model import Config, ContentModel  # noqa: E402
from ml.content.train import Loss, NoAttributesError, found_cold, learn, ready, take_up, teach, train  # noqa: E402
from ml.neural.continuing import Start  # noqa: E402

SMALL = Config(width=32, inner=64, epochs=6, clicks=256, negatives=100)
WORLD = lessons()
COLD = remove(WORLD.sequences, ITEMS, seed=0, part=0.25)
FEWER = replace(WORLD, sequences=COLD.lessons)


@pytest.fixture(scope="module")
def trained() -> Content:
    return train(FEWER, 1, silent, SMALL)[0]


def world_attributes() -> Attributes:
    assert WORLD.attributes
    return WORLD.attributes


def model_of(corrected: bool) -> ContentModel:
    torch.manual_seed(3)
    model = ContentModel(world_attributes(), but(SMALL, corrected=corrected))
    torch.nn.init.normal_(model.attention)
    if corrected:
        torch.nn.init.normal_(model.corrections, std=0.2)
    return model.eval()


def test_items_without_a_history_are_found_by_what_they_are(trained: Content) -> None:
    by_chance = 20 / len(COLD.removed)
    assert found_cold(trained, COLD) > 1.7 * by_chance
    assert np.all(trained.corrections[COLD.removed] == 0), "nothing was learnt of them themselves"
    shuffled = np.random.default_rng(0).permutation(len(COLD.removed))
    mixed_up = trained.users(COLD.asked.history) @ trained.items[COLD.removed[shuffled]].T
    assert recall_at_20(mixed_up, COLD) < 1.3 * by_chance, "what finds them is their attributes"


@pytest.mark.parametrize("corrected", [True, False])
def test_numpy_says_what_torch_says(corrected: bool) -> None:
    model = model_of(corrected)
    found = ready(model, world_attributes())
    with torch.no_grad():
        vectors = model.items(torch.arange(ITEMS))
        seen = model.looked_at(vectors, torch.arange(ITEMS))
        for history in ([5], [1, 2, 3], [7, 7, 0], list(range(60))):
            expected = model.users(seen[history[-SMALL.window :]][None])[0, -1]
            one = found.users(Sequences.of([[1], history, []]))[1]
            assert one == pytest.approx(expected.numpy(), abs=1e-5)
            assert user_vector(found, found.looked_at(np.array(history))) == pytest.approx(expected.numpy(), abs=1e-5)
            logits = (model.scale() * vectors @ expected).numpy()
            assert found.scores(Sequences.of([history]))[0] == pytest.approx(logits, abs=1e-4)
            assert score(one, found.items) == pytest.approx(logits / found.scale, abs=1e-5)
    assert item_vectors(found, world_attributes()) == pytest.approx(vectors.numpy(), abs=1e-5)


def test_a_seed_gives_the_same_weights() -> None:
    brief = but(SMALL, epochs=1)
    one, two, other = (train(WORLD, seed, silent, brief)[0] for seed in (5, 5, 6))
    assert np.array_equal(one.items, two.items) and np.array_equal(one.corrections, two.corrections)
    assert one.ago.tobytes() == two.ago.tobytes() and one.scale == two.scale
    assert not np.array_equal(one.items, other.items)


def test_whatever_is_missing_a_vector_is_there(trained: Content) -> None:
    known = world_attributes()
    whole = item_vectors(trained, known)
    for missing in known.fields:
        rest = Attributes(ITEMS, {name: field for name, field in known.fields.items() if name != missing})
        vectors = item_vectors(trained, rest)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)
        assert np.mean(np.sum(vectors * whole, axis=1)) > 0.3, f"without {missing} items are much what they were"
    nothing = item_vectors(trained, Attributes(3, {"unheard of": Field.of([[0], [], [1]], 2)}))
    assert np.all(np.isfinite(nothing)) and np.all(nothing == nothing[0])


def test_a_training_begins_with_the_model_that_it_goes_on_from() -> None:
    taught = teach(WORLD, 1, silent, but(SMALL, epochs=2))
    turned = np.array([-1, *range(ITEMS)[::-1]])
    attributes = rows_of(world_attributes(), np.array([0, *range(ITEMS)[::-1]]))
    model = ContentModel(attributes, SMALL)
    take_up(model, Start(taught.model, taught.rest, turned))
    again = ready(model.eval(), attributes)
    assert again.items[1:] == pytest.approx(taught.model.items[::-1], abs=1e-5)
    history = Sequences.of([[3, 4]])
    theirs = Sequences.of([[ITEMS - 3, ITEMS - 4]])
    assert again.users(history) == pytest.approx(taught.model.users(theirs), abs=1e-5)
    for name, table in taught.model.tables.items():
        assert np.array_equal(again.tables[name], table), "codes that no item has any more aside, all are there"
    once = but(SMALL, epochs=1, rate=1e-5)
    start = Start(taught.model, taught.rest, np.arange(ITEMS))
    gone_on = teach(WORLD, 1, silent, once, None, None, start).model
    assert 0 < np.abs(gone_on.items - taught.model.items).max() < 0.05


def test_codes_that_were_never_seen_count_for_nothing(trained: Content) -> None:
    unseen = 8  # no item is of this kind
    assert np.all(trained.tables["category"][unseen] == 0)
    assert np.any(trained.tables["category"][0] != 0)


def test_new_products_join_without_training(trained: Content) -> None:
    known = world_attributes()
    longer = rows_of(known, np.array([*range(ITEMS), 3, 4]))
    grown = trained.for_items(longer)
    assert grown.items[ITEMS:] == pytest.approx(trained.items[[3, 4]], abs=1e-6)
    assert grown.looked_at(np.array([ITEMS])) == pytest.approx(grown.items[[ITEMS]])
    history = Sequences.of([[1, 2], [5]])
    assert grown.users(history) == pytest.approx(trained.users(history), abs=1e-6)


def test_a_field_of_another_size_is_refused_by_its_name(trained: Content) -> None:
    with pytest.raises(ValueError, match="colour: the model has 3 codes"):
        item_vectors(trained, Attributes(1, {"colour": Field.of([[0]], 4)}))


def test_one_click_makes_a_person_and_none_makes_nobody(trained: Content) -> None:
    found = trained.users(Sequences.of([[4], []]))
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-4)
    assert np.all(found[1] == 0) and np.all(user_vector(trained, np.zeros((0, 32), np.float32)) == 0)
    assert np.all(trained.scores(Sequences.of([[]])) == 0)


def test_without_attributes_there_is_nothing_to_learn() -> None:
    for none in (None, Attributes(ITEMS, {}), Attributes(ITEMS, {"colour": Field.of([[]] * ITEMS, 3)})):
        with pytest.raises(NoAttributesError):
            train(replace(WORLD, attributes=none), config=SMALL)


def test_training_stops_where_removed_items_are_no_longer_found_better() -> None:
    told: list[float] = []
    content, epochs = learn(WORLD, 1, lambda words, part: told.append(part), but(SMALL, epochs=5, rate=2e-2))
    assert 1 <= epochs <= 5 and len(content.items) == ITEMS and told[-1] == pytest.approx(1)
    again, _ = train(WORLD, 1, silent, but(SMALL, epochs=5, rate=2e-2, until=epochs))
    assert np.array_equal(content.items, again.items), "the whole lessons are learnt as long as was best"


class Memory:
    """Checkpoints in memory, which break off after so many."""

    def __init__(self, saves: int) -> None:
        self.state: dict[str, Any] | None = None
        self.left = saves

    def load(self) -> dict[str, Any] | None:
        return self.state

    def save(self, state: dict[str, Any]) -> None:
        self.state, self.left = state, self.left - 1
        if not self.left:
            raise KeyboardInterrupt


def test_a_broken_training_goes_on_to_the_same_end() -> None:
    brief = but(SMALL, epochs=3)
    memory = Memory(saves=2)
    with pytest.raises(KeyboardInterrupt):
        train(WORLD, 2, silent, brief, checkpoints=memory)
    torch.rand(17)
    told: list[float] = []
    resumed, _ = train(WORLD, 2, lambda words, part: told.append(part), brief, checkpoints=memory)
    assert told[0] > 2 / 3, "two epochs were not trained again"
    whole, _ = train(WORLD, 2, silent, brief)
    for field in fields(Content):
        one, other = getattr(resumed, field.name), getattr(whole, field.name)
        assert not isinstance(one, np.ndarray) or np.array_equal(one, other), field.name


def test_each_of_the_two_trainings_goes_on_after_a_kill() -> None:
    brief, stores = but(SMALL, epochs=2), {"content-without": Memory(saves=99), "content-whole": Memory(saves=1)}
    with pytest.raises(KeyboardInterrupt):
        learn(WORLD, 2, silent, brief, stores.__getitem__)
    told: list[float] = []
    resumed, epochs = learn(WORLD, 2, lambda words, part: told.append(part), brief, stores.__getitem__)
    assert all(part > 0.5 for part in told), "what was trained was not trained again"
    whole, as_long = learn(WORLD, 2, silent, brief)
    assert epochs == as_long and np.array_equal(resumed.items, whole.items)


def test_candidates_are_corrected_for_how_they_were_drawn() -> None:
    model = model_of(corrected=False)
    counts = np.arange(ITEMS) + 1
    loss = Loss(model, counts)
    random = np.random.default_rng(0)
    present = random.choice(ITEMS, size=(4000, 50), p=counts / counts.sum())
    seen = np.zeros(ITEMS)
    expected = np.zeros(ITEMS)
    for each in present:
        among, logarithms = loss._candidates(each, random)
        seen[among.numpy()] += 1
        expected[among.numpy()] = logarithms.exp().numpy()
    assert seen / len(present) == pytest.approx(expected, abs=0.04)


def test_scoring_does_not_need_torch() -> None:
    asked = "import sys; import ml.content.score, ml.content.cold, ml.content.features; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
