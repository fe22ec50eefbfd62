"""Whole numbers that sum exactly to a whole (the largest remainder, Hamilton's method)."""

from collections.abc import Mapping
from fractions import Fraction
from math import floor


def apportion(parts: Mapping[str, Fraction]) -> dict[str, int]:
    """Each part rounded to a whole number, so that they sum to what the parts sum to, which must be whole. What is left
    goes to the largest remainders, the first by name where they are equal. Raises ValueError."""
    whole = sum(parts.values(), Fraction())
    if whole.denominator != 1:
        raise ValueError("the parts do not sum to a whole number")
    found = {name: floor(part) for name, part in parts.items()}
    left = whole.numerator - sum(found.values())
    for name in sorted(parts, key=lambda each: (found[each] - parts[each], each))[:left]:
        found[name] += 1
    return found


def by_shares(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """``total`` divided as the shares (of 0 or more) are. Where all are 0 everybody has the same share."""
    exact = {name: Fraction(max(share, 0.0)) for name, share in shares.items()}
    whole = sum(exact.values(), Fraction())
    if not whole:
        return apportion({name: Fraction(total, len(exact)) for name in exact})
    return apportion({name: total * share / whole for name, share in exact.items()})
