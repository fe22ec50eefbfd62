"""The posterior: worked examples, against brute force, and what a fold has to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.bandit.model import Config, Observations, Posterior, grow, laplace, sigmoid, start, update
from ml.bandit.stored import dump, load


def seen(seed: int, rows: int, arms: int = 4, dimensions: int = 3) -> Observations:
    random = np.random.default_rng(seed)
    contexts = random.integers(-2, 3, (rows, dimensions)).astype(np.float64)
    return Observations.of(random.integers(0, arms, rows), contexts, random.random(rows) < 0.4)


def taken(rows: Observations, order: np.ndarray) -> Observations:
    return Observations(rows.arms[order], rows.contexts[order], rows.shown[order], rows.clicked[order])


def same(one: Posterior, other: Posterior) -> bool:
    return dump(one) == dump(other)


def test_one_weight_worked_out_by_hand() -> None:
    # Prior N(0, 1), one click at x = 1: the top is where 1 / (1 + exp θ) = θ, which is at .4010581.
    mean, precision = laplace(np.zeros(1), np.eye(1), np.ones((1, 1)), np.array([1]), np.array([1]))
    assert mean[0] == pytest.approx(0.4010581, abs=1e-6)
    assert precision[0, 0] == pytest.approx(1 + 0.5989419 * 0.4010581, abs=1e-6)


def test_the_mean_is_where_the_slope_is_nothing_and_the_precision_is_the_curvature() -> None:
    random = np.random.default_rng(3)
    x, shown = random.standard_normal((50, 4)), random.integers(1, 9, 50)
    clicked = random.binomial(shown, 0.3)
    prior_mean, prior = random.standard_normal(4), np.diag([1.0, 2.0, 0.5, 4.0])
    mean, precision = laplace(prior_mean, prior, x, shown, clicked)
    share = sigmoid(x @ mean)
    assert np.allclose(x.T @ (clicked - shown * share), prior @ (mean - prior_mean), atol=1e-7)
    curvature = prior + sum(n * p * (1 - p) * np.outer(row, row) for n, p, row in zip(shown, share, x, strict=True))
    assert np.allclose(precision, curvature)


def test_near_the_true_posterior_by_brute_force() -> None:
    # A grid over two weights gives the exact posterior; Laplace's mean and spread are near it with 200 showings.
    random = np.random.default_rng(5)
    x = np.column_stack((np.ones(200), random.standard_normal(200)))
    clicked = (random.random(200) < sigmoid(x @ [-1.0, 0.8])).astype(np.int64)
    mean, precision = laplace(np.zeros(2), np.eye(2), x, np.ones(200, np.int64), clicked)
    axis = np.linspace(-3, 3, 241)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    logits = grid @ x.T
    height = logits @ clicked - np.logaddexp(0, logits).sum(axis=1) - (grid**2).sum(axis=1) / 2
    weight = np.exp(height - height.max())
    weight /= weight.sum()
    true_mean = weight @ grid
    assert np.allclose(mean, true_mean, atol=0.03)
    assert np.allclose(
        np.linalg.inv(precision), (weight[:, None] * grid).T @ grid - np.outer(true_mean, true_mean), atol=0.005
    )


def test_what_is_separable_and_hardly_held_by_a_prior_still_has_a_top() -> None:
    x = np.array([[1.0, -1000.0], [1.0, 1000.0]] * 20)
    mean, precision = laplace(np.zeros(2), np.eye(2) * 1e-6, x, np.ones(40, np.int64), np.array([0, 1] * 20))
    assert np.isfinite(mean).all() and mean[1] > 0
    assert (np.linalg.eigvalsh(precision) > 0).all()


@given(st.integers(0, 2**32), st.integers(0, 60), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_bytes(seed: int, rows: int, chance: object) -> None:
    observations = seen(seed, rows)
    order = np.arange(rows)
    np.random.default_rng(seed + 1).shuffle(order)
    prior = start(Config(3), 4)
    assert same(update(prior, observations), update(prior, taken(observations, order)))


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_saved_loaded_and_saved_is_equal_to_the_byte_and_folds_on_alike(seed: int, rows: int) -> None:
    posterior = update(start(Config(3, prior_mean=(-1.0, 0.1, 0.0)), 4), seen(seed, rows))
    back = load(dump(posterior))
    assert dump(back) == dump(posterior) and back.config == posterior.config
    more = seen(seed + 1, 20)
    assert same(update(back, more), update(posterior, more))


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_counted_observations_are_the_single_ones(seed: int) -> None:
    single = seen(seed, 80)
    cells, which = np.unique(np.column_stack((single.arms, single.contexts)), axis=0, return_inverse=True)
    counted = Observations(
        cells[:, 0].astype(np.int32),
        cells[:, 1:],
        np.bincount(which.ravel()).astype(np.int64),
        np.bincount(which.ravel(), weights=single.clicked).astype(np.int64),
    )
    one, other = update(start(Config(3), 4), single), update(start(Config(3), 4), counted)
    assert np.allclose(one.means, other.means, atol=1e-7) and np.allclose(one.precisions, other.precisions, atol=1e-6)
    assert one.shown.tolist() == other.shown.tolist() and one.clicked.tolist() == other.clicked.tolist()


def test_batches_stay_near_what_one_fold_of_all_gives_and_nothing_changes_nothing() -> None:
    all_seen = seen(9, 2000)
    once = update(start(Config(3), 4), all_seen)
    batched = start(Config(3), 4)
    for begin in range(0, 2000, 100):
        batched = update(batched, taken(all_seen, np.arange(begin, begin + 100)))
    deviation = np.sqrt(np.linalg.inv(once.precisions).diagonal(axis1=1, axis2=2))
    assert (np.abs(once.means - batched.means) < 0.5 * deviation).all()
    assert same(update(once, seen(1, 0)), once)


def test_arms_not_seen_keep_the_prior_and_new_arms_get_it() -> None:
    rows = Observations.of(np.array([2]), np.ones((1, 3)), np.array([1]))
    after = update(start(Config(3, prior_scale=2.0), 4), rows)
    assert (after.means[[0, 1, 3]] == 0).all() and (after.precisions[0] == np.eye(3) / 4).all()
    more = grow(after, 6)
    assert more.arms == 6 and (more.means[2] == after.means[2]).all() and (more.precisions[5] == np.eye(3) / 4).all()
    with pytest.raises(ValueError, match="arms"):
        grow(after, 3)


@pytest.mark.parametrize(
    ("field", "rows"),
    [
        ("arms", Observations.of(np.array([4]), np.ones((1, 3)), np.array([1]))),
        ("arms", Observations.of(np.array([-1]), np.ones((1, 3)), np.array([1]))),
        ("contexts", Observations.of(np.array([0]), np.ones((1, 2)), np.array([1]))),
        ("contexts", Observations.of(np.array([0]), np.full((1, 3), np.nan), np.array([1]))),
        ("clicked", Observations.of(np.array([0]), np.ones((1, 3)), np.array([2]))),
        ("clicked", Observations.of(np.array([0]), np.ones((1, 3)), np.array([1, 1]))),
        ("shown", Observations(np.zeros(1, np.int32), np.ones((1, 3)), np.zeros(1, np.int64), np.zeros(1, np.int64))),
    ],
)
def test_observations_that_cannot_be_are_refused_by_the_name_of_their_field(field: str, rows: Observations) -> None:
    with pytest.raises(ValueError, match=field):
        update(start(Config(3), 4), rows)


@pytest.mark.parametrize(
    ("field", "given_"),
    [
        ("dimensions", {"dimensions": 0}),
        ("prior_scale", {"dimensions": 2, "prior_scale": 0.0}),
        ("prior_mean", {"dimensions": 2, "prior_mean": (1.0,)}),
        ("exploration", {"dimensions": 2, "exploration": 0.0}),
    ],
)
def test_configurations_that_cannot_be(field: str, given_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=field):
        Config(**given_)  # type: ignore[arg-type]


@given(st.binary(max_size=200), st.integers(0, 10**6))
def test_stored_bytes_that_are_wrong_are_a_value_error(noise: bytes, at: int) -> None:
    whole = dump(start(Config(2), 2))
    for wrong in (noise, whole[: at % len(whole)], whole + b"x"):
        with pytest.raises(ValueError):
            load(wrong)
