"""Logs in the columns of the Open Bandit Dataset (Saito et al. 2020, arXiv:2008.07146), as .csv or .csv.gz.

Log: timestamp, item_id, position, click, propensity_score, any number of user_feature_… (categories) and, optionally,
user-item_affinity_K for each item K. Context: item_id and any number of item_feature_… (numbers or categories). Other
columns are ignored.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from adapters.datasets.csv_rows import LONGEST_CELL, cell, rows
from ml.ope.log import Coded, Items, Log

MOST_ROWS, MOST_ITEMS, MOST_COLUMNS, MOST_VALUES, MOST_PLACES = 5_000_000, 5_000, 64, 1_000, 100
#: Affinities are kept as float32; so many of them take 4 GB.
MOST_AFFINITIES = 1_000_000_000
NEEDED = ("timestamp", "item_id", "position", "click", "propensity_score")
USER, ITEM, AFFINITY = "user_feature_", "item_feature_", "user-item_affinity_"


def read(log: Path, context: Path, step: Callable[[int], None] = lambda n: None) -> Log:
    """The log in the order of time, its items in the order of their ids. ``step`` is told of each row.

    Raises ValueError that names file, line and column, and never what stands there.
    """
    ids, items = read_items(context)
    gathered = _Gathered(ids)
    for number, (where, cells) in enumerate(rows(log, partial(_check_columns, log.name, needed=NEEDED))):
        if not number:
            gathered.start(log.name, cells)
        if number >= MOST_ROWS:
            raise ValueError(f"{log.name}: more than {MOST_ROWS:,} rows")
        gathered.add(where, cells)
        step(1)
    return gathered.log(items)


def read_items(path: Path) -> tuple[dict[int, int], Items]:
    """Item id → row, and what is known of the items. Raises ValueError that names file, line and column."""
    found: dict[int, Sequence[str]] = {}
    columns: list[str] = []
    for where, cells in rows(path, partial(_check_columns, path.name, needed=("item_id",))):
        columns = columns or _columns(path.name, cells, ITEM)
        item = _whole(where, cells, "item_id", 0, 10**9)
        if item in found:
            raise ValueError(f"{where}: item_id is there twice")
        if len(found) == MOST_ITEMS:
            raise ValueError(f"{path.name}: more than {MOST_ITEMS:,} items")
        found[item] = [cell(where, cells, column) for column in columns]
    if not found:
        raise ValueError(f"{path.name}: no item")
    ids = {item: row for row, item in enumerate(sorted(found))}
    return ids, _items([found[item] for item in ids], len(columns))


@dataclass
class _Gathered:
    """Rows so far."""

    ids: dict[int, int]
    users: list[str] = field(default_factory=list)
    affinities: list[str] = field(default_factory=list)
    values: list[dict[str, int]] = field(default_factory=list)
    rows: list[tuple[float, int, int, int, float]] = field(default_factory=list)
    codes: list[list[int]] = field(default_factory=list)
    leanings: list[np.ndarray] = field(default_factory=list)

    def start(self, name: str, cells: Mapping[str, str]) -> None:
        """Looks at the columns."""
        self.users = _columns(name, cells, USER)
        self.values = [{} for _ in self.users]
        named = [f"{AFFINITY}{item}" for item in self.ids]
        if any(column in cells for column in named):
            if missing := [column for column in named if column not in cells]:
                raise ValueError(f"{name}: no column {missing[0]}, which other items have")
            self.affinities = named

    def add(self, where: str, cells: Mapping[str, str]) -> None:
        """One row."""
        item = _whole(where, cells, "item_id", 0, 10**9)
        if item not in self.ids:
            raise ValueError(f"{where}: item_id is not in the context file")
        place = _whole(where, cells, "position", 1, MOST_PLACES) - 1
        click = _whole(where, cells, "click", 0, 1)
        chance = _number(where, cells, "propensity_score")
        if not 0 < chance <= 1:
            raise ValueError(f"{where}: propensity_score is not above 0 and at most 1")
        self.rows.append((_moment(where, cells), self.ids[item], place, click, chance))
        self.codes.append([self._code(where, cells, i) for i in range(len(self.users))])
        if self.affinities:
            if len(self.rows) * len(self.affinities) > MOST_AFFINITIES:
                raise ValueError(f"{where}: more than {MOST_AFFINITIES:,} affinities")
            leaning = [_number(where, cells, column) for column in self.affinities]
            self.leanings.append(np.array(leaning, np.float32))

    def log(self, items: Items) -> Log:
        """All rows by time, those of one time as they stood."""
        if not self.rows:
            raise ValueError("the log has no row")
        at, arms, places, clicks, chances = zip(*self.rows, strict=True)
        order = np.argsort(np.array(at), kind="stable")
        codes = np.array(self.codes, np.int32).reshape(len(self.rows), len(self.users))
        return Log(
            np.array(arms, np.int32),
            np.array(places, np.int32),
            np.array(clicks, np.float64),
            np.array(chances, np.float64),
            Coded(codes, tuple(len(values) for values in self.values)),
            np.stack(self.leanings) if self.leanings else None,
            items,
        ).take(order)

    def _code(self, where: str, cells: Mapping[str, str], column: int) -> int:
        values = self.values[column]
        code = values.setdefault(cell(where, cells, self.users[column]), len(values))
        if code >= MOST_VALUES:
            raise ValueError(f"{where}: {self.users[column]} has more than {MOST_VALUES:,} different values")
        return code


def _check_columns(name: str, columns: list[str], needed: Sequence[str]) -> None:
    if missing := [column for column in needed if column not in columns]:
        raise ValueError(f"{name}: no column {', '.join(missing)}")
    read = [column for column in columns if column in needed or column.startswith((USER, ITEM, AFFINITY))]
    if len(set(read)) < len(read):
        twice = next(column for column in read if read.count(column) > 1)
        raise ValueError(f"{name}: more than one column {twice[:LONGEST_CELL]}")


def _columns(name: str, cells: Mapping[str, str], prefix: str) -> list[str]:
    found = [column for column in cells if column.startswith(prefix)]
    if len(found) > MOST_COLUMNS:
        raise ValueError(f"{name}: more than {MOST_COLUMNS} columns {prefix}…")
    return found


def _whole(where: str, cells: Mapping[str, str], column: str, least: int, most: int) -> int:
    text = cell(where, cells, column)
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and least <= int(text) <= most):
        raise ValueError(f"{where}: {column} is not a whole number from {least} to {most}")
    return int(text)


def _number(where: str, cells: Mapping[str, str], column: str) -> float:
    number = _float(cell(where, cells, column))
    if number is None:
        raise ValueError(f"{where}: {column} is not a number of at most a million")
    return number


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= 1e6 else None


def _moment(where: str, cells: Mapping[str, str]) -> float:
    """Seconds since 1970; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(cell(where, cells, "timestamp"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: timestamp is not an ISO 8601 time") from None


def _items(rows: list[Sequence[str]], width: int) -> Items:
    """A column of numbers alone is one of numbers, any other one of categories."""
    numbers: list[list[float]] = []
    codes: list[list[int]] = []
    sizes: list[int] = []
    for column in range(width):
        cells = [row[column] for row in rows]
        parsed = [number for cell in cells if (number := _float(cell)) is not None]
        if len(parsed) == len(cells):
            numbers.append(parsed)
            continue
        names = {name: code for code, name in enumerate(sorted(set(cells)))}
        codes.append([names[cell] for cell in cells])
        sizes.append(len(names))
    kinds = np.array(codes, np.int32).reshape(len(sizes), len(rows)).T
    return Items(np.array(numbers).reshape(len(numbers), len(rows)).T, Coded(kinds, tuple(sizes)))
