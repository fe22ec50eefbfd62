"""A blend on made-up members: one that knows, one that knows half, one that guesses."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.blend.calibration import Shown, calibrate, calibration_error
from ml.blend.contexts import Context, contexts_of
from ml.blend.forms import Form, on_one_scale
from ml.blend.gather import Gathered, Member, gather, one_by_one
from ml.blend.learn import blended, learn, places, softmax
from ml.blend.score import Blend
from ml.blend.train import weigh_members
from ml.blend.worth import halves, judge, weigh
from ml.sequences import Floats, Queries, Sequences

ITEMS = 30


def world(queries: int = 600, seed: int = 0) -> tuple[Gathered, NDArray[np.float64]]:
    """Of each query the target is drawn from a softmax of two features, with other weights where much is known; a third
    feature is noise."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(queries, ITEMS, 3)).astype(np.float32)
    contexts = random.integers(0, 3, queries)
    truth = np.array([[2.0, 0.5, 0.0], [1.0, 1.0, 0.0], [0.5, 2.0, 0.0]])
    logits = np.einsum("qim,qm->qi", features, truth[contexts])
    targets = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    indptr = np.arange(queries + 1, dtype=np.int64) * ITEMS
    gathered = Gathered(
        indptr,
        np.tile(np.arange(ITEMS, dtype=np.int32), queries),
        features.reshape(-1, 3),
        indptr[:-1] + targets,
        contexts,
        np.arange(queries) // 2,
    )
    return gathered, truth


def test_weights_are_those_that_made_the_data() -> None:
    gathered, truth = world(6_000)
    assert learn(gathered) == pytest.approx(truth, abs=0.15)


def test_nothing_can_be_better_than_the_weights_learned() -> None:
    gathered, _ = world(400)
    gathered = replace(gathered, contexts=np.zeros_like(gathered.contexts))
    weights = learn(gathered)

    def likelihood(tried: NDArray[np.float64]) -> float:
        shares, _ = softmax(blended(gathered, tried), gathered)
        return float(np.log(shares[gathered.targets]).mean())

    random = np.random.default_rng(1)
    for _ in range(50):
        other = np.maximum(weights + random.normal(scale=0.1, size=weights.shape), 0)
        assert likelihood(other) < likelihood(weights) + 1e-4


def test_limits_hold() -> None:
    gathered, _ = world()
    most = np.array([[0.5, np.inf, 0.0]] * 3)
    weights = learn(gathered, most)
    assert (weights <= most + 1e-9).all()
    assert (weights >= 0).all()


def test_a_member_that_guesses_is_doubted_and_weighs_half() -> None:
    gathered, _ = world(1_500)
    judged = judge(gathered, ["knows", "knows too", "guesses"], seed=0)
    assert [each.kept for each in judged] == [True, True, False]
    assert judged[0].gain.low > 0
    free, weighed = learn(gathered), weigh(gathered, judged)
    assert (weighed[:, 2] <= free[:, 2] / 2 + 1e-9).all()


def test_nobody_is_in_both_halves() -> None:
    gathered, _ = world()
    one, two = halves(gathered, 0)
    assert len(one) + len(two) == len(gathered)
    assert not set(gathered.persons[one]) & set(gathered.persons[two])


def test_taking_queries_keeps_their_candidates_and_targets() -> None:
    gathered, _ = world(50)
    some = gathered.take(np.array([7, 3]))
    assert some.items[some.targets].tolist() == gathered.items[gathered.targets[[7, 3]]].tolist()
    assert (some.features[:ITEMS] == gathered.features[7 * ITEMS : 8 * ITEMS]).all()


def test_places_count_ties_against_the_blend() -> None:
    gathered, _ = world(10)
    assert (places(gathered, np.zeros(len(gathered.items))) == ITEMS).all()


def test_probabilities_are_true() -> None:
    random = np.random.default_rng(0)
    logs = random.uniform(-6, 0, 40_000)
    true = np.exp(logs) ** 1.5 * 0.7  # what is said is far too high
    came = (random.random(len(logs)) < true).astype(float)
    calibration = calibrate(Shown(logs, came, np.arange(len(logs))))
    fresh = random.uniform(-6, 0, 40_000)
    happened = (random.random(len(fresh)) < np.exp(fresh) ** 1.5 * 0.7).astype(float)
    assert calibration_error(calibration.probability(fresh), happened) < 0.01
    assert calibration_error(np.exp(fresh), happened) > 0.05
    assert (np.diff(calibration.true) >= 0).all()


def test_the_calibration_error_by_hand() -> None:
    said, came = np.array([0.1, 0.1, 0.8, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])
    assert calibration_error(said, came, bins=2) == pytest.approx((0.1 + 0.2) / 2)


def test_contexts_are_by_how_long_the_history_is() -> None:
    found = contexts_of(np.array([0, 2, 3, 9, 10, 500]))
    expected = [Context.ANONYMOUS] * 2 + [Context.SPARSE] * 2 + [Context.KNOWN] * 2
    assert found.tolist() == expected


def test_shares_and_logits_come_onto_one_scale() -> None:
    shares = on_one_scale(np.array([[3.0, 1.0, 0.0]], np.float32), Form.SHARE, 0.01)
    assert shares[0] == pytest.approx(np.log([0.76, 0.26, 0.01]), abs=1e-5)
    assert on_one_scale(np.array([[3.0, 1.0]], np.float32), Form.LOGIT, 0.0)[0].tolist() == [0, -2]
    assert np.isfinite(on_one_scale(np.zeros((1, 3), np.float32), Form.SHARE, 0.01)).all()


class Table:
    """Scores by the latest item."""

    def __init__(self, table: Floats) -> None:
        self.table = table

    def scores(self, history: Sequences) -> Floats:
        return np.stack([self.table[each[-1]] for each in history])


def queries(random: np.random.Generator, count: int) -> Queries:
    latest = random.integers(0, ITEMS, count)
    targets = (latest + 1 + (random.random(count) < 0.3)) % ITEMS
    return Queries(
        Sequences.of([[int(x)] for x in latest]),
        Sequences.of([[int(x)] for x in targets]),
        "latest",
        np.arange(count),
    )


def test_weighed_members_rank_better_together_than_alone() -> None:
    random = np.random.default_rng(3)
    steps = np.roll(np.eye(ITEMS, dtype=np.float32), 1, axis=1)
    members = [Member("one step", Form.SHARE, 0.01), Member("two steps", Form.SHARE, 0.01), Member("noise", Form.LOGIT)]
    models = {
        "one step": Table(steps),
        "two steps": Table(np.roll(steps, 1, axis=1)),
        "noise": Table(random.normal(size=(ITEMS, ITEMS)).astype(np.float32)),
    }
    learned = weigh_members(models, members, queries(random, 800), seed=0)
    assert learned.ece < 0.02
    weights = learned.weights[Context.ANONYMOUS]
    assert weights[0] > weights[1] > 0.5 > weights[2]
    assert [each.kept for each in learned.worths] == [True, True, False]
    scores = Blend(models, members, learned.weights).scores(Sequences.of([[4]]))[0]
    assert np.argsort(-scores)[:2].tolist() == [5, 6]


def test_several_targets_are_several_queries_and_hidden_or_unknown_ones_none() -> None:
    asked = Queries(Sequences.of([[0], [1]]), Sequences.of([[2, -1, 0], [3]]), "history", np.array([5, 6]))
    assert one_by_one(asked).targets.items.tolist() == [2, 0, 3]
    found = gather({"a": Table(np.eye(ITEMS, dtype=np.float32))}, [Member("a", Form.SHARE, 0.1)], asked, 3)
    assert found.items[found.targets].tolist() == [2, 3]
    assert found.persons.tolist() == [5, 6]


def test_targets_that_no_member_finds_teach_nothing_and_count_as_missed() -> None:
    random = np.random.default_rng(5)
    asked = queries(random, 400)
    targets = asked.targets.items.copy()
    targets[::2] = (asked.history.items[::2] + 15) % ITEMS  # nobody's candidate
    hard = Queries(asked.history, Sequences(asked.targets.indptr, targets), "latest", asked.persons)
    models = {"a": Table(np.roll(np.eye(ITEMS, dtype=np.float32), 1, axis=1) + 0.01)}
    gathered = gather(models, [Member("a", Form.SHARE, 0.01)], hard, 1)
    assert (gathered.targets[::2] == -1).all()
    assert learn(gathered) == pytest.approx(learn(gathered.answerable()))
    assert (places(gathered, np.zeros(len(gathered.items)))[::2] > ITEMS).all()
