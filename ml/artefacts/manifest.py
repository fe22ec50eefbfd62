"""The manifest: what an artefact is, in canonical bytes, whose SHA-256 is the artefact's name.

It holds no time and no path, so the same model made from the same data by the same code has the same name.
"""

import math
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from ml.artefacts.errors import ArtefactError

FORMAT = 1
MOST_BYTES = 4 << 20
MOST_ARRAY_BYTES = 1 << 40
MOST_ARRAYS = 10_000
MOST_DIMENSIONS = 8
MOST_DEPTH = 20
DIGEST = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")
NAME = re.compile(r"(?=.{1,100}$)[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
MISSING = re.compile(r"missing required field `(\w+)`")
LABEL = re.compile(r"[A-Za-z0-9_@ .:/+-]{1,60}")
#: Little-endian, as numpy writes them: bytes and booleans have no order.
DTYPES = ("<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "|b1")
ITEM_BYTES = {name: int(name[2:]) for name in DTYPES}


class Array(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One array: its name, numpy dtype, shape, and the SHA-256 of its bytes in C order."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model has learned from: the last position read of the catalogue's log and of each shard of the customers'
    log in that epoch of shards, or the digest of a data set."""

    shards: tuple[int, ...] = ()
    epoch: int | None = None
    catalogue: int | None = None
    dataset: str | None = None


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which code made it: version of the package, and commit where it is known."""

    version: str
    commit: str | None = None


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``items``: digest of the names of item rows. ``members``: artefacts that this one needs, by role."""

    format: int
    kind: str
    config: dict[str, Any]
    arrays: tuple[Array, ...]
    items: str | None
    position: Position
    code: Code
    metrics: dict[str, float]
    members: dict[str, str]
    origin: dict[str, str]

    def encode(self) -> bytes:
        """Canonical bytes. Raises ArtefactError naming the field that is not as it has to be."""
        _check(self)
        try:
            content = msgspec.json.encode(self, order="deterministic")
        except (TypeError, ValueError, RecursionError):
            raise ArtefactError("config: not JSON") from None
        if len(content) > MOST_BYTES:
            raise ArtefactError(f"the manifest has more than {MOST_BYTES} bytes")
        return content


def decode(content: bytes) -> Manifest:
    """The manifest of canonical bytes. Raises ArtefactError naming the field that is not as it has to be."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ArtefactError(f"manifest: {_where(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ArtefactError("manifest: not JSON") from None
    if manifest.encode() != content:
        raise ArtefactError("manifest: not in canonical form")
    return manifest


def digest_of(content: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return sha256(content).hexdigest()


def _where(error: Exception) -> str:
    """The path to the field, without what stands there."""
    said, _, path = str(error).partition(" - at `$")
    missing = MISSING.search(said)
    parts = [part for part in (path.rstrip("`").lstrip("."), missing[1] if missing else "") if part]
    return f"{'.'.join(parts) or 'as a whole'}: {'missing' if missing else 'of a wrong type, or nothing known'}"


def _check(manifest: Manifest) -> None:
    _require(manifest.format == FORMAT, "format", f"only {FORMAT} can be read")
    _require(KIND.fullmatch(manifest.kind), "kind", "lower-case letters, digits and hyphens, at most 40")
    _require(manifest.items is None or DIGEST.fullmatch(manifest.items), "items", "not a digest")
    _check_arrays(manifest.arrays)
    _check_json(manifest.config, "config")
    _check_position(manifest.position)
    _require(LABEL.fullmatch(manifest.code.version), "code.version", "too long or with other characters")
    commit = manifest.code.commit
    _require(commit is None or COMMIT.fullmatch(commit), "code.commit", "not a commit")
    for where, labels in (("metrics", manifest.metrics), ("members", manifest.members), ("origin", manifest.origin)):
        _require(all(LABEL.fullmatch(label) for label in labels), where, "a label is too long or has other characters")
    _require(all(map(math.isfinite, manifest.metrics.values())), "metrics", "not a finite number")
    _require(all(map(DIGEST.fullmatch, manifest.members.values())), "members", "not a digest")
    printable = all(len(text) <= 200 and text.isprintable() for text in manifest.origin.values())
    _require(printable, "origin", "not one line of at most 200 characters")


def _check_position(position: Position) -> None:
    numbers = (*position.shards, position.epoch or 0, position.catalogue or 0)
    _require(len(position.shards) <= 1024 and min(numbers) >= 0, "position", "at most 1024 shards, none below 0")
    _require(position.dataset is None or DIGEST.fullmatch(position.dataset), "position.dataset", "not a digest")


def _check_arrays(arrays: tuple[Array, ...]) -> None:
    names = [array.name for array in arrays]
    _require(len(names) <= MOST_ARRAYS, "arrays", f"more than {MOST_ARRAYS}")
    _require(names == sorted(names), "arrays", "not in the order of their names")
    _require(len({name.casefold() for name in names}) == len(names), "arrays", "two have the same name")
    for number, array in enumerate(arrays):
        where = f"arrays[{number}]"
        _require(NAME.fullmatch(array.name), f"{where}.name", "words of letters, digits and _ with dots between")
        _require(array.dtype in DTYPES, f"{where}.dtype", "not a plain little-endian number")
        _require(len(array.shape) <= MOST_DIMENSIONS, f"{where}.shape", f"more than {MOST_DIMENSIONS} dimensions")
        _require(all(0 <= n <= MOST_ARRAY_BYTES for n in array.shape), f"{where}.shape", "a dimension out of bounds")
        _require(array.size <= MOST_ARRAY_BYTES, f"{where}.shape", f"more than {MOST_ARRAY_BYTES} bytes")
        _require(DIGEST.fullmatch(array.sha256), f"{where}.sha256", "not a digest")


def _check_json(value: Any, where: str, depth: int = 0) -> None:
    """Only what JSON brings back as it was."""
    _require(depth <= MOST_DEPTH, where, f"nested more than {MOST_DEPTH} deep")
    if isinstance(value, Mapping):
        _require(all(isinstance(key, str) for key in value), where, "a key that is not text")
        for each in value.values():
            _check_json(each, where, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_json(each, where, depth + 1)
    elif isinstance(value, float):
        _require(math.isfinite(value), where, "not a finite number")
    elif isinstance(value, int):
        _require(-(2**63) <= value < 2**63, where, "a whole number of more than 64 bits")
    else:
        _require(value is None or isinstance(value, str), where, "not JSON")


def _require(holds: object, where: str, reason: str) -> None:
    if not holds:
        raise ArtefactError(f"{where}: {reason}")
