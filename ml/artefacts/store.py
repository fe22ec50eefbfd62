"""Writing artefacts, and finding them."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
from numpy.typing import NDArray

from ml.artefacts import files
from ml.artefacts.artefact import ITEMS, MANIFEST, Artefact, decode_items, encode_items, file_name, open_
from ml.artefacts.code import current
from ml.artefacts.errors import ArtefactError
from ml.artefacts.manifest import DIGEST, DTYPES, FORMAT, NAME, Array, Code, Manifest, Position, decode, digest_of

LEAST_PREFIX = 4


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to become an artefact. ``config``: a frozen msgspec.Struct, or plain JSON. ``names``: of item rows.
    ``members``: role → digest of an artefact that this one needs. ``origin``: how it was made, in a few words.
    ``code``: this code where not given."""

    kind: str
    config: Any = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    names: Sequence[str] = ()
    position: Position = field(default_factory=Position)
    metrics: Mapping[str, float] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    code: Code | None = None

    @classmethod
    def of(cls, artefact: Artefact) -> "Draft":
        """What writes the same artefact again, anywhere."""
        said = artefact.manifest
        return cls(
            said.kind,
            said.config,
            artefact.arrays,
            artefact.item_names(),
            said.position,
            said.metrics,
            said.members,
            said.origin,
            said.code,
        )


def write(folder: Path, draft: Draft) -> Artefact:
    """Writes beside, then puts in place; after a kill it is there whole or not at all. The same again changes nothing.

    Raises ArtefactError: a field cannot be kept, a member is not there, or the disk does not take it.
    """
    for role, member in draft.members.items():
        try:
            open_(folder, member)
        except ArtefactError as error:
            raise ArtefactError(f"members.{role}: {error}") from None
    try:
        files.make_folder(folder)
        with files.staging(folder) as beside:
            content = _write_files(beside, draft)
            files.sync_folder(beside)
            return _put_in_place(folder, beside, digest_of(content))
    except OSError as error:
        raise ArtefactError(f"the artefact cannot be written: {error.strerror or type(error).__name__}") from error


def digests(folder: Path) -> list[str]:
    """The names of all artefacts, damaged ones too."""
    return sorted(path.name for path in folder.glob("*") if DIGEST.fullmatch(path.name))


def find(folder: Path, prefix: str) -> str:
    """The one name that begins so. Raises ArtefactError."""
    if len(prefix) < LEAST_PREFIX:
        raise ArtefactError(f"give {LEAST_PREFIX} digits of the digest or more")
    found = [digest for digest in digests(folder) if digest.startswith(prefix)]
    if len(found) != 1:
        raise ArtefactError("no artefact's digest begins so" if not found else "several digests begin so: give more")
    return found[0]


def _write_files(beside: Path, draft: Draft) -> bytes:
    """All files into ``beside``; the manifest's bytes."""
    arrays = tuple(_write_array(beside, name, draft.arrays[name]) for name in sorted(draft.arrays))
    items = None
    if draft.names:
        names = encode_items(tuple(draft.names))
        decode_items(names)
        files.write_new(beside / ITEMS, names)
        items = digest_of(names)
    manifest = Manifest(
        FORMAT,
        draft.kind,
        _plain(draft.config),
        arrays,
        items,
        draft.position,
        draft.code or current(),
        {name: float(value) for name, value in sorted(draft.metrics.items())},
        dict(draft.members),
        dict(draft.origin),
    )
    content = manifest.encode()
    decode(content)  # what could not be read again is never written
    files.write_new(beside / MANIFEST, content)
    return content


def _plain(config: Any) -> dict[str, Any]:
    try:
        plain = msgspec.to_builtins(config)
    except TypeError:
        raise ArtefactError("config: not JSON") from None
    if not isinstance(plain, dict):
        raise ArtefactError("config: not a structure of named fields")
    return plain


def _write_array(beside: Path, name: str, given: NDArray[Any]) -> Array:
    if not NAME.fullmatch(name):
        raise ArtefactError("arrays: a name has other characters than letters, digits, _ and dots between")
    dtype = given.dtype.newbyteorder("<")
    if dtype.str not in DTYPES:
        raise ArtefactError(f"array {name}: not plain numbers")
    content = np.ascontiguousarray(given, dtype).reshape(-1).view(np.uint8).data
    files.write_new(beside / file_name(name), content)
    return Array(name, dtype.str, given.shape, sha256(content).hexdigest())


def _put_in_place(folder: Path, beside: Path, digest: str) -> Artefact:
    """Renames; an artefact that is there already and whole stays, a damaged one gives way."""
    place = folder / digest
    with files.locked(folder):
        if place.exists() and _whole(folder, digest):
            os.utime(place)  # as good as new: not to be taken for one that nobody wants
        else:
            if place.exists():
                place.rename(damaged := folder / f"{files.BESIDE}{uuid4().hex}")
                shutil.rmtree(damaged, ignore_errors=True)
            beside.rename(place)
        files.sync_folder(folder)
    return open_(folder, digest)


def _whole(folder: Path, digest: str) -> bool:
    try:
        open_(folder, digest).verify()
    except ArtefactError:
        return False
    return True
