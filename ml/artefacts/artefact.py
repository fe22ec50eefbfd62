"""An artefact that is open: arrays are mapped into memory when they are asked for, and shared between processes."""

import os
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ml.artefacts import files
from ml.artefacts.errors import ArtefactError
from ml.artefacts.manifest import DIGEST, MOST_BYTES, Array, Manifest, decode, digest_of

MANIFEST = "manifest.json"
ITEMS = "items.json"
MOST_ITEM_BYTES = 1 << 30
CHUNK = 1 << 20
T = TypeVar("T")


class Arrays(Mapping[str, NDArray[Any]]):
    """Array by name, each read-only, mapped when it is first asked for."""

    def __init__(self, folder: Path, arrays: tuple[Array, ...]) -> None:
        self._folder = folder
        self._known = {array.name: array for array in arrays}
        self._mapped: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Raises KeyError, and ArtefactError where the file is missing or has another size."""
        array = self._known[name]
        if name not in self._mapped:
            self._mapped[name] = _mapped(self._folder / file_name(name), array)
        return self._mapped[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class Artefact:
    """``digest`` is its name, ``manifest`` what it says of itself, ``arrays`` its arrays by name."""

    def __init__(self, folder: Path, digest: str, manifest: Manifest) -> None:
        self.folder, self.digest, self.manifest = folder, digest, manifest
        self.arrays = Arrays(folder, manifest.arrays)

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(array.size for array in self.manifest.arrays)

    def config(self, kind: type[T]) -> T:
        """The configuration as the type that it was saved as. Raises ArtefactError."""
        try:
            return msgspec.convert(self.manifest.config, kind)
        except msgspec.ValidationError:
            raise ArtefactError(f"config: not a {kind.__name__}") from None

    def item_names(self) -> tuple[str, ...]:
        """The names of item rows 0…N-1, none where the model has none. Raises ArtefactError."""
        if self.manifest.items is None:
            return ()
        try:
            content = files.read(self.folder / ITEMS, "items", MOST_ITEM_BYTES)
        except FileNotFoundError:
            raise ArtefactError("items: the file is missing") from None
        if digest_of(content) != self.manifest.items:
            raise ArtefactError("items: not what the manifest says")
        return decode_items(content)

    def verify(self) -> None:
        """Reads all of it. Raises ArtefactError naming what is not as it was written."""
        self.item_names()
        for number, array in enumerate(self.manifest.arrays):
            if _hash(self.folder / file_name(array.name), array) != array.sha256:
                raise ArtefactError(f"arrays[{number}]: not what the manifest says")


def open_(folder: Path, digest: str) -> Artefact:
    """The artefact of that name in a models folder; its manifest is verified, its arrays only by their size.

    Raises ArtefactError: nothing has that name, or it is damaged.
    """
    if not DIGEST.fullmatch(digest):
        raise ArtefactError("digest: not 64 hexadecimal digits")
    place = folder / digest
    try:
        content = files.read(place / MANIFEST, "manifest", MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise ArtefactError(f"there is no artefact {digest[:12]}") from None
    if digest_of(content) != digest:
        raise ArtefactError(f"artefact {digest[:12]}: the manifest is not what its name says")
    artefact = Artefact(place, digest, decode(content))
    for array in artefact.manifest.arrays:
        os.close(_opened(place / file_name(array.name), array))
    return artefact


def with_members(folder: Path, digest: str) -> list[Artefact]:
    """The artefact and all that it needs, itself first. Raises ArtefactError."""
    found: dict[str, Artefact] = {}
    waiting = [digest]
    while waiting:
        if (each := waiting.pop()) not in found:
            found[each] = open_(folder, each)
            waiting += found[each].manifest.members.values()
    return list(found.values())


def file_name(array: str) -> str:
    """Of an array."""
    return f"{array}.bin"


def encode_items(names: tuple[str, ...]) -> bytes:
    """Names of item rows as a file."""
    return msgspec.json.encode(names)


def decode_items(content: bytes) -> tuple[str, ...]:
    """Raises ArtefactError."""
    try:
        names = msgspec.json.decode(content, type=tuple[str, ...])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ArtefactError("items: not a list of names") from None
    if len(set(names)) != len(names):
        raise ArtefactError("items: a name stands there twice")
    return names


def _opened(path: Path, array: Array) -> int:
    where = f"array {array.name}"
    try:
        file = files.open_plain(path, where)
    except FileNotFoundError:
        raise ArtefactError(f"{where}: the file is missing") from None
    if os.fstat(file).st_size != array.size:
        os.close(file)
        raise ArtefactError(f"{where}: the file has another size than the manifest says")
    return file


def _mapped(path: Path, array: Array) -> NDArray[Any]:
    with open(_opened(path, array), "rb") as file:
        if not array.size:
            empty: NDArray[Any] = np.empty(array.shape, array.dtype)
            empty.flags.writeable = False
            return empty
        return np.memmap(file, array.dtype, "r", shape=array.shape)


def _hash(path: Path, array: Array) -> str:
    found = sha256()
    with open(_opened(path, array), "rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()
