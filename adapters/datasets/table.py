"""Columns that a user names, from CSV (.csv, .csv.gz, any text with a header line) or Parquet (.parquet)."""

import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.datasets.csv_rows import cell, has_decimal_commas, need, rows

MOST_ROWS, MOST_VALUES = 20_000_000, 1_000
LARGEST = 1e12
PROBED = 1_000
TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
#: What stands where nothing is known.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>"})
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
Step = Callable[[int], None]


class Gaps(StrEnum):
    """What a cell without a number is: an error, 0, or nothing (NaN)."""

    REFUSE = "refuse"
    ZERO = "zero"
    DROP = "drop"


_GAPS = {Gaps.ZERO: 0.0, Gaps.DROP: math.nan}


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of words: ``codes`` (n,) indices into ``names``, which stand in the order in which they came."""

    codes: NDArray[np.int64]
    names: tuple[str, ...]

    def where(self, name: str) -> NDArray[np.bool_]:
        """(n,): which rows have this word."""
        return np.asarray(self.codes == self.names.index(name))


@dataclass(frozen=True, slots=True)
class Table:
    """``words`` and ``numbers`` by column, all of n rows."""

    words: Mapping[str, Labels]
    numbers: Mapping[str, NDArray[np.float64]]
    rows: int


class MissingPackageError(RuntimeError):
    """Parquet needs a package that is not there."""


def columns_of(path: Path) -> list[str]:
    """The names of the columns. Raises ValueError, MissingPackageError."""
    if path.suffix == ".parquet":
        return [str(name) for name in _parquet(path).schema_arrow.names]
    found: list[str] = []
    for _ in rows(path, found.extend):
        break
    return found


def numeric(path: Path, columns: Sequence[str]) -> list[str]:
    """Those of the columns that hold numbers alone in the first rows. Raises as ``read`` does."""
    found = list(dict.fromkeys(columns))
    for where, cells in islice(_rows(path, list(found)), PROBED):
        for column in list(found):
            try:
                _number(where, column, cells)
            except ValueError:
                found.remove(column)
    return found


def read(
    path: Path,
    words: Sequence[str],
    numbers: Sequence[str],
    step: Step = lambda n: None,
    most: int = MOST_VALUES,
    gaps: Gaps = Gaps.REFUSE,
) -> Table:
    """These columns alone. ``step`` is told of each row. An empty cell in a column of words is the word "". ``most``
    different words may stand in a column. ``gaps``: what a cell without a number is.

    Raises ValueError that names file, line and column, and never what stands there; MissingPackageError."""
    words, numbers = list(dict.fromkeys(words)), list(dict.fromkeys(numbers))
    codes: dict[str, dict[str, int]] = {column: {} for column in words}
    labels = {column: array("q") for column in words}
    values = {column: array("d") for column in numbers}
    count, commas = 0, path.suffix != ".parquet" and has_decimal_commas(path)
    for where, cells in _rows(path, [*words, *numbers]):
        if count >= MOST_ROWS:
            raise ValueError(f"{path.name}: more than {MOST_ROWS:,} rows")
        for column in words:
            labels[column].append(_code(where, column, cells, codes[column], most))
        for column in numbers:
            values[column].append(_number(where, column, cells, commas, gaps))
        count += 1
        step(1)
    if not count:
        raise ValueError(f"{path.name}: no row")
    found = {c: Labels(np.frombuffer(labels[c], np.int64), tuple(codes[c])) for c in words}
    return Table(found, {c: np.frombuffer(values[c], np.float64) for c in numbers}, count)


def _code(where: str, column: str, cells: Mapping[str, str], known: dict[str, int], most: int) -> int:
    code = known.setdefault(cell(where, cells, column).strip(), len(known))
    if code >= most:
        raise ValueError(f"{where}: {column} has more than {most:,} different values")
    return code


def _number(where: str, column: str, cells: Mapping[str, str], commas: bool = False, gaps: Gaps = Gaps.REFUSE) -> float:
    text = cell(where, cells, column)
    try:
        number = float(text)
    except ValueError:
        number = _said(text.strip(), commas)
    if number != number and text.strip().casefold() in MISSING:
        if gaps is Gaps.REFUSE:
            how = "is not a number but says that there is none" if text.strip() else "is empty"
            raise ValueError(f"{where}: {column} {how}; write 0 where nothing happened")
        return _GAPS[gaps]
    if not abs(number) <= LARGEST:
        raise ValueError(f"{where}: {column} is not a number of at most {LARGEST:,.0f}")
    return number


def _said(text: str, commas: bool) -> float:
    """Of a cell that is no plain number; NaN where it says none."""
    if commas and _DECIMAL_COMMA.fullmatch(text):
        return float(text.replace(",", "."))
    return TRUTH.get(text.casefold(), math.nan)


def _rows(path: Path, needed: list[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    if path.suffix != ".parquet":
        yield from rows(path, lambda columns: need(path.name, columns, needed))
        return
    file = _parquet(path)
    need(path.name, [str(name) for name in file.schema_arrow.names], needed)
    number = 0
    for batch in file.iter_batches(columns=needed, batch_size=65_536):
        for values in zip(*(batch.column(column).to_pylist() for column in needed), strict=True):
            number += 1
            yield f"{path.name}, row {number}", dict(zip(needed, map(_text, values), strict=True))


def _text(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _parquet(path: Path) -> Any:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingPackageError(f"{path.name}: reading Parquet needs pyarrow: pip install pyarrow") from None
    try:
        return ParquetFile(path)
    except (ArrowException, OSError):
        raise ValueError(f"{path.name}: not a Parquet file") from None
