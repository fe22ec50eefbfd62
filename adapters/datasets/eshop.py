"""Clicks in the columns of the UCI data set e-shop clothing 2008: real sessions of a clothing shop."""

import csv
import gzip
import zlib
from calendar import monthrange
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

MOST_CLICKS = 1_000_000
_BOUNDS = {
    "year": (1995, 2100),
    "month": (1, 12),
    "day": (1, 31),
    "order": (1, MOST_CLICKS),
    "country": (1, 999),
    "session_id": (1, 10**12 - 1),
    "main_category": (1, 4),
    "clothing_model": (1, 99_999),
    "colour": (1, 14),
    "location": (1, 6),
    "model_photography": (1, 2),
    "price": (0, 1_000_000),
    "price_2": (1, 2),
    "page": (1, 1_000),
}
_DIGITS = 12


class Row(NamedTuple):
    """One click, as in the file."""

    year: int
    month: int
    day: int
    order: int
    country: int
    session_id: int
    main_category: int
    clothing_model: int
    colour: int
    location: int
    model_photography: int
    price: int
    price_2: int
    page: int


def csv_rows(path: Path) -> Iterator[Row]:
    """The clicks of a ``.csv`` or ``.csv.gz`` in the columns of ``DATA``, every cell a bounded whole number.

    Raises ValueError that names line and column."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            yield from _rows(path.name, csv.DictReader(file))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(f"{path.name}: not a whole gzip file") from None


def _rows(name: str, reader: "csv.DictReader[str]") -> Iterator[Row]:
    try:
        columns = list(reader.fieldnames or ())
        if missing := set(Row._fields).difference(columns):
            raise ValueError(f"{name}: no column {', '.join(sorted(missing))}")
        if twice := [column for column in Row._fields if columns.count(column) > 1]:
            raise ValueError(f"{name}: more than one column {', '.join(twice)}")
        for cells in reader:
            yield _row(f"{name}, line {reader.line_num}", cells)
    except csv.Error:
        raise ValueError(f"{name}, line {reader.line_num + 1}: a cell is too long") from None


def _row(where: str, cells: dict[str, str]) -> Row:
    if None in cells:
        raise ValueError(f"{where}: more cells than columns")
    row = Row(*(_number(where, column, cells[column]) for column in Row._fields))
    if row.day > _days(row.year, row.month):
        raise ValueError(f"{where}: day is not within its month")
    return row


def _number(where: str, column: str, text: str | None) -> int:
    if not text or len(text) > _DIGITS or not (text.isascii() and text.isdigit()):
        raise ValueError(f"{where}: {column} is not a whole number of at most {_DIGITS} digits")
    least, most = _BOUNDS[column]
    if not least <= (number := int(text)) <= most:
        raise ValueError(f"{where}: {column} is not within {least} … {most}")
    return number


@lru_cache
def _days(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def sku(row: Row) -> str:
    """The model's SKU; the number alone names it, whatever category it was clicked in."""
    return f"M{row.clothing_model:03d}"
