"""``evaluate experiment``."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from adapters.datasets.table import Gaps, MissingPackageError
from adapters.reports.plain import corrections_plain, result_plain
from app.cli.output import bar, fail, json_option, show
from app.evaluation.experiment import Asked, Found, evaluate
from projections.experiments.analysis import Result
from projections.experiments.bayesian import Prior
from projections.experiments.correction import Correction
from projections.experiments.verdict import sentence, verdict

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("experiment")
@click.argument("file", type=FILE)
@click.option("--arm", required=True, metavar="COL", help="Column of the arm (variant, group).")
@click.option("--metrics", required=True, metavar="COL,COL", help="Columns measured; the first is the primary one.")
@click.option("--control", metavar="NAME", help="The control. [default: the arm named control, baseline, none, no …]")
@click.option("--covariate", metavar="COL", help="Known before exposure: variance is cut by CUPED.")
@click.option("--ratio", "ratios", multiple=True, metavar="NUM/DEN", help="A ratio of two columns. May be repeated.")
@click.option("--cap", type=click.FloatRange(50, 100, True, True), help="Percentile at which amounts are capped, 99.")
@click.option("--segment", metavar="COL", help="The same within each value of this column.")
@click.option("--alpha", type=click.FloatRange(0, 0.5, True), default=0.05, show_default=True)
@click.option("--correction", type=click.Choice([c.value for c in Correction]), default="holm", show_default=True)
@click.option("--sequential", is_flag=True, help="Intervals that hold however often you look.")
@click.option(
    "--planned",
    type=click.IntRange(2, 10**12),
    help="Sequences are tuned to so many units in two arms. [default: 10,000]",
)
@click.option("--step", metavar="COL", help="Column of the time step: a look after each. Implies --sequential.")
@click.option("--cumulative", is_flag=True, help="Aggregated rows hold all units so far, not those of a step.")
@click.option("--prior-sd", type=click.FloatRange(0, 10, True), help="Bayesian: prior of the uplift. [default: none]")
@click.option("--shares", metavar="ARM=N,ARM=N", help="Designed shares. [default: alike]")
@click.option(
    "--missing",
    type=click.Choice([g.value for g in Gaps]),
    default="refuse",
    show_default=True,
    help="A cell without a number: an error; 0; or its row is left out of that metric, with a warning.",
)
@click.option("--lower-is-better", metavar="COL,COL", default="", help="Metrics of which less is better.")
@json_option
def experiment(
    file: Path,
    arm: str,
    metrics: str,
    control: str | None,
    covariate: str | None,
    ratios: tuple[str, ...],
    cap: float | None,
    segment: str | None,
    alpha: float,
    correction: str,
    sequential: bool,
    planned: int | None,
    step: str | None,
    cumulative: bool,
    prior_sd: float | None,
    shares: str | None,
    missing: str,
    lower_is_better: str,
    as_json: bool,
) -> None:
    """Analyse an A/B test from FILE: each arm against the control in each metric.

    \b
    FILE is CSV with a header line (.gz too; comma, semicolon or tab), or .parquet. Either
      a row is a unit (a person, a session): --arm and --metrics are columns, of numbers or
      of true/false, yes/no; in files divided by semicolons a comma may be the decimal sign, or
      a row is an arm at a time step, already counted, in the columns
        arm        as named by --arm
        metric     which metric; --metrics picks some. Not needed if there is but one
        step       a number or ISO date; may also be called time_step, day, date, time
        count      units; or n, users, units
        mean       of one unit; or average, avg
        variance   of one unit; or var
      of that step alone, or of all units so far with --cumulative.

    \b
    Two proportions (columns of 0 and 1, found by themselves) are compared by z with pooled
    variance, means and ratios by Welch's t. Intervals have each arm's own variance; relative
    uplift has its by the delta method. Bayesian: chance to beat the control, credible interval
    and expected loss of the relative uplift, without a prior or with a normal one of --prior-sd.
    p_corrected is for all arms and metrics together; significant means p_corrected < alpha.
    --sequential: asymptotic confidence sequences (Waudby-Smith et al. 2021), narrowest at
    --planned units. Fix that number before the start and keep it at every look.
    The arms' counts are tested against --shares (chi-square, alpha .001): if they cannot have
    come about by chance there is no verdict, whatever the metrics say.

    \b
    Example:
      bespoke evaluate experiment mails.csv.gz --arm segment --metrics visit,spend \\
        --control none --covariate history --cap 99.9 --json
    """
    try:
        asked = Asked(
            arm,
            _names("--metrics", metrics),
            control,
            covariate,
            segment,
            step,
            tuple(_pair(each) for each in ratios),
            cap,
            alpha,
            Correction(correction),
            sequential,
            planned,
            cumulative,
            Prior(0.0, prior_sd) if prior_sd else None,
            shares,
            Gaps(missing),
        )
        with bar("reading", None) as advance:
            found = evaluate(file, asked, advance)
    except (ValueError, OSError, MissingPackageError) as error:
        fail(str(error))
    lower = _names("--lower-is-better", lower_is_better) if lower_is_better else ()
    told = verdict(found.report, asked.metrics[0], lower)
    show(_plain(found, told), _words(found, told), as_json=as_json)


def _names(option: str, given: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
    if not 1 <= len(names) <= 50:
        fail(f"{option}: 1 to 50 names with commas between")
    return names


def _pair(given: str) -> tuple[str, str]:
    above, slash, below = given.partition("/")
    if not (above and slash and below):
        raise ValueError("--ratio: write it as NUM/DEN, two columns")
    return above, below


def _plain(found: Found, told: str) -> dict[str, Any]:
    report = found.report
    return {
        "verdict": told,
        "control": report.options.control,
        "alpha": report.options.alpha,
        "correction": report.options.correction.value,
        "corrections": corrections_plain(report.results),
        "arms": dict(report.counts),
        "srm": asdict(report.mismatch) if report.mismatch else None,
        "blocked": report.blocked,
        "results": [result_plain(each, report.options.alpha) for each in report.results],
        "paths": [
            {"metric": metric, "arm": arm, "decided": path.decided, "looks": [asdict(look) for look in path.looks]}
            for (metric, arm), path in found.paths.items()
        ],
        "segments": _segments(found),
        "warnings": list(found.warnings),
    }


def _segments(found: Found) -> dict[str, Any] | None:
    if not found.segments:
        return None
    alpha = found.report.options.alpha
    return {
        "warning": found.segments.warning,
        "differ": [{"metric": m, "arm": a, "p_value": p} for (m, a), p in found.segments.differ.items()],
        "results": {name: [result_plain(r, alpha) for r in each] for name, each in found.segments.results.items()},
    }


def _words(found: Found, told: str) -> str:
    report = found.report
    arms = ", ".join(f"{name} {n:,}" for name, n in report.counts.items())
    lines = [f"Verdict: {told}", f"Arms: {arms}. Control: {report.options.control}."]
    if report.mismatch:
        lines.append(f"Shares of the arms: chi-square p = {report.mismatch.p_value:.3g}.")
    lines += [_line(result, report.options.alpha) for result in report.results]
    for (metric, arm), path in found.paths.items():
        when = f"decided at step {path.decided}" if path.decided else "not decided"
        lines.append(f"{metric}, {arm}: {len(path.looks)} looks, {when}.")
    if found.segments:
        lines.append(f"Segments. Warning: {found.segments.warning}.")
        for name, results in found.segments.results.items():
            lines += [f"  {name}: {_line(result, report.options.alpha)}" for result in results]
        for (metric, arm), p in found.segments.differ.items():
            lines.append(f"  {metric}, {arm}: the same in all segments? p = {p:.3g}.")
    return "\n".join((*lines, *(f"Warning: {said}." for said in found.warnings)))


def _line(result: Result, alpha: float) -> str:
    words = sentence(result, alpha)
    if result.comparison and result.posterior:
        words += f" {result.comparison.test} = {result.comparison.statistic:.2f}, p = {result.p_value:.3g},"
        words += f" chance to beat the control {result.posterior.chance:.1%}."
    return words
