"""``evaluate uplift``."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from adapters.datasets.table import MissingPackageError
from app.cli.output import bar, fail, json_option, show
from app.evaluation.uplift import EXPLORATORY, Asked, Found, evaluate
from ml.uplift.learners import LEARNERS

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("uplift")
@click.argument("file", type=FILE)
@click.option("--arm", required=True, metavar="COL", help="Column of the arm.")
@click.option("--metric", required=True, metavar="COL", help="Column of the outcome, a number or 0/1.")
@click.option("--features", required=True, metavar="COL,COL", help="Known before exposure: numbers or words.")
@click.option("--control", metavar="NAME", help="The control. [default: the arm named control, baseline, none, no …]")
@click.option("--learner", "learners", type=click.Choice(list(LEARNERS)), multiple=True, default=tuple(LEARNERS))
@click.option("--draws", type=click.IntRange(100, 10_000), default=500, show_default=True, help="Bootstrap draws.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@json_option
def uplift(
    file: Path,
    arm: str,
    metric: str,
    features: str,
    control: str | None,
    learners: tuple[str, ...],
    draws: int,
    seed: int,
    as_json: bool,
) -> None:
    """Who responds? Learn the effect of each arm on each unit from an A/B test in FILE (exploratory).

    \b
    FILE is CSV with a header line (.gz too) or .parquet; a row is a unit. Units are predicted by
    models that have not seen them (5 folds), and ranked by what is predicted. The T- and the
    X-learner (Künzel et al. 2019) over ridge regression are tried.

    \b
    Qini coefficient: by how much better it is to treat those ranked first than as many drawn at
    random, averaged over all shares, in outcomes a treated unit; with a 95 % bootstrap interval.
    Above 0: the ranking tells something. Groups: a fifth each, from the highest predicted effect
    to the lowest, with the effect that was measured in it.

    \b
    Example:
      bespoke evaluate uplift mails.csv.gz --arm segment --metric visit \\
        --features recency,history,channel --control none --json
    """
    names = tuple(dict.fromkeys(part.strip() for part in features.split(",") if part.strip()))
    if not 1 <= len(names) <= 200:
        fail("--features: 1 to 200 names with commas between")
    try:
        with bar("reading", None) as reading, bar("ranking", None) as ranking:
            asked = Asked(arm, metric, names, control, tuple(dict.fromkeys(learners)), draws, seed)
            found = evaluate(file, asked, reading, ranking)
    except (ValueError, OSError, MissingPackageError) as error:
        fail(str(error))
    show(
        {"exploratory": True, "note": EXPLORATORY, "results": [_plain(each) for each in found]},
        _words(found),
        as_json=as_json,
    )


def _plain(found: Found) -> dict[str, Any]:
    groups = [{"predicted": p, "measured": m, "standard_error": e} for p, m, e in found.groups]
    return {
        "arm": found.arm,
        "control": found.control,
        "learner": found.learner,
        "units": found.units,
        "effect": found.qini.curve[-1],
        "qini": asdict(found.qini) | {"shown": found.qini.shown},
        "groups": groups,
    }


def _words(found: list[Found]) -> str:
    lines = [EXPLORATORY]
    for each in found:
        q = each.qini
        said = "ranks better than chance" if q.shown else "no better than chance is shown"
        lines.append(f"{each.arm} against {each.control}, {each.learner}-learner, {each.units:,} units: {said}")
        lines.append(f"  Qini {q.coefficient:.5f} ({q.low:.5f} … {q.high:.5f}); effect on all {q.curve[-1]:.5f}")
        for n, (predicted, measured, error) in enumerate(each.groups, 1):
            lines.append(f"  group {n}: predicted {predicted:.5f}, measured {measured:.5f} ± {1.96 * error:.5f}")
    return "\n".join(lines)
