"""The declared encoding of a context, and trials as counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.bandit.context import CELLS, DEVICES, DIMENSIONS, INTENTS, LOCATIONS, SIZES, Context, vectors
from ml.bandit.data import context_of, observations
from ml.bandit.model import Config, start, update
from ml.bandit.stored import dump
from readmodels.bandit import Trial

THURSDAY_NOON = 12 * 3_600_000  # 1 January 1970


def test_a_context_worked_out() -> None:
    found = Context.of(13, 5, " iPhone ", "Berlin", "browsing_skirts")
    assert (found.band, found.weekend) == (3, 1)
    assert DEVICES[found.device] == "mobile" and INTENTS[found.intent] == "browsing"
    assert 1 <= found.location < LOCATIONS
    assert found.vector.sum() == len(SIZES) + 1 and found.vector[-1] == 1 and found.vector[3] == 1


@given(st.integers(0, 23), st.integers(0, 6), *[st.none() | st.text(max_size=30)] * 3)
def test_whatever_comes_from_outside_is_one_of_the_cells(
    hour: int, weekday: int, device: str | None, location: str | None, intent: str | None
) -> None:
    found = Context.of(hour, weekday, device, location, intent)
    assert 0 <= found.code < CELLS and Context.from_code(found.code) == found
    assert found.vector.shape == (DIMENSIONS,)


def test_every_cell_has_a_vector_of_its_own() -> None:
    every = vectors(np.arange(CELLS))
    assert len(np.unique(every, axis=0)) == CELLS and (every.sum(axis=1) == len(SIZES) + 1).all()


@pytest.mark.parametrize(("field", "hour", "weekday"), [("hour", 24, 0), ("hour", -1, 0), ("weekday", 0, 7)])
def test_times_that_are_none(field: str, hour: int, weekday: int) -> None:
    with pytest.raises(ValueError, match=field):
        Context.of(hour, weekday, None, None, None)
    for code in (-1, CELLS):
        with pytest.raises(ValueError, match="code"):
            Context.from_code(code)
        with pytest.raises(ValueError, match="codes"):
            vectors(np.array([code]))


def test_the_shops_clock_decides_the_band_and_the_day() -> None:
    at = Trial(THURSDAY_NOON, 0, 0, "A", False)
    assert (context_of(at).band, context_of(at).weekend) == (3, 0)
    two_days_on = Trial(THURSDAY_NOON + 2 * 86_400_000 - 13 * 3_600_000, 0, 0, "A", False)
    assert (context_of(two_days_on).band, context_of(two_days_on).weekend) == (5, 0)  # Friday 23 h
    assert (context_of(two_days_on, 1).band, context_of(two_days_on, 1).weekend) == (0, 1)  # Saturday 0 h


def test_trials_are_counted_by_arm_and_context() -> None:
    at = THURSDAY_NOON
    trials = [Trial(at, n, 0, sku, n == 0, "ios") for n, sku in enumerate("AABA")] + [Trial(at, 9, 0, "gone", True)]
    found = observations(trials, {"A": 1, "B": 0})
    assert (found.arms.tolist(), found.shown.tolist(), found.clicked.tolist()) == ([0, 1], [1, 3], [0, 1])
    assert observations([], {"A": 0}).contexts.shape == (0, DIMENSIONS)


@given(st.permutations(range(12)))
def test_trials_in_any_order_give_the_same_posterior(order: list[int]) -> None:
    trials = [Trial(THURSDAY_NOON + n * 3_600_000, n, 0, "AB"[n % 2], n % 5 == 0, "ios", "Rome") for n in range(12)]
    rows, prior = {"A": 0, "B": 1}, start(Config(DIMENSIONS), 2)
    straight = dump(update(prior, observations(trials, rows)))
    assert dump(update(prior, observations([trials[n] for n in order], rows))) == straight
