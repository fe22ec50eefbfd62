"""What commands print: words for people, one JSON object with ``--json``; progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

errors = Console(stderr=True, highlight=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")


def show(result: dict[str, Any], words: str, *, as_json: bool) -> None:
    """Prints a result."""
    click.echo(json.dumps(result, default=str) if as_json else words)


def fail(reason: str) -> NoReturn:
    """One line on standard error, exit code 1."""
    errors.print(f"[bold red]bespoke:[/] {escape(reason)}", soft_wrap=True)
    sys.exit(1)


@contextmanager
def bar(words: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar, where there is a terminal; the function given back advances it."""
    if not errors.is_terminal:
        yield lambda n: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task(words, total=total)
        yield lambda n: progress.advance(task, n)


@contextmanager
def steps() -> Iterator[Callable[[str], Callable[[float], None]]]:
    """A bar for each step, begun by its words; the function given back is told which part of it is done. A step is over
    when the next one begins."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, console=errors, transient=not errors.is_terminal) as progress:

        def step(words: str) -> Callable[[float], None]:
            for task in progress.tasks:
                if not task.finished:
                    progress.update(task.id, completed=1.0)
            started = progress.add_task(words, total=1.0)
            return lambda part: progress.update(started, completed=part)

        yield step
