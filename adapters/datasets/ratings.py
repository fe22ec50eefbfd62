"""RecBole's atomic ``.inter`` files: tab-separated, the first line names each column with its type."""

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from adapters.datasets.lines import lines, name

COLUMNS = ("user_id", "item_id", "rating", "timestamp")


class Rating(NamedTuple):
    """Who, what, how much it was liked, and when (any unit, as long as it grows)."""

    user: str
    item: str
    rating: float
    timestamp: float


def ratings(path: Path) -> Iterator[Rating]:
    """The rows in the file's order. Raises ValueError naming line and column."""
    rows = lines(path)
    where, head = next(rows, (path.name, ""))
    names = [cell.partition(":")[0] for cell in head.split("\t")]
    if missing := [column for column in COLUMNS if names.count(column) != 1]:
        raise ValueError(f"{where}: not exactly one column {', '.join(missing)}")
    places = [names.index(column) for column in COLUMNS]
    for where, text in rows:
        cells = text.split("\t")
        if len(cells) != len(names):
            raise ValueError(f"{where}: {len(cells)} cells, not {len(names)}")
        user, item, rating, timestamp = (cells[place].strip() for place in places)
        yield Rating(
            name(where, "user_id", user),
            name(where, "item_id", item),
            _number(where, "rating", rating),
            _number(where, "timestamp", timestamp),
        )


def _number(where: str, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ValueError(f"{where}: {column} is not a number")
    return number
