"""Exports of everything about a person, as files."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from adapters.rights.as_html import as_html
from adapters.rights.as_json import as_json
from app.wiring import Wiring
from queries.export import Dossier, Exports

Write = Callable[[Dossier], Iterator[bytes]]
FORMATS: Mapping[str, Write] = {".json": as_json, ".html": as_html}


class ExportPathError(Exception):
    """Nothing can be written there; the text says why."""


def targets(out: Path) -> Mapping[Path, Write]:
    """A file by its ending, or both in a folder, made if it is not there. Raises ExportPathError for what is there
    already: an export never mixes with another one."""
    if out.suffix in FORMATS:
        files = {out: FORMATS[out.suffix]}
    else:
        files = {out / f"export{suffix}": write for suffix, write in FORMATS.items()}
    for file in files:
        if file.exists():
            raise ExportPathError(f"{file.name} is there already")
    try:
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ExportPathError(f"the folder cannot be made: {error.strerror}") from error
    return files


def save(files: Mapping[Path, Write], dossier: Dossier) -> int:
    """Writes each file, readable by its owner alone; bytes. Raises ExportPathError, UnavailableError."""
    return sum(_written(file, write(dossier)) for file, write in files.items())


def _written(file: Path, pieces: Iterable[bytes]) -> int:
    """Whole or not at all."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            for piece in pieces:
                opened.write(piece)
            opened.flush()
            os.fsync(opened.fileno())
        beside.rename(file)
    except OSError as error:
        raise ExportPathError(f"{file.name} cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    return file.stat().st_size


def exports_of(wiring: Wiring) -> Exports:
    """From the log, the catalogue and the receipts."""
    return Exports(wiring.customers, wiring.catalogue, wiring.receipts)
