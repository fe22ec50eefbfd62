"""Both games against the definition: marginal gains over all orders in which channels can join."""

from collections.abc import Callable
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings

from projections.attribution import markov_game
from projections.attribution.markov import chain, count
from projections.attribution.models import Options, credit
from projections.attribution.paths import MILLION, Path, stepped
from tests.projections.attribution.made_paths import several


def _by_definition(channels: list[str], worth: Callable[[frozenset[str]], Fraction]) -> dict[str, Fraction]:
    found = dict.fromkeys(channels, Fraction())
    orders = list(permutations(channels))
    for order in orders:
        for place, channel in enumerate(order):
            before = frozenset(order[:place])
            found[channel] += (worth(before | {channel}) - worth(before)) / len(orders)
    return found


def _set_game(paths: list[Path]) -> Callable[[frozenset[str]], Fraction]:
    return lambda met: Fraction(sum(p.value for p in paths if p.channels and set(p.channels) <= met))


@given(several)
def test_the_game_of_sets_has_the_values_of_the_definition(paths: list[Path]) -> None:
    channels = sorted({channel for path in paths for channel in path.channels})
    by_hand = _by_definition(channels, _set_game(paths))
    found = credit("shapley", paths).credits
    assert all(abs(found[name].value - part) < 1 for name, part in by_hand.items())


def _worths(paths: list[Path]) -> tuple[list[str], np.ndarray]:
    found = chain(count(paths))
    q = found.q.toarray()
    ends = np.stack((found.converts[1:], found.brings[1:]), axis=1)
    return [state[0] for state in found.states if state], markov_game.worths(q[0, 1:], q[1:, 1:], ends)


@given(several)
def test_the_game_of_the_chain_has_the_values_of_the_definition(paths: list[Path]) -> None:
    channels, worth = _worths(paths)
    if not channels:
        return
    by_hand = _by_definition(
        channels, lambda met: Fraction(float(worth[sum(1 << channels.index(each) for each in met), 0]))
    )
    played = markov_game.play(chain(count(paths)))
    assert played.conversions == pytest.approx({name: float(part) for name, part in by_hand.items()}, abs=1e-9)


@given(several)
@settings(max_examples=30)
def test_one_elimination_gives_the_gains_of_a_whole_order(paths: list[Path]) -> None:
    channels, worth = _worths(paths)
    found = chain(count(paths))
    if not channels:
        return
    q, n = found.q.toarray(), len(channels)
    ends = np.stack((found.converts[1:], found.brings[1:]), axis=1)
    orders = np.stack([np.random.default_rng(seed).permutation(n) for seed in range(4)])
    gains = markov_game._gains(q[0, 1:], q[1:, 1:], ends, orders)
    for order, gained in zip(orders, gains, strict=True):
        sets = np.cumsum(1 << order)
        expected = np.diff(np.concatenate((np.zeros((1, 2)), worth[sets])), axis=0)
        np.testing.assert_allclose(gained[order], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("model", ["shapley", "shapley-markov"])
def test_efficiency_symmetry_and_null_player(model: str) -> None:
    paths = [
        stepped(("a", "x"), 3, 300, 2),
        stepped(("b", "x"), 3, 300, 2),
        stepped(("x",), 1, 50, 9),
        stepped(("nothing",), 0, 0, 7),
    ]
    found = credit(model, paths).credits
    assert sum(each.conversions for each in found.values()) == 7 * MILLION
    assert sum(each.value for each in found.values()) == 650
    assert found["a"].conversions == found["b"].conversions and found["a"].value == found["b"].value
    assert found["nothing"].conversions == 0 and found["nothing"].value == 0


def _many(channels: int) -> list[Path]:
    chance = np.random.default_rng(3)
    names = [f"c{number:02}" for number in range(channels)]
    return [
        stepped(
            tuple(names[each] for each in chance.integers(0, channels, chance.integers(1, 6))),
            int(chance.integers(0, 3)) + 1,
            int(chance.integers(0, 10**6)),
            int(chance.integers(0, 9)),
        )
        for _ in range(400)
    ]


def test_beyond_fifteen_channels_it_is_sampled_with_errors_that_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chain(count(_many(12)))
    exact = markov_game.play(found)
    monkeypatch.setattr(markov_game, "EXACT", 3)
    drawn = markov_game.play(found)
    assert not exact.orders and drawn.orders and set(exact.conversions_error.values()) == {0.0}
    far = [
        abs(drawn.conversions[name] - value) / drawn.conversions_error[name]
        for name, value in exact.conversions.items()
    ]
    assert max(far) < 4 and sum(each > 2 for each in far) <= 2
    assert sum(drawn.conversions.values()) == pytest.approx(sum(exact.conversions.values()), rel=1e-9)


def test_a_seed_draws_the_same_and_credits_sum_with_errors_beside() -> None:
    paths = _many(18)
    first, again = credit("shapley-markov", paths), credit("shapley-markov", paths, Options(seed=markov_game.SEED))
    assert first.credits == again.credits and first.orders
    assert sum(each.value for each in first.credits.values()) == sum(path.value for path in paths)
    assert all(each.value_error > 0 for each in first.credits.values())
