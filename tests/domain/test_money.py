"""Money: worked examples."""

from decimal import Decimal

import pytest

from domain.money import EXPONENTS, from_cents, known_currency, to_cents


@pytest.mark.parametrize(
    ("amount", "currency", "cents"),
    [
        ("18.99", "USD", 1899),
        (18.99, "USD", 1899),
        ("0.1", "EUR", 10),
        (" 7 ", "EUR", 700),
        ("500", "JPY", 500),
        ("1.2345", "KWD", 1234),
        ("-0.19", "USD", -19),
        ("0.005", "USD", 0),
        ("0.015", "USD", 2),
        (Decimal("1e3"), "USD", 100_000),
    ],
)
def test_to_cents(amount: str | float | Decimal, currency: str, cents: int) -> None:
    assert to_cents(amount, currency) == cents


@pytest.mark.parametrize("amount", ["", "x", "nan", "inf", "1e13", "1,5", "12 USD"])
def test_what_is_no_amount_is_refused_without_repeating_it(amount: str) -> None:
    with pytest.raises(ValueError) as error:
        to_cents(amount, "USD")
    assert amount == "" or amount not in str(error.value)


def test_there_and_back() -> None:
    assert all(to_cents(from_cents(123_456, code), code) == 123_456 for code in EXPONENTS)
    assert str(from_cents(1899, "USD")) == "18.99"


def test_currencies() -> None:
    assert known_currency(" usd ") == "USD"
    with pytest.raises(ValueError):
        known_currency("XXX")
