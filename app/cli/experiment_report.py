"""``experiment report``: what came of an experiment, folded from the log."""

from datetime import UTC, datetime
from pathlib import Path

import click

from adapters.reports import plain, tables
from adapters.reports.charts import MissingPackageError
from adapters.reports.experiment import document as drawn
from adapters.reports.experiment import page
from adapters.reports.plain import corrections_plain
from app.cli.output import bar, fail, json_option, show
from app.cli.reporting import document_option, positions_of, refusals, tell
from app.reporting import arm_shares, chosen_places, exposed_persons
from app.settings import Settings
from app.training.work import Positions
from app.wiring import Wiring
from projections.experiments.frequentist import Estimate
from projections.experiments.sequential import TUNED
from projections.experiments.verdict import sentence
from queries.experiment_report import Asked, ExperimentReport, report
from queries.experiments import experiments_of
from queries.explored_places import ExploredPlaces
from queries.reports import RefusedError

DAY_MS = 86_400_000
PATH = click.Path(dir_okay=False, path_type=Path)


@click.command("report")
@click.argument("key")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Nothing from this day or time (UTC) on counts. [default: now]",
)
@click.option("--within", "within_days", type=click.IntRange(1, 400), help="Days that count for each person.")
@click.option(
    "--at", "at", metavar="N,N,…", help="Positions of the shards' logs, as a report names them. [default: all]"
)
@click.option(
    "--planned", type=click.IntRange(2, 10**12), default=TUNED, show_default=True, help="Persons in two arms."
)
@click.option("--alpha", type=click.FloatRange(0, 0.5, True), default=0.05, show_default=True)
@click.option("--cap", "cap_cents", type=click.IntRange(1), help="Revenue of a person counts up to this, in cents.")
@click.option("--html", type=PATH, help="Write a page that needs no network too.")
@click.option("--csv", "csv_", type=PATH, help="Write all figures as one flat table too.")
@click.option("--parquet", type=PATH, help="The same as Parquet (needs pyarrow).")
@document_option
@json_option
def report_(
    key: str,
    until: datetime | None,
    within_days: int | None,
    at: str | None,
    planned: int,
    alpha: float,
    cap_cents: int | None,
    html: Path | None,
    csv_: Path | None,
    parquet: Path | None,
    document: bool,
    as_json: bool,
) -> None:
    """What came of the experiment KEY: verdict, each metric by arm, shares of the arms, the outcome board.

    The unit is the person, at their first exposure. Intervals of the primary metric hold at every look. Who was exposed
    to two arms is left out and counted. Arms whose sizes cannot have come about by chance have no verdict: that is
    recorded, and nothing can be shipped.
    """
    until_ms = int((until.replace(tzinfo=UTC) if until else datetime.now(UTC)).timestamp()) * 1000
    within_ms = within_days * DAY_MS if within_days else None
    with Wiring(Settings()) as wiring, refusals(document):
        wiring.provision()
        told = next((each for each in experiments_of(wiring.experiment_events()) if each.key == key), None)
        if told is None:
            raise RefusedError("there is no experiment with this key")
        positions = positions_of(wiring, at, "at")
        with bar("reading the log", sum(positions.shards)) as advance:
            currency = wiring.settings.currency
            found = exposed_persons.read(wiring, key, currency, positions, advance, with_showings=True)
        least = wiring.settings.least_people
        chosen = chosen_places.read(wiring, key, found.persons)
        made = report(told, found.persons, Asked(until_ms, alpha, planned, within_ms, cap_cents, least), chosen)
        if made.mismatch and made.mismatch.found:
            arm_shares.tell(wiring, told, made.came, made.mismatch.p_value, datetime.now(UTC))
    whole = plain.experiment(made, positions.shards, until_ms, currency)
    _write(whole, html, csv_, parquet)
    if document:
        tell(drawn(whole))
    else:
        show(whole, words(made, positions), as_json=as_json)


def _write(whole: plain.Plain, html: Path | None, csv_: Path | None, parquet: Path | None) -> None:
    try:
        if html:
            html.write_text(_page(whole), encoding="utf-8")
        if csv_:
            csv_.write_bytes(tables.to_csv(tables.experiment_rows(whole)))
        if parquet:
            parquet.write_bytes(tables.to_parquet(tables.experiment_rows(whole)))
    except (MissingPackageError, tables.MissingPackageError, OSError) as error:
        fail(str(error))


def _page(whole: plain.Plain) -> str:
    made = drawn(whole)
    if made.missing:
        raise MissingPackageError
    return page(made)


def place_lines(places: ExploredPlaces, alpha: float) -> list[str]:
    """Of what bandits chose."""
    level = f"{100 * (1 - alpha):g} % interval"
    lines = ["Places that a bandit filled, clicks a place by inverse propensity, at an even choice:"]
    for name, arm in places.arms.items():
        thin = ", thin: believe no interval" if arm.thin else ""
        lines.append(
            f"  {name}: SNIPW {_said(arm.snipw)}, IPW {_said(arm.ipw)} ({level}); {arm.shown:.3%} as it was chosen; "
            f"{arm.places:,} places of {arm.persons:,} persons, worth {arm.effective:,.0f} even ones{thin}."
        )
        if arm.difference and arm.p_corrected is not None:
            shown = "shown" if arm.p_corrected < alpha else "not shown"
            lines.append(f"  {name} against the control: {_said(arm.difference)}, {shown} once corrected for all arms.")
    if places.unread or places.untold:
        lines.append(f"  Without a receipt {places.unread:,} decisions; without a chance {places.untold:,} places.")
    return lines


def _said(of: Estimate | None) -> str:
    return "not known" if of is None else f"{of.value:.3%} ({of.low:.3%} … {of.high:.3%})"


def words(made: ExperimentReport, positions: Positions) -> str:
    """For a terminal."""
    alpha = made.report.options.alpha
    arms = ", ".join(f"{name} {count:,}" for name, count in made.report.counts.items())
    lines = [
        f"{made.key} ({made.told.state}): {made.told.design.hypothesis}",
        f"Verdict: {made.verdict}",
        f"Persons: {arms}.",
    ]
    lines += [f"Left out: {count:,} exposed to {' and '.join(each)}." for each, count in made.crossed.items()]
    if made.mismatch:
        lines.append(f"Shares of the arms: chi-square p = {made.mismatch.p_value:.3g}.")
    asked = (f"{each['of']} ({each['correction']}, {each['asked']})" for each in corrections_plain(made.report.results))
    lines.append(f"Corrected together: {'; '.join(asked)}.")
    lines += [sentence(result, alpha) for result in made.report.results]
    for arm, path in made.paths.items():
        when = f"decided on {path.decided}" if path.decided else "not decided"
        lines.append(f"{made.primary}, {arm}, day by day: {len(path.looks)} looks, {when}.")
    for by, each in made.segments.items():
        lines.append(f"By {by}. Warning: {each.warning}.")
        lines += [f"  {name}: {sentence(r, alpha)}" for name, results in each.results.items() for r in results]
    if made.places:
        lines += place_lines(made.places, alpha)
    lines += [f"Note: {note}." for note in made.notes]
    return "\n".join((*lines, f"As of positions {','.join(map(str, positions.shards))}."))
