"""``identity``: train, link, review, unlink, replay."""

import logging
import signal
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from pydantic import TypeAdapter, ValidationError

from app.cli.customers import account, accounted
from app.cli.output import bar, fail, json_option, show, steps
from app.identities import link as linking
from app.identities import model as training
from app.identities import replay as replaying
from app.identities import review as reviewing
from app.settings import Settings
from app.starting import started
from app.wiring import Wiring
from domain.values import Text
from queries.review import Question, UnknownPairError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN = 20
reason_option = click.option(
    "--reason", required=True, metavar="WORDS", help="Why; it is recorded. 500 letters at most."
)


@click.group()
def identity() -> None:
    """Find out which streams are one person, and decide where that is not clear."""


@identity.command()
@click.argument("file", type=FILE, required=False)
@click.option("--from-log", is_flag=True, help="Learn from the details that persons have given.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column not to be used. May be repeated.")
@click.option("--map", "mapped", multiple=True, metavar="FIELD=COLUMN", help="What a column holds. May be repeated.")
@json_option
def train(file: Path | None, from_log: bool, drop: tuple[str, ...], mapped: tuple[str, ...], as_json: bool) -> None:
    """Learn the weights of comparisons, from FILE or the log, and put the model into use.

    Nobody needs to say which records are one person. Columns are recognised as in: bespoke evaluate identity --help
    """
    from adapters.datasets.table import MissingPackageError
    from adapters.splink.engine import MissingPackageError as NoSplinkError

    if (file is None) is not from_log:
        raise click.UsageError("give a FILE, or --from-log")
    with Wiring(Settings()) as wiring:
        wiring.provision()
        try:
            with steps() as step:
                found = (
                    training.from_log(wiring, step)
                    if file is None
                    else training.from_file(wiring, file, mapped, drop, step)
                )
        except (ValueError, OSError, MissingPackageError, NoSplinkError, training.NoModelError) as error:
            fail(str(error))
    words = f"Identity model {found.version}, from {found.records:,} records in {found.seconds:.1f} s, is in use now."
    said = {"model": found.digest, "version": found.version, "records": found.records}
    show(said | {"seconds": round(found.seconds, 2)}, words, as_json=as_json)


@identity.command()
@click.option("--follow", is_flag=True, help="Go on with what is recorded from now on, until stopped.")
@json_option
def link(follow: bool, as_json: bool) -> None:
    """Link streams that are one person by what was told of them; take back what no longer holds."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    if follow:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        with started(Settings(), Wiring.bus) as wiring:
            linking.follow(wiring, stop)
        return
    with Wiring(Settings()) as wiring:
        wiring.provision()
        try:
            count = linking.link_all(wiring)
        except (training.NoModelError, linking.AnotherLinkerError) as error:
            fail(str(error))
    show({"ties": count}, f"{count} ties changed.", as_json=as_json)


@identity.command("fill")
@json_option
def fill_(as_json: bool) -> None:
    """Make the index of linking anew from the whole log, and record what comes of it.

    For when linking is first switched on, or the index is lost. Linking does the same by itself where it finds none.
    Stop `bespoke identity link --follow` for as long. Can be killed and run again: nothing is recorded twice.
    """
    with Wiring(Settings()) as wiring, bar("events") as progress:
        wiring.provision()
        try:
            found = linking.fill(wiring, progress)
        except (training.NoModelError, linking.AnotherLinkerError) as error:
            fail(str(error))
    rate = found.streams / max(found.seconds, 1e-9)
    words = (
        f"{found.streams:,} records in {found.seconds:.1f} s, {rate:,.0f} a second: {found.compared:,} can be "
        f"compared, {found.pairs:,} pairs may be one person, {found.ties:,} ties changed."
    )
    said = {"records": found.streams, "compared": found.compared, "pairs": found.pairs, "ties": found.ties}
    show(said | {"seconds": round(found.seconds, 2), "records_per_s": round(rate)}, words, as_json=as_json)


@identity.group()
def review() -> None:
    """Decide about pairs that may be one person."""


@review.command("list")
@click.option("--limit", type=click.IntRange(1, reviewing.MOST), default=SHOWN, show_default=True)
@click.option("--details", is_flag=True, help="With what the two told of themselves. The audit log keeps who looked.")
@json_option
def list_(limit: int, details: bool, as_json: bool) -> None:
    """The pairs that are to be decided, the likeliest first."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        try:
            found = reviewing.questions(wiring, limit)
        except training.NoModelError as error:
            fail(str(error))
        for question in found if details else ():
            for stream in (question.one, question.other):
                accounted(wiring, "identity.review", stream)
    lines = [_line(question, details) for question in found]
    show(
        {"pairs": [_plain(question, details) for question in found]},
        "\n".join(lines) or "There is nothing to decide.",
        as_json=as_json,
    )


@review.command()
@click.argument("one", type=click.UUID)
@click.argument("other", type=click.UUID)
@reason_option
@json_option
def accept(one: UUID, other: UUID, reason: str, as_json: bool) -> None:
    """The streams ONE and OTHER are one person."""
    _decide(reviewing.accept, one, other, reason, "They are one person now.", as_json)


@review.command()
@click.argument("one", type=click.UUID)
@click.argument("other", type=click.UUID)
@reason_option
@json_option
def reject(one: UUID, other: UUID, reason: str, as_json: bool) -> None:
    """The streams ONE and OTHER are two people, whatever scores say from now on."""
    _decide(reviewing.reject, one, other, reason, "They are kept apart.", as_json)


@identity.command()
@click.argument("one", type=click.UUID)
@click.argument("other", type=click.UUID)
@reason_option
@json_option
def unlink(one: UUID, other: UUID, reason: str, as_json: bool) -> None:
    """Take a merge back: the streams ONE and OTHER are two people, and stay so whatever is told of them.

    What was linked to both, such as a family's e-mail address, then belongs to neither. To take it back in turn:
    bespoke identity review accept ONE OTHER
    """
    _decide(reviewing.reject, one, other, reason, "They are kept apart.", as_json)


@identity.command()
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    required=True,
    help="Match probability from which streams are one person; .999 is in use.",
)
@json_option
def replay(threshold: float, as_json: bool) -> None:
    """Which persons there would be under another threshold. Nothing is written."""
    from adapters.splink.engine import MissingPackageError

    with Wiring(Settings()) as wiring:
        wiring.provision()
        try:
            with steps() as step:
                found = replaying.replay(wiring, threshold, step)
        except (training.NoModelError, MissingPackageError) as error:
            fail(str(error))
    said = {
        "threshold": threshold,
        "streams": found.streams,
        "persons_before": found.persons_before,
        "persons_after": found.persons_after,
        "persons_merged": found.merged,
        "gone": [[str(stream) for stream in person] for person in found.gone],
        "new": [[str(stream) for stream in person] for person in found.new],
    }
    words = f"{found.persons_before:,} persons now, {found.persons_after:,} at {threshold}:"
    lines = [f"{words} {len(found.gone):,} would be gone, {len(found.new):,} new."]
    lines += [f"- {_ids(person)}" for person in found.gone[:SHOWN]]
    lines += [f"+ {_ids(person)}" for person in found.new[:SHOWN]]
    show(said, "\n".join(lines), as_json=as_json)


def _decide(decide: Any, one: UUID, other: UUID, reason: str, words: str, as_json: bool) -> None:
    if one == other:
        raise click.BadParameter("the same stream twice", param_hint="OTHER")
    try:
        TypeAdapter(Text).validate_python(reason)
    except ValidationError:
        raise click.BadParameter("500 letters at most", param_hint="--reason") from None
    with Wiring(Settings()) as wiring:
        wiring.provision()
        try:
            new = decide(wiring, one, other, f"cli:{account()}", reason)
        except UnknownPairError as error:
            fail(str(error))
    said = {"one": str(one), "other": str(other), "recorded": new}
    show(said, words if new else "That was recorded before.", as_json=as_json)


def _plain(question: Question, details: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "one": str(question.one),
        "other": str(question.other),
        "weight": round(question.weight, 3),
        "probability": round(question.probability, 6),
        "evidence": [each._asdict() for each in question.evidence],
    }
    return said | ({"told": list(question.told)} if details else {})


def _line(question: Question, details: bool) -> str:
    evidence = ", ".join(f"{e.comparison} {e.level} {e.weight:+.1f}" for e in question.evidence)
    line = f"{question.one} {question.other}  {question.probability:.4f}  {evidence}"
    if details:
        line += "".join(f"\n    {' '.join(f'{k}={v}' for k, v in told.items())}" for told in question.told)
    return line


def _ids(person: tuple[UUID, ...]) -> str:
    return " ".join(map(str, person))
