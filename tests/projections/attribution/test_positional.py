"""Against brute force: each conversion divided by hand, in fractions."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.attribution.models import MODELS, Options, credit
from projections.attribution.paths import MILLION, Path, stepped
from projections.attribution.positional import position
from tests.projections.attribution.made_paths import several


def _by_hand(paths: list[Path], share: Callable[[int, int], Fraction]) -> dict[str, Fraction]:
    """``share``: of a touch by its place and how many there are."""
    found: dict[str, Fraction] = {}
    for path in paths:
        for place, channel in enumerate(path.channels):
            part = path.value * share(place, len(path.channels))
            found[channel] = found.get(channel, Fraction()) + part
    return found


def _position(place: int, touches: int) -> Fraction:
    if touches < 3:
        return Fraction(1, touches)
    return Fraction(2, 5) if place in (0, touches - 1) else Fraction(1, 5) / (touches - 2)


SHARES: dict[str, Callable[[int, int], Fraction]] = {
    "first": lambda place, touches: Fraction(int(place == 0)),
    "last": lambda place, touches: Fraction(int(place == touches - 1)),
    "linear": lambda place, touches: Fraction(1, touches),
    "position": _position,
}


@given(several, st.sampled_from(sorted(SHARES)))
def test_credits_are_those_of_brute_force_to_less_than_one_unit(paths: list[Path], model: str) -> None:
    made = credit(model, paths)
    by_hand = _by_hand(paths, SHARES[model])
    assert {name: each.value for name, each in made.credits.items() if each.value} == pytest.approx(
        {name: float(part) for name, part in by_hand.items() if part > 0 and made.credits[name].value}, abs=1
    )
    assert all(abs(made.credits[name].value - part) < 1 for name, part in by_hand.items())
    if model in ("first", "last"):
        assert {name: each.value for name, each in made.credits.items()} == by_hand


@pytest.mark.parametrize("model", MODELS)
@given(paths=several)
@settings(max_examples=20)
def test_every_model_credits_exactly_what_came_in(paths: list[Path], model: str) -> None:
    made = credit(model, paths, Options(half_life=2))
    touched = [path for path in paths if path.channels]
    assert sum(each.value for each in made.credits.values()) == sum(path.value for path in touched)
    assert sum(each.conversions for each in made.credits.values()) == MILLION * sum(p.conversions for p in touched)


@pytest.mark.parametrize("model", MODELS)
@given(paths=several, seed=st.randoms())
@settings(max_examples=20)
def test_the_order_of_paths_does_not_matter(paths: list[Path], model: str, seed: "object") -> None:
    shuffled = sorted(paths, key=lambda _: seed.random())  # type: ignore[attr-defined]
    assert credit(model, shuffled).credits == credit(model, paths).credits


def test_forty_twenty_forty() -> None:
    path = stepped(("a", "b", "c", "d"), 1, 100)
    assert {n: c.value for n, c in credit("position", [path]).credits.items()} == {"a": 40, "b": 10, "c": 10, "d": 40}
    assert position(stepped(("a", "b"))) == (1, 1) and position(stepped(("a",))) == (1,)


def test_last_non_direct_passes_over_direct_unless_all_are() -> None:
    paths = [stepped(("ads", "mail", "direct", "direct"), 1, 7), stepped(("direct", "direct"), 1, 5)]
    found = credit("last-non-direct", paths).credits
    assert {name: each.value for name, each in found.items()} == {"ads": 0, "mail": 7, "direct": 5}


def test_a_touch_a_half_life_older_has_half_as_much() -> None:
    path = Path(("old", "new"), (24, 0), 1, 300)
    found = credit("time-decay", [path], Options(half_life=24)).credits
    assert (found["old"].value, found["new"].value) == (100, 200)


def test_a_refund_beyond_the_order_is_divided_as_well() -> None:
    path = stepped(("a", "b", "c"), 1, -100)
    for model in MODELS:
        assert sum(each.value for each in credit(model, [path]).credits.values()) == -100


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="markov-1"):
        credit("guess", [])
