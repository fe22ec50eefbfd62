"""Files of person records: columns known by their names, the truth kept apart from what is matched."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.datasets.table import MOST_ROWS, Labels, Step, columns_of, read
from ml.identity.fields import FIELDS, Prepared, field_of, prepared

_WHOLE = re.compile(r"(\d+)\.0")


@dataclass(frozen=True, slots=True)
class Asked:
    """``truth`` is a column, ``pattern`` takes the group of its value that tells the person; ``drop`` are columns
    not to be used; ``mapped`` says which column holds a field, where its name does not."""

    truth: str
    pattern: re.Pattern[str] | None
    drop: frozenset[str]
    mapped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class People:
    """``records`` of all files, whose they are in ``truth``, and the place of the file each came from. ``columns``:
    field → column, of the first file."""

    records: tuple[Prepared, ...]
    truth: tuple[str, ...]
    files: tuple[int, ...]
    columns: Mapping[str, str]


def asked_for(truth: str, drop: Collection[str], mapped: Collection[str]) -> Asked:
    """From ``COLUMN[:REGEX]`` ("" where there is no truth), columns, and ``FIELD=COLUMN``. Raises ValueError that
    names the option."""
    column, _, pattern = truth.partition(":")
    try:
        compiled = re.compile(pattern) if pattern else None
    except re.error as error:
        raise ValueError(f"--truth: not a regular expression: {error}") from None
    if compiled is not None and compiled.groups != 1:
        raise ValueError("--truth: the regular expression needs one group, as in rec_id:rec-(\\d+)")
    pairs = dict(each.partition("=")[::2] for each in mapped)
    for field, name in pairs.items():
        if field not in FIELDS or not name:
            raise ValueError(f"--map: FIELD=COLUMN, where FIELD is one of {', '.join(FIELDS)}")
    return Asked(column.strip(), compiled, frozenset(each.strip() for each in drop), pairs)


def people(paths: Sequence[Path], asked: Asked, step: Step = lambda n: None) -> People:
    """All records. Raises ValueError that names file, column and line, and never what stands there;
    MissingPackageError."""
    records: list[Prepared] = []
    truth: list[str] = []
    files: list[int] = []
    first: Mapping[str, str] = {}
    for number, path in enumerate(paths):
        columns, labels = _columns(path, asked)
        found = read(path, [*columns.values(), labels], [], step, MOST_ROWS).words
        truth += _truths(path, asked, found[labels])
        records += _records({field: found[column] for field, column in columns.items()}, len(truth) - len(records))
        files += [number] * (len(truth) - len(files))
        first = first or columns
    return People(tuple(records), tuple(truth), tuple(files), {f: c.strip() for f, c in first.items()})


def unlabelled(path: Path, drop: Collection[str], mapped: Collection[str]) -> list[Prepared]:
    """Records of a file of which nobody says whose they are. Raises as ``people`` does."""
    asked = asked_for("", drop, mapped)
    columns, _ = _columns(path, asked)
    found = read(path, list(columns.values()), [], lambda n: None, MOST_ROWS).words
    rows = len(next(iter(found.values())).codes)
    return _records({field: found[column] for field, column in columns.items()}, rows)


def _columns(path: Path, asked: Asked) -> tuple[dict[str, str], str]:
    """Field → column, and the column of the truth. The first column of a field counts."""
    by_name: dict[str, str] = {}
    for column in columns_of(path):
        if column.strip() in by_name:
            raise ValueError(f"{path.name}: more than one column {column.strip()[:80]}")
        by_name[column.strip()] = column
    for name in (asked.truth, *asked.drop, *asked.mapped.values()):
        if name and name not in by_name:
            raise ValueError(f"{path.name}: no column {name[:80]}")
    found = {field: by_name[name] for field, name in asked.mapped.items()}
    for name, column in by_name.items():
        field = field_of(name)
        if field and field not in found and name not in asked.drop and name != asked.truth:
            found[field] = column
    if asked.truth and asked.truth in (name.strip() for name in found.values()):
        raise ValueError("--map: the truth is hidden from matching, so it is no field")
    if not found:
        raise ValueError(f"{path.name}: no column is known by its name; tell what they hold by --map FIELD=COLUMN")
    return found, by_name.get(asked.truth, "")


def _truths(path: Path, asked: Asked, labels: Labels) -> list[str]:
    names = [_truth(path, asked, name) for name in labels.names]
    return [names[code] for code in labels.codes.tolist()]


def _truth(path: Path, asked: Asked, name: str) -> str:
    if asked.pattern is None:
        found: str | None = name.strip()
    else:
        match = asked.pattern.search(name)
        found = match.group(1) if match else None
    if not found:
        raise ValueError(f"{path.name}: {asked.truth} does not tell the person in some row, as --truth wants it")
    return found


def _records(columns: Mapping[str, Labels], rows: int) -> list[Prepared]:
    names = {field: [_WHOLE.sub(r"\1", n.strip()) for n in labels.names] for field, labels in columns.items()}
    codes = {field: labels.codes.tolist() for field, labels in columns.items()}
    return [prepared({field: names[field][codes[field][row]] for field in columns}) for row in range(rows)]
