"""Lifetime value: published worked examples, and customers made up by the models' own stories."""

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ml.ltv import bgnbd, gamma_gamma, value
from ml.ltv.bgnbd import BgNbd
from ml.ltv.gamma_gamma import GammaGamma
from ml.ltv.summary import Summary, summarise

PUBLISHED = BgNbd(0.243, 4.414, 0.793, 2.426, 0.0)


def one(frequency: float, recency: float, age: float, money: float | None = None) -> Summary:
    each = (np.array([number]) for number in (frequency, recency, age))
    return Summary(*each, money=None if money is None else np.array([money]))


def test_the_papers_customer() -> None:
    """Fader, Hardie & Lee (2005), p. 282: two repeat purchases, the latest at 30.43 of 38.86 weeks: 1.226 in 39."""
    assert bgnbd.purchases(PUBLISHED, one(2, 30.43, 38.86), 39.0)[0] == pytest.approx(1.226, abs=1e-3)


def test_the_published_money_of_real_customers(shared: Path) -> None:
    """Fader & Hardie (2013): p 6.25, q 3.74, gamma 15.44."""
    with gzip.open(shared / "data/cdnow/CDNOW_sample.txt.gz", "rt") as file:
        rows = [line.split() for line in file]
    days = np.array([date.fromisoformat(row[2]).toordinal() for row in rows])
    customers, amounts = np.array([int(row[1]) for row in rows]), np.array([float(row[4]) for row in rows])
    found = summarise(customers, days, amounts, date(1997, 9, 30).toordinal(), 7)
    money = gamma_gamma.fit(found)
    assert (money.p, money.q, money.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
    model = bgnbd.fit(found)
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=1e-3)


def made(n: int, seed: int, age: float = 60.0) -> Summary:
    """Customers by the model's own story: r .8, alpha 6, a 1.2, b 3."""
    random = np.random.default_rng(seed)
    rate, leaves = random.gamma(0.8, 1 / 6.0, n), random.beta(1.2, 3.0, n)
    frequency, recency = np.zeros(n), np.zeros(n)
    for i in range(n):
        now, alive = 0.0, True
        while alive and (now := now + random.exponential(1 / rate[i])) <= age:
            frequency[i], recency[i] = frequency[i] + 1, now
            alive = random.random() >= leaves[i]
    return Summary(frequency, recency, np.full(n, age))


def test_parameters_are_found_again() -> None:
    model = bgnbd.fit(made(8_000, 7))
    assert (model.r, model.alpha) == pytest.approx((0.8, 6.0), rel=0.1)
    assert model.a / (model.a + model.b) == pytest.approx(1.2 / 4.2, rel=0.1)


def test_time_in_another_unit_changes_alpha_alone() -> None:
    weeks = made(1_000, 8)
    first = bgnbd.fit(weeks)
    second = bgnbd.fit(Summary(weeks.frequency, weeks.recency * 7, weeks.age * 7))
    assert (second.r, second.a, second.b) == pytest.approx((first.r, first.a, first.b), rel=1e-3)
    assert second.alpha == pytest.approx(7 * first.alpha, rel=1e-3)


def test_who_was_quiet_for_long_has_gone() -> None:
    chances = [bgnbd.alive(PUBLISHED, one(5, recency, 40))[0] for recency in (5, 20, 39)]
    assert chances == sorted(chances) and chances[0] < 0.2 < 0.8 < chances[2]
    assert bgnbd.alive(PUBLISHED, one(0, 0, 40))[0] == 1.0


def test_own_purchases_weigh_more_the_more_there_are() -> None:
    money = GammaGamma(6.25, 3.74, 15.44, 0.0)
    few, many = (gamma_gamma.spend(money, one(n, 30, 40, 100.0))[0] for n in (1, 20))
    assert money.mean == pytest.approx(35.2, abs=0.1) and money.mean < few < many < 100
    assert gamma_gamma.spend(money, one(0, 0, 40, 0.0))[0] == pytest.approx(money.mean)
    worth = value.residual(PUBLISHED, money, one(2, 30.43, 38.86, 50.0), 39.0)[0]
    assert worth == pytest.approx(1.226 * gamma_gamma.spend(money, one(2, 30.43, 38.86, 50.0))[0], rel=1e-3)


def test_purchases_become_customers() -> None:
    customers, days = np.array([0, 0, 0, 0, 1, 2]), np.array([10, 10, 24, 90, 3, 80])
    found = summarise(customers, days, np.array([5.0, 5, 8, 99, 7, 1]), 38, 7)
    assert found.money is not None
    assert (found.frequency.tolist(), found.recency.tolist()) == ([1, 0], [2, 0])
    assert (found.age.tolist(), found.money.tolist()) == ([4, 5], [8, 0])
    with pytest.raises(ValueError, match="no purchase"):
        summarise(customers, days, None, 1, 7)
