"""One session a line, its items in order with blanks between; in a test file, what was clicked before, a tab, and what
was clicked then. That is how NARM, SR-GNN and others exchange Diginetica and YooChoose."""

from collections.abc import Iterator
from pathlib import Path

from adapters.datasets.lines import lines, name

LONGEST_SESSION = 10_000


def sessions(path: Path) -> Iterator[list[str]]:
    """The sessions in the file's order, which is taken to be that of time. Raises ValueError naming the line."""
    for where, text in lines(path):
        yield _items(where, text)


def targets(path: Path) -> Iterator[tuple[list[str], str]]:
    """The items before, and the one that came then. Raises ValueError naming the line."""
    for where, text in lines(path):
        before, tab, then = text.partition("\t")
        if not tab:
            raise ValueError(f"{where}: no tab between the items before and the target")
        yield _items(where, before), name(where, "target", then.strip())


def _items(where: str, text: str) -> list[str]:
    items = text.split()
    if not 1 <= len(items) <= LONGEST_SESSION:
        raise ValueError(f"{where}: not 1 to {LONGEST_SESSION:,} items")
    return [name(where, "item", item) for item in items]
