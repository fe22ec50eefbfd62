"""``experiment power``: plans without a log."""

from typing import Any

import click

from app.cli.output import fail, json_option, show
from queries.experiment_plan import PlanAsk, PlanError, plan

MISSING = {"rate": "give --rate, or --mean and --sd", "effect": "give --effect, or --units, or --daily and --days"}
SHARE = click.FloatRange(0, 1, True, True)


@click.command()
@click.option("--rate", type=SHARE, help="The control's conversion rate, .03 for 3 %; or --mean with --sd.")
@click.option("--mean", type=float, help="The control's mean of a metric.")
@click.option("--sd", type=click.FloatRange(0, min_open=True), help="Its standard deviation from unit to unit.")
@click.option("--effect", type=float, help="Relative effect that should show, .05 for 5 %.")
@click.option("--units", type=click.IntRange(2, 10**12), help="Units in both arms: what would show?")
@click.option("--daily", type=click.FloatRange(0, min_open=True), help="New units a day in both arms: for how long?")
@click.option("--days", type=click.IntRange(1, 3650), help="With --daily instead of --units.")
@click.option("--alpha", type=SHARE, default=0.05, show_default=True)
@click.option("--power", "power_", type=SHARE, default=0.8, show_default=True, help="The chance to see it.")
@click.option("--share", type=SHARE, default=0.5, show_default=True, help="Of the treatment among both arms.")
@click.option("--arms", type=click.IntRange(2, 50), default=2, show_default=True, help="Alpha is divided by the rest.")
@click.option(
    "--rho", type=click.FloatRange(-1, 1, True, True), default=0.0, help="Correlation with a covariate (CUPED)."
)
@click.option("--sequential", is_flag=True, help="You want to look every day.")
@json_option
def power(
    rate: float | None,
    mean: float | None,
    sd: float | None,
    effect: float | None,
    units: int | None,
    daily: float | None,
    days: int | None,
    alpha: float,
    power_: float,
    share: float,
    arms: int,
    rho: float,
    sequential: bool,
    as_json: bool,
) -> None:
    """How many units, for how long, to see how much. Needs no log.

    \b
    With --effect: how many units, and with --daily for how many days.
    With --units, or --daily and --days: the smallest relative increase that shows.

    \b
    Examples:
      bespoke experiment power --rate .03 --effect .05 --daily 20000
      bespoke experiment power --mean 42 --sd 80 --units 100000 --rho .6 --sequential
    """
    ask = PlanAsk(rate, mean, sd, effect, units, daily, days, alpha, power_, share, arms, rho, sequential)
    try:
        found = plan(ask)
    except PlanError as error:
        fail(MISSING[error.field])
    except ValueError as error:
        fail(str(error))
    show(found, _words(found, ask), as_json=as_json)


def _words(found: dict[str, Any], asked: PlanAsk) -> str:
    looks = "looked at every day" if asked.sequential else "looked at once, at its end"
    sure = f"alpha {asked.alpha:g}, power {asked.power:g}, {looks}"
    if "control" not in found:
        return f"{found['units']:,} units in both arms show an increase of {found['effect']:.2%} ({sure})."
    days = f" That takes {found['days']:,} days." if found["days"] else ""
    arms = f"{found['control']:,} in the control and {found['treatment']:,} in the treatment"
    return f"To see {found['effect']:+.2%}: {found['units']:,} units, {arms} ({sure}).{days}"
