"""Lifetime value from a user's own file: customers, a row each, or their purchases, a row each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np

from adapters.datasets.table import columns_of, read
from ml.ltv import bgnbd, gamma_gamma, value
from ml.ltv.bgnbd import BgNbd
from ml.ltv.gamma_gamma import GammaGamma
from ml.ltv.summary import Floats, Summary, summarise

UNITS = {"day": 1.0, "week": 7.0, "month": 30.4375}
MOST_CUSTOMERS = 10_000_000
NAMES = {
    "frequency": ("frequency", "x"),
    "recency": ("recency", "t_x"),
    "age": ("t", "age"),
    "money": ("monetary_value", "money", "mean_amount"),
    "customer": ("customer_id", "customer", "id"),
    "date": ("date", "order_date", "purchased_at"),
    "amount": ("amount", "dollar_value", "total", "revenue"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """``columns``: what of ``NAMES`` → the column that the user named. ``ahead`` in units of time. ``until``: learn
    from what was before, compare with what came after."""

    columns: dict[str, str]
    unit: str = "week"
    ahead: float = 52.0
    discount: float = 0.0
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """What came after ``until``, within ``ahead``: repeat purchases expected and counted of the customers known."""

    ahead: float
    expected: float
    counted: int


@dataclass(frozen=True, slots=True)
class Found:
    """``alive``, ``purchases``, ``values`` (n,) of the customers; ``values`` None where amounts are not known, or
    ``warnings`` say why not."""

    customers: int
    model: BgNbd
    money: GammaGamma | None
    alive: Floats
    purchases: Floats
    values: Floats | None
    later: Later | None
    warnings: tuple[str, ...]


def evaluate(path: Path, asked: Asked, step: Callable[[int], None] = lambda n: None) -> Found:
    """Raises ValueError that names file, line and column; MissingPackageError."""
    columns = columns_of(path)
    named = {what: _column(columns, what, asked) for what in NAMES}
    if all(named[what] for what in ("frequency", "recency", "age")):
        return of_summary(_summary(path, named, step), asked)
    if named["customer"] and named["date"]:
        return _of_purchases(path, named, asked, step)
    raise ValueError(
        f"{path.name}: needs the columns frequency, recency and T, or customer and date: name them by "
        "--frequency, --recency, --age, or by --customer, --date"
    )


def of_summary(summary: Summary, asked: Asked, later: Later | None = None) -> Found:
    """Fits both models. Raises ValueError."""
    model = bgnbd.fit(summary)
    money, values, warnings = None, None, []
    if summary.money is not None:
        try:
            money = gamma_gamma.fit(summary)
            values = value.residual(model, money, summary, asked.ahead, asked.discount)
        except ValueError as error:
            warnings.append(f"no value in money: {error}")
    if money and abs(money.correlation) > 0.3:
        warnings.append(f"who buys more often spends otherwise (correlation {money.correlation:.2f}): values mislead")
    alive, bought = bgnbd.alive(model, summary), bgnbd.purchases(model, summary, asked.ahead)
    return Found(len(summary.frequency), model, money, alive, bought, values, later, tuple(warnings))


def _column(columns: list[str], what: str, asked: Asked) -> str | None:
    if what in asked.columns:
        if asked.columns[what] not in columns:
            raise ValueError(f"--{what}: there is no column of this name")
        return asked.columns[what]
    lower = {name.strip().casefold(): name for name in columns}
    return next((lower[name] for name in NAMES[what] if name in lower), None)


def _summary(path: Path, named: dict[str, str | None], step: Callable[[int], None]) -> Summary:
    chosen = [named[what] for what in ("frequency", "recency", "age", "money")]
    table = read(path, [], [name for name in chosen if name], step)
    frequency, recency, age, money = (table.numbers[name] if name else None for name in chosen)
    assert frequency is not None and recency is not None and age is not None
    try:
        return Summary(frequency, recency, age, money)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _of_purchases(path: Path, named: dict[str, str | None], asked: Asked, step: Callable[[int], None]) -> Found:
    customer, when, amount = named["customer"] or "", named["date"] or "", named["amount"]
    table = read(path, [customer, when], [amount] if amount else [], step, most=MOST_CUSTOMERS)
    told = np.array([_day(path, when, name) for name in table.words[when].names], np.int64)
    days = told[table.words[when].codes]
    customers, amounts = table.words[customer].codes, table.numbers[amount] if amount else None
    last = int(days.max())
    until = asked.until.toordinal() if asked.until else last
    summary = summarise(customers, days, amounts, until, UNITS[asked.unit])
    later = None
    if until < last:
        model, ahead = bgnbd.fit(summary), (last - until) / UNITS[asked.unit]
        known = np.isin(customers, customers[days <= until]) & (days > until)
        counted = len(np.unique(np.stack((customers[known], days[known])), axis=1).T)
        later = Later(ahead, float(bgnbd.purchases(model, summary, ahead).sum()), counted)
    return of_summary(summary, asked, later)


def _day(path: Path, column: str, text: str) -> int:
    try:
        return datetime.fromisoformat(text.strip()).date().toordinal()
    except ValueError:
        raise ValueError(f"{path.name}: {column} is not an ISO date (1997-01-31 or 19970131) in some row") from None
