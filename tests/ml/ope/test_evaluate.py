"""Policies, the reward model and whole evaluations: of logs whose truth is known, and of real ones."""

from pathlib import Path

import numpy as np
import pytest

from adapters.datasets import obd
from ml.ope.evaluate import evaluate, split, steps
from ml.ope.log import Coded, Log
from ml.ope.policies import NAMES, popular, thompson, uniform
from ml.ope.reward import cross_fitted, fit
from tests.ml.ope.worlds import ITEMS, TRUTH, log_of

REAL = Path(__file__).parents[4] / "shared" / "data" / "obd_zozotown"


def counted(shown: list[int], clicked: list[int]) -> Log:
    """A log of so many showings and clicks of each of the three items."""
    arms = np.repeat(np.arange(3, dtype=np.int32), shown)
    rewards = np.concatenate([np.arange(n) < k for n, k in zip(shown, clicked, strict=True)]).astype(np.float64)
    none = Coded(np.zeros((len(arms), 0), np.int32), ())
    return Log(arms, np.zeros(len(arms), np.int32), rewards, np.full(len(arms), 1 / 3), none, None, ITEMS)


def test_policies_by_hand() -> None:
    assert uniform(4, 2).chances.tolist() == [[0.25] * 4] * 2
    log = counted([100, 100, 100], [10, 30, 20])
    assert popular(log, 2).chances.tolist() == [[0, 1, 0], [0, 0, 1]]
    chances = thompson(log, 3, seed=1).chances
    assert np.allclose(chances.sum(axis=1), 1) and (chances > 0).all()
    # Beta draws by brute force: the prior is one click in as many showings as one click takes, 302/61.
    random = np.random.default_rng(0)
    prior = 302 / 61
    rates = random.beta([11, 31, 21], [prior - 1 + 90, prior - 1 + 70, prior - 1 + 80], (200_000, 3))
    order = (-rates).argsort(axis=1)
    for place in range(3):
        assert np.allclose(chances[place], np.bincount(order[:, place], minlength=3) / 200_000, atol=0.01)
    assert thompson(log, 1, seed=1).chances.tolist() == thompson(log, 1, seed=1).chances.tolist()


def test_the_reward_model_finds_additive_log_odds() -> None:
    random = np.random.default_rng(2)
    rounds = 20_000
    kinds, arms = random.integers(0, 2, rounds), random.integers(0, 3, rounds).astype(np.int32)
    affinity = random.random((rounds, 3)).astype(np.float32)
    places = random.integers(0, 2, rounds).astype(np.int32)
    truth = np.array([-2.0, -1.0, 0.0])[arms] + kinds + 1.5 * affinity[np.arange(rounds), arms] - 0.7 * places
    rewards = (random.random(rounds) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    users = Coded(kinds[:, None].astype(np.int32), (2,))
    log = Log(arms, places, rewards, np.full(rounds, 1 / 3), users, affinity, ITEMS)
    found = fit(log, 2).logits(log)[np.arange(rounds), arms]
    assert np.abs(found - truth).mean() < 0.08


def test_no_round_is_predicted_by_a_model_that_has_seen_it() -> None:
    log = log_of(300, seed=3)
    policy = uniform(3, 1)
    before = cross_fitted(log, policy.of_all, 1, seed=5)
    other = 1 - log.rewards
    flipped = Log(log.arms, log.places, other, log.propensities, log.users, None, ITEMS)
    changed = np.where(np.arange(300) == 17, other, log.rewards)
    one = Log(log.arms, log.places, changed, log.propensities, log.users, None, ITEMS)
    after = cross_fitted(one, policy.of_all, 1, seed=5)
    assert after[0][17] == before[0][17] and (after[0] != before[0]).sum() > 150
    assert not np.allclose(cross_fitted(flipped, policy.of_all, 1, seed=5)[0], before[0])


def test_a_known_value_is_within_its_interval() -> None:
    told: list[int] = []
    found = evaluate(log_of(6_000, seed=1), "uniform", draws=300, step=told.append)
    assert sum(told) == steps(300) and found.rounds == 6_000
    for name in ("ipw", "snipw", "dr"):
        assert found.estimates[name].low < TRUTH.mean() < found.estimates[name].high
    assert found.mean_weight == pytest.approx(1, abs=0.05) and found.warnings == ()


def test_the_logs_own_policy_is_worth_what_it_earned() -> None:
    found = evaluate(log_of(500, seed=2), "logged", draws=100)
    assert found.effective == pytest.approx(500)
    earned = found.estimates["logged"].value
    assert all(found.estimates[name].value == pytest.approx(earned) for name in ("ipw", "snipw", "dr"))


def test_policies_that_learn_are_evaluated_on_what_came_later() -> None:
    log = log_of(401, seed=4)
    for name in NAMES:
        learned, rest = split(log, name)
        assert len(learned) == (200 if name in ("popular", "thompson") else 0) and len(learned) + len(rest) == 401
    found = evaluate(log, "thompson", draws=100)
    assert found.rounds == 201 and found.clicks == int(log.rewards[200:].sum())


def test_warnings_of_small_samples_weights_that_are_off_and_no_click() -> None:
    short = evaluate(log_of(60, seed=5), "uniform", draws=100)
    assert any("effective sample size" in said for said in short.warnings)
    rare = counted([40, 40, 40], [0, 0, 0])
    unlikely = Log(rare.arms, rare.places, rare.rewards, np.full(120, 0.9), rare.users, None, ITEMS)
    said = " ".join(evaluate(unlikely, "uniform", draws=100).warnings)
    assert "mean weight" in said and "no click" in said
    with pytest.raises(ValueError, match="10 rounds"):
        evaluate(log_of(5, seed=5), "uniform")


@pytest.mark.skipif(not REAL.exists(), reason="../shared/data/obd_zozotown is not here")
@pytest.mark.parametrize(
    ("campaign", "ipw", "snipw", "size"), [("all", 0.00236, 0.00233, 340), ("men", 0.00301, 0.00319, 656)]
)
def test_the_published_part_of_the_open_bandit_dataset(campaign: str, ipw: float, snipw: float, size: int) -> None:
    log = obd.read(REAL / f"bts_{campaign}.csv.gz", REAL / f"item_context_{campaign}.csv.gz")
    found = evaluate(log, "uniform", draws=100)
    assert round(found.estimates["ipw"].value, 5) == ipw
    assert round(found.estimates["snipw"].value, 5) == snipw
    assert round(found.effective) == size and found.rounds == 10_000
