"""What commands that report have in common: where in the log they stand, and how they say that there is nothing to
report, to people and to web processes."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from app.cli.output import fail
from app.training.training_set import heads
from app.training.work import Positions
from app.wiring import Wiring
from queries.reports import Document, RefusedError

document_option = click.option(
    "--document", is_flag=True, help="All that the report's page needs, as JSON: what web processes show."
)


def tell(made: Document) -> None:
    """Of ``--document``."""
    click.echo(json.dumps(asdict(made)))


@contextmanager
def refusals(document: bool) -> Iterator[None]:
    """A refusal is an answer to a web process, and to people one line and exit code 1."""
    try:
        yield
    except ValueError as error:
        option = error.option if isinstance(error, RefusedError) else None
        if document:
            click.echo(json.dumps({"refused": str(error), "option": option}))
            sys.exit(0)
        fail(f"--{option}: {error}" if option else str(error))


def positions_of(wiring: Wiring, at: str | None, option: str) -> Positions:
    """Those that ``option`` names, or all there is. Raises RefusedError."""
    now = heads(wiring)
    if at is None:
        return now
    try:
        asked = tuple(int(part) for part in at.split(","))
    except ValueError:
        raise RefusedError("whole numbers with commas between, one for each shard", option) from None
    if len(asked) != len(now.shards) or any(not 0 <= a <= head for a, head in zip(asked, now.shards, strict=True)):
        heads_now = ",".join(map(str, now.shards))
        raise RefusedError(f"one number for each of {len(now.shards)} shards, up to {heads_now}", option)
    return Positions(now.epoch, asked, now.catalogue)
