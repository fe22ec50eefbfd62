"""``evaluate ltv``."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
import numpy as np

from adapters.datasets.table import MissingPackageError
from app.cli.output import bar, fail, json_option, show
from app.evaluation.ltv import UNITS, Asked, Found, evaluate

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("ltv")
@click.argument("file", type=FILE)
@click.option("--frequency", metavar="COL", help="Repeat purchases. [default: frequency, x]")
@click.option("--recency", metavar="COL", help="First to latest purchase. [default: recency, t_x]")
@click.option("--age", metavar="COL", help="First purchase to now. [default: T, age]")
@click.option("--money", metavar="COL", help="Mean of the repeat purchases. [default: monetary_value, money]")
@click.option("--customer", metavar="COL", help="Whose purchase. [default: customer_id, customer, id]")
@click.option("--date", "date_", metavar="COL", help="When, an ISO date. [default: date, order_date]")
@click.option("--amount", metavar="COL", help="For how much. [default: amount, dollar_value, total, revenue]")
@click.option("--unit", type=click.Choice(list(UNITS)), default="week", show_default=True, help="Of time.")
@click.option("--ahead", type=click.FloatRange(0, 10_000, True), default=52.0, show_default=True, help="In units.")
@click.option(
    "--discount", type=click.FloatRange(0, 1, False, True), default=0.0, show_default=True, help="Over --ahead."
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Learn from purchases until then, check on the rest.")
@json_option
def ltv(
    file: Path,
    frequency: str | None,
    recency: str | None,
    age: str | None,
    money: str | None,
    customer: str | None,
    date_: str | None,
    amount: str | None,
    unit: str,
    ahead: float,
    discount: float,
    until: datetime | None,
    as_json: bool,
) -> None:
    """How often customers will buy again, and for how much (BG/NBD, and gamma-gamma for money).

    \b
    FILE is CSV with a header line (.gz too; blanks between columns will do) or .parquet. Either
      a row is a customer: frequency (purchases after the first), recency (time from the first to
        the latest), T (time from the first to now), all in --unit; or
      a row is a purchase: customer and date, and amount if value is asked for. Purchases of one
        customer on one day are one.
    Columns are found by the names below, or named by you.

    \b
    BG/NBD (Fader, Hardie & Lee 2005): r, alpha of the rates of buying, a, b of the chance to
    leave after a purchase. Gamma-gamma: p, q, gamma of what a purchase is worth. Value: expected
    within --ahead, of everybody. --until: how many purchases were expected after that day and how
    many came.

    \b
    Example:
      bespoke evaluate ltv orders.csv --customer id --date day --amount total --until 2026-06-30
    """
    given = {
        "frequency": frequency,
        "recency": recency,
        "age": age,
        "money": money,
        "customer": customer,
        "date": date_,
        "amount": amount,
    }
    columns = {what: name for what, name in given.items() if name}
    try:
        with bar("reading", None) as step:
            asked = Asked(columns, unit, ahead, discount, until.date() if until else None)
            found = evaluate(file, asked, step)
    except (ValueError, OSError, MissingPackageError) as error:
        fail(str(error))
    show(_plain(found, asked), _words(found, asked), as_json=as_json)


def _plain(found: Found, asked: Asked) -> dict[str, Any]:
    model, money = found.model, found.money
    return {
        "customers": found.customers,
        "unit": asked.unit,
        "bg_nbd": {
            "r": model.r,
            "alpha": model.alpha,
            "a": model.a,
            "b": model.b,
            "log_likelihood": model.log_likelihood,
        },
        "gamma_gamma": money
        and {"p": money.p, "q": money.q, "gamma": money.gamma, "mean": money.mean, "correlation": money.correlation},
        "ahead": asked.ahead,
        "alive": float(found.alive.mean()),
        "purchases": float(found.purchases.sum()),
        "value": None if found.values is None else float(found.values.sum()),
        "value_quantiles": _quantiles(found),
        "later": found.later
        and {"ahead": found.later.ahead, "expected": found.later.expected, "counted": found.later.counted},
        "warnings": list(found.warnings),
    }


def _quantiles(found: Found) -> dict[str, float] | None:
    if found.values is None:
        return None
    return {f"{share}": float(np.quantile(found.values, share)) for share in (0.1, 0.5, 0.9, 0.99)}


def _words(found: Found, asked: Asked) -> str:
    m, ahead = found.model, f"{asked.ahead:g} {asked.unit}s"
    lines = [
        f"{found.customers:,} customers. BG/NBD: r {m.r:.3f}, alpha {m.alpha:.3f}, a {m.a:.3f}, b {m.b:.3f}.",
        f"Still customers: {found.alive.mean():.1%}. Purchases expected within {ahead}: {found.purchases.sum():,.0f}.",
    ]
    if found.money:
        g = found.money
        lines.append(f"Gamma-gamma: p {g.p:.2f}, q {g.q:.2f}, gamma {g.gamma:.2f}; a purchase is worth {g.mean:.2f}.")
    if found.values is not None:
        worth = f"{found.values.sum():,.2f}, {found.values.mean():.2f} a customer"
        lines.append(f"Value within {ahead}: {worth}.")
    if found.later:
        late = found.later
        came = f"{late.expected:,.0f} purchases were expected, {late.counted:,} came"
        lines.append(f"Within {late.ahead:.1f} {asked.unit}s after --until, {came}.")
    return "\n".join((*lines, *(f"Warning: {said}." for said in found.warnings)))
