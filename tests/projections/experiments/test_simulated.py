"""The promises of the statistics, on fewer simulated experiments than `make bench-experiments` has."""

import pytest

from benchmarks.experiments import WORLDS, coverage, cuped_left, false_finds, mismatches


@pytest.mark.parametrize("world", WORLDS)
def test_looking_each_day_finds_no_more_than_alpha(world: str) -> None:
    found = false_finds(world, 800, seed=3)
    assert found["sequential"] <= 0.05
    assert 0.03 <= found["fixed_horizon"] <= 0.07
    assert found["peeking"] > 0.15


@pytest.mark.parametrize("world", WORLDS)
def test_intervals_cover_the_truth(world: str) -> None:
    assert all(0.93 <= each <= 0.97 for each in coverage(world, 1000, seed=4).values())


def test_cuped_cuts_the_variance() -> None:
    for found in cuped_left(2_000, seed=1).values():
        assert abs(found["left"] - found["expected"]) < 0.02
        assert abs(found["real"] - found["expected"]) < 0.08


def test_mismatches_are_found_and_seldom_invented() -> None:
    found = mismatches(30_000, seed=2)
    assert 0.0003 <= found["false_alarms"] <= 0.002
    assert found["found_51_49"] > 0.99
    assert found["found_50.5_49.5"] == pytest.approx(found["power_50.5_49.5"], abs=0.015)
