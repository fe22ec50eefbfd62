"""Against brute force: all ways through a small graph, followed until hardly anybody is left on them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.attribution.markov import Transitions, chain, count, effects
from projections.attribution.paths import Path, stepped
from tests.projections.attribution.made_paths import several


def _absorbed(counts: Transitions, removed: str | None) -> float:
    """The part of paths that convert, by walking on: mass moves from state to state until it has ended."""
    here, converted = {(): 1.0}, 0.0
    for _ in range(20_000):
        after: dict[tuple[str, ...], float] = {}
        for state, mass in here.items():
            steps = {to: n for (of, to), n in counts.between.items() if of == state}
            left = counts.ended.get(state, 0) + sum(steps.values())
            if not left:
                continue
            converted += mass * counts.converted.get(state, 0) / left
            for to, n in steps.items():
                if to[-1] != removed:
                    after[to] = after.get(to, 0.0) + mass * n / left
        here = {state: mass for state, mass in after.items() if mass > 1e-15}
        if not here:
            break
    return converted


@given(several, st.integers(1, 4))
def test_removal_effects_are_those_of_walking_the_graph(paths: list[Path], order: int) -> None:
    counts = count(paths, order)
    whole = _absorbed(counts, None)
    for channel, effect in effects(chain(counts)).items():
        without = _absorbed(counts, channel)
        assert effect.conversions == pytest.approx(1 - without / whole if whole else 0.0, abs=1e-9)


@given(several, st.integers(1, 4))
def test_a_large_chain_is_walked_to_what_elimination_gives(paths: list[Path], order: int) -> None:
    found = chain(count(paths, order))
    eliminated = effects(found)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("projections.attribution.markov.ELIMINATED", 0)
        walked = effects(found)
    for channel, effect in eliminated.items():
        assert walked[channel].conversions == pytest.approx(effect.conversions, abs=1e-12)
        assert walked[channel].value == pytest.approx(effect.value, abs=1e-12)


def test_walking_ends_where_ways_are_long_or_go_in_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [stepped(("a", "b") * 2_000, 1, 10), stepped(("a",) * 5_000, 1, 3, 1), stepped(("c", "b"), 1, 1, 2)]
    found = chain(count(paths))
    eliminated = effects(found)
    monkeypatch.setattr("projections.attribution.markov.ELIMINATED", 0)
    walked = effects(found)
    assert all(walked[each].conversions == pytest.approx(eliminated[each].conversions, abs=1e-11) for each in "abc")


def test_a_worked_example() -> None:
    # Of four paths: a>b converts, a converts, b converts, a>b comes to nothing.
    # Whole: 3/4. a: to b 2/3, converts 1/3. b: converts 2/3.
    # Without a: 1/4 · 2/3 = 1/6, so 7/9 is lost. Without b: 3/4 · 1/3 = 1/4, so 2/3 is lost.
    paths = [stepped(("a", "b"), 1, 10, 1), stepped(("a",), 1, 10), stepped(("b",), 1, 10)]
    found = effects(chain(count(paths)))
    assert found["a"].conversions == pytest.approx(7 / 9) and found["b"].conversions == pytest.approx(2 / 3)


def test_value_weighs_where_conversions_are_worth_different_amounts() -> None:
    paths = [stepped(("cheap",), 1, 1), stepped(("dear",), 1, 99)]
    found = effects(chain(count(paths)))
    assert found["cheap"].conversions == found["dear"].conversions == pytest.approx(0.5)
    assert (found["cheap"].value, found["dear"].value) == (pytest.approx(0.01), pytest.approx(0.99))


def test_a_higher_order_remembers_what_order_one_forgets() -> None:
    # b converts only after a: order 1 lets those of c>b convert too
    paths = [stepped(("a", "b"), 9, 9), stepped(("c", "b"), 0, 0, 9)]
    assert effects(chain(count(paths, 1)))["c"].conversions == pytest.approx(0.5)
    assert effects(chain(count(paths, 2)))["c"].conversions == pytest.approx(0.0, abs=1e-12)


def test_a_chain_that_is_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.attribution.markov.MOST_STEPS", 2)
    with pytest.raises(ValueError, match="lower order"):
        count([stepped((name,), 1) for name in "abc"])
