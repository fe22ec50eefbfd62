"""``attribution``: which channels orders are owed to, from the log."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from adapters.attribution import Version
from adapters.bulk_attribution.export import export as write_export
from adapters.bulk_attribution.report import ExportError, MissingPackageError, opened
from adapters.bulk_attribution.report import report as in_bulk
from adapters.reports import tables
from adapters.reports.attribution import page
from app.cli.output import bar, fail, json_option, show
from app.cli.reporting import document_option, positions_of, refusals, tell
from app.reporting import attribution as from_log
from app.reporting import restating
from app.reporting.contribution import with_experiment
from app.settings import Settings
from app.training.training_set import heads
from app.training.work import Positions
from app.wiring import Wiring
from domain.money import EXPONENTS, from_cents
from projections.attribution.models import MODELS
from projections.attribution.rules import DAY_MS, HOUR_MS, MINUTE_MS, Rules
from queries.attribution_plain import plain
from queries.attribution_report import Asked, AttributionReport
from queries.reports import Document

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
DATE = click.DateTime(["%Y-%m-%d"])


@click.group()
def attribution() -> None:
    """Which channels orders are owed to, folded from the log."""


def position_option(command: Callable[..., None]) -> Callable[..., None]:
    """Where in the log to stand."""
    words = "Positions of the shards' logs, as a report names them. [default: all]"
    return click.option("--as-of-position", "at", metavar="N,N,…", help=words)(command)


def asked_options(command: Callable[..., None]) -> Callable[..., None]:
    """What is asked for."""
    options = (
        click.option("--model", "models", default="all", show_default=True, metavar="NAME,…", help=", ".join(MODELS)),
        click.option(
            "--from", "begin", type=DATE, help="Orders from this day (UTC) on. [default: 30 days before --to]"
        ),
        click.option("--to", "end", type=DATE, help="Orders before this day (UTC). [default: tomorrow]"),
        click.option("--lookback-days", type=click.IntRange(1, 400), default=30, show_default=True),
        click.option("--session-minutes", type=click.IntRange(0, 1440), default=30, show_default=True),
        click.option("--half-life-days", type=click.IntRange(1, 400), default=7, show_default=True),
        click.option("--every-order", is_flag=True, help="A touch counts for each order within the lookback."),
        click.option("--clicks-only", is_flag=True, help="Recommendations that were shown are no touch."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def asked_of(
    models: str,
    begin: datetime | None,
    end: datetime | None,
    lookback_days: int,
    session_minutes: int,
    half_life_days: int,
    every_order: bool,
    clicks_only: bool,
) -> Asked:
    """Of what stands on the command line."""
    names = MODELS if models == "all" else tuple(dict.fromkeys(name.strip() for name in models.split(",")))
    if unknown := [name for name in names if name not in MODELS]:
        fail(f"--model: there is no {unknown[0][:40]}; there are {', '.join(MODELS)}")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    until = end.replace(tzinfo=UTC) if end else today + timedelta(days=1)
    since = begin.replace(tzinfo=UTC) if begin else until - timedelta(days=30)
    if since >= until:
        fail("--from must be before --to")
    rules = Rules(
        lookback_days * DAY_MS,
        session_minutes * MINUTE_MS,
        half_life_days * (DAY_MS // HOUR_MS),
        not every_order,
        not clicks_only,
    )
    return Asked(names, int(since.timestamp() * 1000), int(until.timestamp() * 1000), rules)


@attribution.command("report")
@asked_options
@position_option
@click.option("--experiment", metavar="KEY", help="Put beside it what this experiment of recommendations measured.")
@click.option("--export", "folder", type=FOLDER, help="Read an export instead of the log, in bulk by DuckDB.")
@click.option("--publish", is_flag=True, help="Keep it as a version, with the cause of each difference to the last.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: a row for each channel of each model.")
@click.option("--parquet", type=FILE, help="Write the same rows as Parquet; - for standard output.")
@click.option("--html", type=FILE, help="Write a page without scripts; - for standard output.")
@document_option
@json_option
def report_(
    at: str | None,
    experiment: str | None,
    folder: Path | None,
    publish: bool,
    as_csv: bool,
    parquet: Path | None,
    html: Path | None,
    document: bool,
    as_json: bool,
    **asked_for: Any,
) -> None:
    """Which channels the orders of a period are owed to, by each model, in each currency.

    credits + unattributed + erased = net revenue of the ledger, to the cent. An order's refunds count in the period of
    the order. The same positions give the same report, until somebody is erased.
    """
    asked = asked_of(**asked_for)
    if folder and (at or experiment or publish):
        fail(
            "--export: an export has its own position, and goes with none of --as-of-position, --experiment, --publish"
        )
    if publish and at:
        fail("--publish: what is published is as of now, without --as-of-position")
    with refusals(document):
        made, version = _exported(folder, asked) if folder else _folded(asked, at, experiment, publish)
    whole = plain(made)
    if document:
        tell(Document(whole, {}))
    elif not (printed := _written(whole, as_csv, parquet, html)):
        told = whole | ({} if version is None else {"version": version.version, "key": version.key})
        words = _words(made) + ("" if version is None else f"\n{_version_words(version)}")
        show(told, words, as_json=as_json)
    else:
        click.echo(printed, nl=False)


def _written(whole: dict[str, Any], as_csv: bool, parquet: Path | None, html: Path | None) -> bytes | None:
    """Writes files; what is to be printed instead of words."""
    try:
        forms = {
            parquet: tables.to_parquet(tables.attribution_rows(whole), tables.ATTRIBUTION) if parquet else b"",
            html: page(whole).encode() if html else b"",
        }
        for file, content in forms.items():
            if file and str(file) != "-":
                file.write_bytes(content)
    except (OSError, tables.MissingPackageError) as error:
        fail(str(error))
    if as_csv:
        return tables.to_csv(tables.attribution_rows(whole), tuple(tables.ATTRIBUTION))
    return forms.get(Path("-"))


def _exported(folder: Path, asked: Asked) -> tuple[AttributionReport, None]:
    try:
        with opened() as connection:
            return in_bulk(folder, asked, connection), None
    except (ExportError, MissingPackageError) as error:
        fail(str(error))


def _folded(
    asked: Asked, at: str | None, experiment: str | None, publish: bool
) -> tuple[AttributionReport, Version | None]:
    with Wiring(Settings()) as wiring:
        wiring.provision()
        positions = positions_of(wiring, at, "as-of-position")
        try:
            with bar("reading the log", sum(positions.shards)) as advance:
                published = from_log.publish(wiring, asked, advance) if publish else None
                made = published.made if published else from_log.made(wiring, asked, positions, advance)
        except from_log.PublishError as error:
            fail(str(error))
        if experiment:
            positions = Positions(positions.epoch, made.positions, positions.catalogue)
            made = with_experiment(wiring, made, experiment, positions)
        return made, published.version if published else None


@attribution.command("export")
@click.argument("folder", type=FOLDER)
@position_option
@json_option
def export_(folder: Path, at: str | None, as_json: bool) -> None:
    """Write touches and sales of all persons to a new FOLDER as Parquet, for `attribution report --export`.

    Persons are numbered; who they were is not in it. Their touches and when they were are: keep it as you keep the log,
    and delete it when somebody in it is erased.
    """
    with Wiring(Settings()) as wiring:
        wiring.provision()
        with refusals(False):
            positions = positions_of(wiring, at, "as-of-position")
        with bar("reading the log", sum(positions.shards)) as advance:
            trails = from_log.read(wiring, positions, advance)
    try:
        manifest = write_export(trails, positions.shards, folder)
    except (ExportError, MissingPackageError) as error:
        fail(str(error))
    told = f"{manifest['touches']:,} touches and {manifest['sales']:,} sales of {manifest['persons']:,} persons."
    show(manifest, told, as_json=as_json)


@attribution.command("versions")
@click.argument("key", required=False)
@json_option
def versions(key: str | None, as_json: bool) -> None:
    """Published reports, of KEY alone if named: each version, and why it is not the one before."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        found = wiring.published.told(key)
    told = {"versions": [each.plain() for each in found]}
    show(told, "\n".join(map(_version_words, found)) or "Nothing is published.", as_json=as_json)


@attribution.command("restate")
@json_option
def restate(as_json: bool) -> None:
    """Look again at every published report: those whose figures changed since get a new version that says why. The
    clock has this done daily."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        with bar("reading the log", sum(heads(wiring).shards)) as advance:
            done = restating.restate(wiring, advance)
    told = {"looked_at": done.looked_at, "restated": [each.plain() for each in done.new], "failed": done.failed}
    words = [f"{done.looked_at} reports looked at, {len(done.new)} restated.", *map(_version_words, done.new)]
    words += [f"{key} could not be restated." for key in done.failed]
    show(told, "\n".join(words), as_json=as_json)


def _version_words(version: Version) -> str:
    lines = [f"{version.key} version {version.version}, as of positions {','.join(map(str, version.positions))}."]
    for cause in (version.restatement or {}).get("causes", ()):
        net = [c for c in cause["changes"] if not c["model"]]
        amounts = ", ".join(f"{c['heading']} {_money(c['cents'], c['currency'], signed=True)}" for c in net)
        what = amounts or f"{len(cause['changes'])} credits moved" if cause["changes"] else "nothing"
        lines.append(f"  {cause['cause']} ({cause['events']:,} events): {what}")
    return "\n".join(lines)


def _words(made: AttributionReport) -> str:
    lines = []
    for each in made.currencies:
        money = each.money
        amounts = (money.net, money.credited, money.unattributed, money.erased)
        net, credited, unattributed, erased = (_money(cents, each.currency) for cents in amounts)
        lines.append(f"{each.currency}: {money.orders:,} orders, net revenue {net} = credited {credited}")
        lines[-1] += f" + unattributed {unattributed} + erased {erased}."
        for model in each.models:
            lines.append(f"  {model.model}")
            lines += [
                f"    {c.channel:<24}{_money(c.cents, each.currency):>16}  {c.share:6.1%}" for c in model.channels
            ]
        lines += [f"  {words}" for words in each.personalization.words]
        for lift in each.personalization.measured:
            change = f"{lift.change:+.1%} ({lift.low:+.1%} … {lift.high:+.1%})"
            lines.append(f"    {lift.experiment}, {lift.arm}, {lift.metric}: {change}")
    lines = lines or ["Nothing was ordered in this period."]
    return "\n".join((*lines, f"As of positions {','.join(map(str, made.positions))}."))


def _money(cents: int, currency: str, *, signed: bool = False) -> str:
    """Units in which nothing is known are counted as they are."""
    amount = from_cents(cents, currency) if currency in EXPONENTS else cents
    return f"{amount:+,} {currency}" if signed else f"{amount:,} {currency}"
