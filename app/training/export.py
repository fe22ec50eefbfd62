"""A training set as files: arrays, names and a manifest. Rows are numbered; who they were is not in them."""

import json
import os
import shutil
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.training.training_set import TrainingSet
from ml.examples import Examples, Names, digest, restored
from ml.sequences import Attributes, Field
from readmodels.features import HOUR_MS, KINDS

FORMAT = 2
EXAMPLES, ITEMS, NAMES, MANIFEST = "examples.npz", "items.npz", "names.json", "manifest.json"


class ExportError(Exception):
    """The files cannot be written there, or are not such files; the text says why."""


def export(found: TrainingSet, folder: Path, *, exact: bool = False) -> dict[str, Any]:
    """Writes the set into a new folder, which is there as a whole or not at all; the manifest. Times are cut to the
    hour unless ``exact``; the order of rows is kept. Raises ExportError."""
    refuse_used(folder)
    examples = found.examples if exact else coarse(found.examples)
    manifest = _manifest(found, examples, exact)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        beside.mkdir(parents=True)
        np.savez(beside / EXAMPLES, **examples.arrays())  # type: ignore[arg-type]
        np.savez(beside / ITEMS, **_attributes(found.items))  # type: ignore[arg-type]
        (beside / NAMES).write_text(json.dumps(asdict(found.names)))
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        beside.replace(folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise ExportError(f"the folder cannot be written: {error.strerror}") from error
    return manifest


def refuse_used(folder: Path) -> None:
    """Raises ExportError where something is there already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError("the folder to export to is there already, and is not empty")


def load(folder: Path) -> tuple[Examples, Names, Attributes, dict[str, Any]]:
    """What ``export`` wrote, with its manifest. Raises ExportError."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        with np.load(folder / EXAMPLES) as stored:
            examples = restored(dict(stored))
        with np.load(folder / ITEMS) as stored:
            fields = _fields(dict(stored))
        names = json.loads((folder / NAMES).read_text())
    except (OSError, ValueError, KeyError) as error:
        raise ExportError("there is no training set in that folder, or it is damaged") from error
    if examples.digest() != manifest.get("digest"):
        raise ExportError("the arrays are not those of the manifest")
    items = Attributes(len(names["skus"]), fields)
    return examples, Names(**{name: tuple(each) for name, each in names.items()}), items, manifest


def coarse(examples: Examples) -> Examples:
    """With all times cut to the hour."""
    return replace(examples, at=examples.at // HOUR_MS * HOUR_MS, history_at=examples.history_at // HOUR_MS * HOUR_MS)


def _manifest(found: TrainingSet, examples: Examples, exact: bool) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "digest": examples.digest(),
        "items_digest": digest(_attributes(found.items)),
        "examples": len(examples),
        "persons": int(examples.person.max(initial=-1)) + 1,
        "sessions": int(examples.session.max(initial=-1)) + 1,
        "items": len(found.names.skus),
        "kinds": KINDS,
        "features": found.names.features,
        "times": "exact" if exact else "hour",
        "rules": msgspec.to_builtins(found.rules),
        "positions": asdict(found.positions),
        "bespoke": version("bespoke"),
    }


def _attributes(items: Attributes) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for name, field in items.fields.items():
        found |= {f"{name}_indptr": field.indptr, f"{name}_codes": field.codes, f"{name}_size": np.array([field.size])}
    return found


def _fields(arrays: dict[str, NDArray[Any]]) -> dict[str, Field]:
    names = [name.removesuffix("_size") for name in arrays if name.endswith("_size")]
    return {n: Field(arrays[f"{n}_indptr"], arrays[f"{n}_codes"], int(arrays[f"{n}_size"][0])) for n in names}
