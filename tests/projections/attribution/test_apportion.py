from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.attribution.apportion import apportion, by_shares


def test_a_worked_example() -> None:
    # 10 in three parts: 3.33 each; the first name has the one that is left
    assert by_shares(10, {"a": 1.0, "b": 1.0, "c": 1.0}) == {"a": 4, "b": 3, "c": 3}
    assert apportion({"a": Fraction(5, 2), "b": Fraction(17, 4), "c": Fraction(13, 4)}) == {"a": 3, "b": 4, "c": 3}


def test_a_negative_whole_sums_too() -> None:
    assert sum(by_shares(-100, {"a": 1.0, "b": 2.0, "c": 4.0}).values()) == -100


def test_what_does_not_sum_to_a_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="whole"):
        apportion({"a": Fraction(1, 3)})


@given(st.integers(-(10**12), 10**12), st.lists(st.floats(0, 1e6), min_size=1, max_size=9))
def test_shares_sum_exactly_and_are_at_most_one_away(total: int, shares: list[float]) -> None:
    named = {str(number): share for number, share in enumerate(shares)}
    found = by_shares(total, named)
    assert sum(found.values()) == total
    whole = sum(map(Fraction, shares))
    if whole:
        assert all(abs(found[name] - total * Fraction(share) / whole) < 1 for name, share in named.items())
