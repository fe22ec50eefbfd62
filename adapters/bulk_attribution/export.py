"""Touches and sales as Parquet. Persons are numbered; who they were is not in it."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.bulk_attribution.report import ExportError, MissingPackageError
from adapters.bulk_attribution.tables import MANIFEST, SALES, TOUCHES
from projections.attribution.journeys import counted, members
from projections.attribution.ledger import sales
from projections.attribution.trail import Trail

FORMAT, ROWS = 1, 200_000
TOUCH_COLUMNS = {"person": "int64", "at_ms": "int64", "tag": "int64", "channel": "string"}
SALE_COLUMNS = {
    "number": "int64",
    "person": "int64",
    "at_ms": "int64",
    "currency": "string",
    "revenue_cents": "int64",
    "refund_cents": "int64",
    "known": "bool_",
    "erased": "bool_",
}


def export(trails: Mapping[UUID, Trail], positions: Sequence[int], folder: Path) -> dict[str, Any]:
    """Writes a new folder, which is there as a whole or not at all; its manifest. ``person`` of a sale is null where
    nobody can be credited with it. Raises ExportError, MissingPackageError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError("the folder to export to is there already, and is not empty")
    persons = members(trails)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        beside.mkdir(parents=True)
        touches = _write(beside / TOUCHES, TOUCH_COLUMNS, _touches(trails, persons))
        sold = _write(beside / SALES, SALE_COLUMNS, _sales(trails, persons))
        manifest = {"format": FORMAT, "positions": list(positions), "persons": len(persons)}
        manifest |= {"touches": touches, "sales": sold}
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        beside.replace(folder)
    except OSError as error:
        raise ExportError(f"the folder cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return manifest


def _touches(trails: Mapping[UUID, Trail], persons: Sequence[frozenset[UUID]]) -> Iterator[tuple[Any, ...]]:
    for number, streams in enumerate(persons):
        touches = counted([trails[stream] for stream in sorted(streams) if stream in trails])
        yield from ((number, *touch) for touch in touches)


def _sales(trails: Mapping[UUID, Trail], persons: Sequence[frozenset[UUID]]) -> Iterator[tuple[Any, ...]]:
    whose = {stream: number for number, streams in enumerate(persons) for stream in streams}
    for number, sale in enumerate(sales(trails)):
        known = sale.order_id is not None
        person = whose[sale.stream] if known and not sale.erased else None
        yield number, person, sale.at_ms, sale.currency, sale.revenue_cents, sale.refund_cents, known, sale.erased


def _write(file: Path, columns: Mapping[str, str], rows: Iterator[tuple[Any, ...]]) -> int:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise MissingPackageError from None
    schema = pyarrow.schema([(name, getattr(pyarrow, kind)()) for name, kind in columns.items()])
    count = 0
    with ParquetWriter(file, schema) as writer:
        for some in _batches(rows):
            arrays = [
                pyarrow.array(column, field.type) for column, field in zip(zip(*some, strict=True), schema, strict=True)
            ]
            writer.write_batch(pyarrow.record_batch(arrays, schema))
            count += len(some)
    return count


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(islice(rows, ROWS)):
        yield batch
