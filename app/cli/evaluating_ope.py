"""``evaluate ope``."""

from dataclasses import asdict
from pathlib import Path

import click

from adapters.datasets import obd
from app.cli.output import bar, fail, json_option, show
from ml.ope.evaluate import DRAWS, Evaluation, evaluate, steps
from ml.ope.policies import NAMES

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
ORDER = ("logged", "ipw", "snipw", "dm", "dr", "switch_dr")


@click.command("ope")
@click.option("--log", "log_file", type=FILE, required=True, help="What was shown, CSV or .csv.gz.")
@click.option("--context", "context_file", type=FILE, required=True, help="The items, CSV or .csv.gz.")
@click.option("--policy", type=click.Choice(NAMES), required=True, help="Whose value is asked for.")
@click.option("--switch", type=click.FloatRange(min=0), help="Switch-DR's threshold. [default: chosen by the log]")
@click.option("--draws", type=click.IntRange(100, 100_000), default=DRAWS, show_default=True, help="Bootstrap draws.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@json_option
def ope(
    log_file: Path, context_file: Path, policy: str, switch: float | None, draws: int, seed: int, as_json: bool
) -> None:
    """Estimate what another policy would have earned, from a log of what was shown (off-policy evaluation).

    \b
    --log has the columns of the Open Bandit Dataset, in any order, others are ignored:
      timestamp             ISO 8601, UTC where no zone is given
      item_id               whole number, one of --context
      position              place on the page, from 1
      click                 0 or 1
      propensity_score      chance of that item at that place when it was shown, above 0
      user_feature_…        any number of columns, or none: categories of the user
      user-item_affinity_K  one for each item K, or none: numbers
    --context has
      item_id               each item that a policy may show, once
      item_feature_…        any number of columns, or none: numbers or categories

    \b
    Policies:
      uniform   every item alike
      popular   the items of the highest click rates in the first half of the log
      thompson  Beta-Bernoulli Thompson sampling as it stands after the first half
      logged    that of the log itself
    popular and thompson are evaluated on the second half alone.

    Prints clicks a showing with 95 % intervals (percentile bootstrap over rounds) by IPW, SNIPW, DM, DR and
    Switch-DR, with the effective sample size: how many evenly weighted rounds would tell as much. Below 100 it
    warns. Intervals are about chance in the log; DM's says nothing of how wrong its model of clicks is.
    """
    try:
        with bar("reading", None) as advance:
            log = obd.read(log_file, context_file, advance)
        with bar("estimating", steps(draws)) as advance:
            found = evaluate(log, policy, seed=seed, draws=draws, threshold=switch, step=advance)
    except ValueError as error:
        fail(str(error))
    show(_result(found), _words(found), as_json=as_json)


def _result(found: Evaluation) -> dict[str, object]:
    return {
        "policy": found.policy,
        "rounds": found.rounds,
        "clicks": found.clicks,
        "ess": round(found.effective, 1),
        "mean_weight": round(found.mean_weight, 4),
        "switch_threshold": round(found.threshold, 4),
        **{name: {key: round(value, 8) for key, value in asdict(found.estimates[name]).items()} for name in ORDER},
        "warning": "; ".join(found.warnings) or None,
    }


def _words(found: Evaluation) -> str:
    lines = [f"Policy {found.policy}, {found.rounds:,} rounds, effective sample size {found.effective:,.0f}."]
    for name in ORDER:
        each = found.estimates[name]
        lines.append(f"  {name:<10} {each.value:.5f}  ({each.low:.5f} … {each.high:.5f})")
    return "\n".join((*lines, *(f"Warning: {said}." for said in found.warnings)))
