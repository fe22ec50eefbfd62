"""Choices: replayable, as likely as they say, and quick to take back from another process."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.bandit.model import Config, Observations, Posterior, start, update
from ml.bandit.normal import log_cdf, log_density
from ml.bandit.philox import normals, uniform, words
from ml.bandit.propensity import CHEAP, propensities, propensity
from ml.bandit.score import choose, moments, moments_of, scorer
from ml.bandit.stored import dump

ROOT = Path(__file__).parents[3]


def learned(arms: int = 6, dimensions: int = 4) -> Posterior:
    random = np.random.default_rng(11)
    contexts = random.standard_normal((300, dimensions))
    rows = Observations.of(random.integers(0, arms, 300), contexts, random.random(300) < 0.3)
    return update(start(Config(dimensions), arms), rows)


def test_philox_is_that_of_its_paper() -> None:
    # Known answers of Random123: key and counter of zeros. numpy counts up before its first block, so start below 0.
    below = np.random.Philox(key=0, counter=2**256 - 1)
    assert [hex(int(word)) for word in below.random_raw(2)] == ["0x16554d9eca36314c", "0xdb20fe9d672d0fdc"]


def test_draws_depend_on_the_decision_and_the_row_alone() -> None:
    assert normals("d-1", 5).tolist() == normals("d-1", 9)[:5].tolist()
    assert not np.isclose(normals("d-1", 5), normals("d-2", 5)).any()
    assert not np.isclose(normals("d-1", 5), normals("d-1", 5, b"other")).any()
    drawn = normals("many", 200_000)
    assert abs(drawn.mean()) < 0.01 and abs(drawn.var() - 1) < 0.01
    assert abs((drawn < -1.2815515655).mean() - 0.1) < 0.003
    extremes = np.array([0, 2**64 - 1], np.uint64)
    assert uniform(extremes).tolist() == [2.0**-53, 1.0]
    assert words("d-1", 3).dtype == np.uint64


def test_another_process_chooses_the_same(tmp_path: Path) -> None:
    posterior, x = learned(), [1.0, -0.5, 0.25, 2.0]
    (tmp_path / "state").write_bytes(dump(posterior))
    code = (
        "import sys, numpy as np; from ml.bandit.stored import load; from ml.bandit.score import choose, scorer;"
        f"made = choose(scorer(load(open(sys.argv[1], 'rb').read())), 'decision-7', np.array({x}));"
        "print(made.arms.tobytes().hex(), made.draws.tobytes().hex(), made.propensity.hex());"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "state")], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    here = choose(scorer(posterior), "decision-7", np.array(x))
    assert done.stdout.split() == [here.arms.tobytes().hex(), here.draws.tobytes().hex(), here.propensity.hex()]


def test_the_moments_are_those_of_the_posterior() -> None:
    posterior, x = learned(), np.array([1.0, 0.0, -2.0, 0.5])
    means, deviations = moments(scorer(posterior), x)
    scale = posterior.config.exploration
    for arm in range(posterior.arms):
        variance = x @ np.linalg.inv(posterior.precisions[arm]) @ x
        assert means[arm] == pytest.approx(posterior.means[arm] @ x)
        assert deviations[arm] == pytest.approx(scale * math.sqrt(variance))
    many = moments_of(scorer(posterior), np.stack((x, -x)))
    assert np.allclose(many[0], [means, -means]) and np.allclose(many[1], [deviations, deviations])


def test_candidates_alone_compete_and_keep_their_draws() -> None:
    model, x = scorer(learned()), np.array([1.0, 0.3, 0.0, 0.0])
    whole = choose(model, "d", x)
    draw = dict(zip(whole.arms.tolist(), whole.draws.tolist(), strict=True))
    part = choose(model, "d", x, np.array([4, 1, 4], np.int32))
    assert sorted(part.arms.tolist()) == [1, 4]
    assert part.draws.tolist() == sorted((draw[1], draw[4]), reverse=True)
    assert choose(model, "d", x, np.array([3], np.int32)).propensity == 1.0
    for wrong in ([], [6], [-1]):
        with pytest.raises(ValueError, match="candidates"):
            choose(model, "d", x, np.array(wrong, np.int32))


def test_arms_are_chosen_as_often_as_their_propensities_say() -> None:
    model, x, rounds = scorer(learned()), np.array([1.0, 0.0, 0.5, -1.0]), 4_000
    chances = propensities(*moments(model, x))
    chosen = np.bincount([choose(model, f"r{n}", x).arm for n in range(rounds)], minlength=6) / rounds
    assert (np.abs(chosen - chances) < 4 * np.sqrt(chances * (1 - chances) / rounds) + 1e-3).all()
    assert choose(model, "r0", x).propensity == pytest.approx(chances[choose(model, "r0", x).arm], abs=1e-3)


def test_two_arms_have_a_closed_form() -> None:
    # P(N(1, .5²) > N(.2, 2²)) = Φ(.8 / √4.25)
    exact = 0.5 * math.erfc(-0.8 / math.sqrt(4.25) / math.sqrt(2))
    means, deviations = np.array([1.0, 0.2]), np.array([0.5, 2.0])
    assert propensity(means, deviations, 0) == pytest.approx(exact, abs=1e-9)
    assert propensity(means, deviations, 1) == pytest.approx(1 - exact, abs=1e-9)
    sharp = np.array([1e-6, 2.0])  # a step as seen from the wide arm
    assert propensity(means, sharp, 1) == pytest.approx(0.5 * math.erfc(0.4 / math.sqrt(2)), abs=1e-6)


def test_equal_arms_are_equally_likely_however_many() -> None:
    for arms in (1, 2, 20, 500):
        chance = propensity(np.full(arms, -3.0), np.full(arms, 0.7), arms // 2)
        assert chance == pytest.approx(1 / arms, rel=1e-6)


@given(st.integers(0, 2**32), st.integers(2, 12))
@settings(max_examples=25, deadline=None)
def test_exact_and_cheap_propensities_against_brute_force(seed: int, arms: int) -> None:
    random = np.random.default_rng(seed)
    means, deviations = random.normal(0, 1, arms), np.exp(random.normal(-1, 1.5, arms))
    exact = propensities(means, deviations)
    assert exact.sum() == pytest.approx(1, abs=1e-6)
    draws = 40_000
    won = (means + deviations * random.standard_normal((draws, arms))).argmax(axis=1)
    shares = np.bincount(won, minlength=arms) / draws
    assert (np.abs(shares - exact) < 5 * np.sqrt(exact * (1 - exact) / draws) + 1e-4).all()
    assert np.abs(propensities(means, deviations, CHEAP) - exact).max() < 1e-4


def test_an_arm_far_below_is_never_chosen() -> None:
    assert propensity(np.array([0.0, -100.0]), np.array([1.0, 1.0]), 1) == 0.0
    assert propensity(np.array([0.0, -100.0]), np.array([1.0, 1.0]), 0) == 1.0


def test_log_cdf_against_erfc_and_its_series() -> None:
    z = np.concatenate((np.linspace(-35.9, 8.9, 5001), [-1e-12, 0.0, 8.999999]))
    exact = [
        math.log(0.5 * math.erfc(-v / math.sqrt(2))) if v < 0 else math.log1p(-0.5 * math.erfc(v / math.sqrt(2)))
        for v in z
    ]
    assert np.abs(log_cdf(z) - exact).max() < 1e-8
    assert log_cdf(np.array([-37.0]))[0] == pytest.approx(math.log(0.5 * math.erfc(37 / math.sqrt(2))), rel=1e-6)
    assert log_cdf(np.array([50.0, -1e4])).tolist()[0] == pytest.approx(0, abs=1e-15)
    assert np.isfinite(log_cdf(np.array([-1e4])))[0]
    assert log_density(np.zeros(1))[0] == pytest.approx(math.log(0.3989422804))
