"""``training-set export`` and ``check``."""

import re
import sys
from dataclasses import asdict
from pathlib import Path

import click

from app.cli.output import bar, fail, json_option, show
from app.settings import Settings
from app.training import export as training_export
from app.training import leak_check as training_check
from app.training import training_set
from app.tuning import for_batches
from app.wiring import Wiring
from projections.examples import Rules
from projections.moment import millis
from queries.moment import read_time

DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _until(context: click.Context, option: click.Parameter, given: str | None) -> int | None:
    """The first millisecond after the time. Raises BadParameter, without what was given."""
    if given is None:
        return None
    try:
        return millis(read_time(f"{given}T23:59:59.999999Z" if DATE.fullmatch(given) else given)) + 1
    except ValueError as error:
        raise click.BadParameter(f"{error}; or a date alone, for the end of that day in UTC", context, option) from None


UNTIL = click.option(
    "--until",
    metavar="TIME",
    callback=_until,
    help="Examples up to this time. A date means the end of that day.",
)
OPT_IN = click.option("--opt-in", is_flag=True, help="Only people who said yes to profiling and training.")
KNOWN = click.option("--known-then", is_flag=True, help="Features hold only what was recorded by then.")


@click.group("training-set")
def sets() -> None:
    """What models learn from: the record just before each interaction, from the event log."""


@sets.command("export")
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, help="A new folder.")
@click.option("--exact-times", is_flag=True, help="Times to the millisecond; otherwise they are cut to the hour.")
@UNTIL
@OPT_IN
@KNOWN
@json_option
def export(folder: Path, exact_times: bool, until: int | None, opt_in: bool, known_then: bool, as_json: bool) -> None:
    """Write the training set as arrays with a manifest.

    Its rows are pseudonymous, and personal data still: an erasure does not reach the copy. Delete it after use.
    """
    for_batches()
    try:
        training_export.refuse_used(folder)
        with Wiring(Settings()) as wiring:
            wiring.provision()
            found = _read(wiring, Rules(assumed=not opt_in, known=known_then, until_ms=until))
        manifest = training_export.export(found, folder, exact=exact_times)
    except training_export.ExportError as error:
        fail(str(error))
    words = f"{manifest['examples']:,} examples of {manifest['persons']:,} persons, digest {manifest['digest'][:12]}."
    show(manifest, words, as_json=as_json)


@sets.command("check")
@click.option("--persons", type=click.IntRange(1, 100_000), default=200, help="How many are folded again.")
@UNTIL
@OPT_IN
@KNOWN
@json_option
def check(persons: int, until: int | None, opt_in: bool, known_then: bool, as_json: bool) -> None:
    """Look for features that know the future. Exit code 1 if there is one."""
    for_batches()
    with Wiring(Settings()) as wiring:
        wiring.provision()
        found = _read(wiring, Rules(assumed=not opt_in, known=known_then, until_ms=until))
        with bar("changing the future", training_check.CUTS) as advance:
            leaks = training_check.check(wiring, found, persons, advance)
    lines = [f"{leak.column}: {leak.how} ({leak.extent:g})" for leak in leaks]
    result = {
        "examples": len(found.examples),
        "leaks": [asdict(leak) for leak in leaks],
    }
    show(result, "\n".join(lines) or f"No leak in {len(found.examples):,} examples.", as_json=as_json)
    if leaks:
        sys.exit(1)


def _read(wiring: Wiring, rules: Rules) -> training_set.TrainingSet:
    with bar("log → examples", sum(log.head() for log in wiring.customers)) as advance:
        return training_set.read(wiring, rules, advance)
