"""What a process serves: it notices that another artefact is in use when it is asked, at the price of one ``stat``."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from ml.artefacts.artefact import Artefact, open_
from ml.artefacts.errors import ArtefactError
from ml.artefacts.registry import Registry, path_of

LOGGER = logging.getLogger("bespoke.models")
RETRY_S = 1.0
Stamp = tuple[int, int, int]
T = TypeVar("T")


class InUse(Generic[T]):
    """A slot, as it is served: what ``load`` makes of the artefact in use. While that cannot be read, what was read
    before stays, and it is tried again after ``RETRY_S``."""

    def __init__(self, folder: Path, slot: str, load: Callable[[Artefact], T]) -> None:
        self._folder, self._slot, self._load = folder, slot, load
        self._path = path_of(folder, slot)
        self._stamp: Stamp | None = None
        self._try_at = 0.0
        self._digest: str | None = None
        self._loaded: T | None = None

    def get(self) -> T | None:
        """The same object until another artefact is in use; None before the first promotion."""
        stamp = self._now()
        if stamp != self._stamp and time.monotonic() >= self._try_at:
            try:
                self._follow()
                self._stamp = stamp
            except ArtefactError as error:
                LOGGER.warning("slot %s stays as it is: %s", self._slot, error)
                self._try_at = time.monotonic() + RETRY_S
        return self._loaded

    def _follow(self) -> None:
        digest = Registry(self._folder).in_use(self._slot)
        if digest is None or digest == self._digest:
            return
        artefact = open_(self._folder, digest)
        if artefact.manifest.kind != self._slot:
            raise ArtefactError("kind: not that of the slot")
        self._loaded, self._digest = self._load(artefact), digest

    def _now(self) -> Stamp | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
