"""Paths of channels with what came of them, from CSV: one row a path, columns and separator as the user names them."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path as File

from adapters.datasets.csv_rows import need, rows
from projections.attribution.paths import Path, merged, stepped

MOST_ROWS, MOST_TOUCHES, MOST_CHANNELS = 5_000_000, 10_000, 500
LONGEST_NAME = 200
LARGEST_COUNT, LARGEST_VALUE = 10**12, Decimal(10**12)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
#: Of more digits than a cell may have: nothing is rounded twice.
_EXACTLY = Context(prec=2 * LONGEST_NAME, Emin=MIN_EMIN, Emax=MAX_EMAX)


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; None: there is none. ``separator`` stands between a path's channels. ``optional``: columns that
    count as 0 where a file has them not."""

    path: str = "path"
    conversions: str = "total_conversions"
    value: str | None = "total_conversion_value"
    nulls: str | None = "total_null"
    separator: str = ">"
    optional: tuple[str, ...] = ()

    def there(self, names: Collection[str]) -> "Columns":
        """Without those that are optional and not there."""
        missing = {name for name in self.optional if name not in names}
        value, nulls = (None if each in missing else each for each in (self.value, self.nulls))
        return replace(self, value=value, nulls=nulls)


@dataclass(frozen=True, slots=True)
class Read:
    """``paths`` with values in millionths of the file's unit. ``rounded``: values that had more than six decimals.
    ``missing``: optional columns that the file has not."""

    paths: tuple[Path, ...]
    rows: int
    rounded: int
    missing: tuple[str, ...] = ()


def read(file: File, columns: Columns, step: Callable[[int], None] = lambda n: None) -> Read:
    """Equal paths are one. Raises ValueError that names file, line and column, and never what stands there."""
    found: list[Path] = []
    known: dict[str, str] = {}
    rounded, asked = 0, columns

    def look(names: list[str]) -> None:
        nonlocal columns
        columns = asked.there(names)
        needed = (columns.path, columns.conversions, columns.value, columns.nulls)
        need(file.name, names, [name for name in needed if name])

    for where, cells in rows(file, look):
        if len(found) >= MOST_ROWS:
            raise ValueError(f"{file.name}: more than {MOST_ROWS:,} rows")
        channels = _channels(where, columns, _text(where, cells, columns.path), known)
        value, cut = _value(where, cells, columns.value)
        conversions, nulls = (_count(where, cells, each) for each in (columns.conversions, columns.nulls))
        if value and not conversions:
            raise ValueError(f"{where}: {columns.value} without any {columns.conversions}")
        rounded += cut
        found.append(stepped(channels, conversions, value, nulls))
        step(1)
    if not found:
        raise ValueError(f"{file.name}: no row")
    missing = tuple(n for n in asked.optional if n not in (columns.value, columns.nulls))
    return Read(tuple(merged(found)), len(found), rounded, missing)


def _channels(where: str, columns: Columns, text: str, known: dict[str, str]) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(columns.separator)] if text.strip() else []
    if len(names) > MOST_TOUCHES:
        raise ValueError(f"{where}: {columns.path} has more than {MOST_TOUCHES:,} channels")
    for name in names:
        if name not in known:
            if not name or len(name) > LONGEST_NAME:
                raise ValueError(f"{where}: {columns.path} has a channel of no or more than {LONGEST_NAME} characters")
            if len(known) >= MOST_CHANNELS:
                raise ValueError(f"{where}: {columns.path} has more than {MOST_CHANNELS} different channels")
            known[name] = name
    return tuple(known[name] for name in names)


def _text(where: str, cells: Mapping[str, str], column: str) -> str:
    text = cells[column]
    if text is None:
        raise ValueError(f"{where}: {column} is missing")
    return text


def _count(where: str, cells: Mapping[str, str], column: str | None) -> int:
    if column is None:
        return 0
    number = _decimal(where, cells, column)
    if number != number.to_integral_value() or number > LARGEST_COUNT:
        raise ValueError(f"{where}: {column} is not a whole number of 0 to {LARGEST_COUNT:,}")
    return int(number)


def _value(where: str, cells: Mapping[str, str], column: str | None) -> tuple[int, bool]:
    """In millionths, half to even, and whether that rounded it."""
    if column is None:
        return 0, False
    scaled = _decimal(where, cells, column).scaleb(6, _EXACTLY)
    whole = scaled.to_integral_value(ROUND_HALF_EVEN)
    return int(whole), whole != scaled


def _decimal(where: str, cells: Mapping[str, str], column: str) -> Decimal:
    text = _text(where, cells, column).strip()
    number = Decimal(text) if len(text) <= LONGEST_NAME and _NUMBER.fullmatch(text) else None
    if number is None or not 0 <= number <= LARGEST_VALUE:
        raise ValueError(f"{where}: {column} is not a number of 0 to {LARGEST_VALUE:,}")
    return number
