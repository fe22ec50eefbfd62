"""One person a line: the person, then the items in the order of time, with blanks between, as S3-Rec and others
exchange the Amazon reviews."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from adapters.datasets.lines import lines, name

LONGEST_HISTORY = 100_000


class Person(NamedTuple):
    """A person's items, oldest first."""

    name: str
    items: list[str]


def sequences(path: Path) -> Iterator[Person]:
    """The persons in the file's order. Raises ValueError naming the line; a person may come once."""
    seen = set[str]()
    for where, text in lines(path):
        person, *items = text.split()
        if not 1 <= len(items) <= LONGEST_HISTORY:
            raise ValueError(f"{where}: not a person and 1 to {LONGEST_HISTORY:,} items")
        if person in seen:
            raise ValueError(f"{where}: the person has a line already")
        seen.add(name(where, "person", person))
        yield Person(person, [name(where, "item", item) for item in items])
