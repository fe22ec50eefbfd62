"""Rows of CSV files, plain or gzipped, every line bounded, every row with the words that name its place."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import IO

LONGEST_LINE = 1_000_000
LONGEST_CELL = 200
Row = tuple[str, Mapping[str, str]]


def rows(path: Path, check: Callable[[list[str]], None]) -> Iterator[Row]:
    """Each row; ``check`` looks at the columns first. Raises ValueError that names file and line."""
    try:
        with _opened(path) as file:
            header, lines = _header(_lines(path.name, file))
            delimiter = _delimiter(header)
            lines = lines if delimiter in header else (",".join(line.split()) for line in lines)
            reader = csv.DictReader(lines, strict=True, delimiter=delimiter)
            try:
                reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
                check(list(reader.fieldnames))
                for cells in reader:
                    where = f"{path.name}, line {reader.line_num}"
                    if None in cells:
                        raise ValueError(f"{where}: more cells than columns")
                    yield where, cells
            except csv.Error:
                raise ValueError(f"{path.name}, line {reader.line_num + 1}: not CSV") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(f"{path.name}: not a whole gzip file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path.name}: not UTF-8 text") from None


def cell(where: str, cells: Mapping[str, str | None], column: str) -> str:
    """What stands there. Raises ValueError."""
    text = cells[column]
    if text is None:
        raise ValueError(f"{where}: {column} is missing")
    if len(text) > LONGEST_CELL:
        raise ValueError(f"{where}: {column} is longer than {LONGEST_CELL} characters")
    return text


def need(name: str, columns: list[str], needed: list[str]) -> None:
    """Raises ValueError that names a column that is missing, or there twice."""
    for column in needed:
        if columns.count(column) != 1:
            how = "no" if column not in columns else "more than one"
            raise ValueError(f"{name}: {how} column {column[:LONGEST_CELL]}")


def _header(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    first = next(lines, "")
    return first, chain([first] if first else [], lines)


def _delimiter(header: str) -> str:
    """What columns are divided by: what stands most often in the first line of comma, semicolon and tab. Where none of
    them does, it is blanks, however many."""
    return max(",;\t", key=header.count)


def has_decimal_commas(path: Path) -> bool:
    """Whether a comma in a number can only be a decimal one, as columns are divided by something else. Raises
    ValueError."""
    try:
        with _opened(path) as file:
            header = next(_lines(path.name, file), "")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(f"{path.name}: not a whole gzip file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path.name}: not UTF-8 text") from None
    return any(sign in header for sign in ";\t") and _delimiter(header) != ","


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _lines(name: str, file: IO[str]) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise ValueError(f"{name}, line {number}: longer than {LONGEST_LINE:,} characters")
        yield line
