"""What a process serves: it notices that another artefact is in use when it is asked, at the price of one ``stat``."""

import logging
import time
from pathlib import Path

from ml.artefacts.artefact import Artefact, open_
from ml.artefacts.errors import ArtefactError
from ml.artefacts.registry import Registry, path_of

LOGGER = logging.getLogger("bespoke.models")
RETRY_S = 1.0
Stamp = tuple[int, int, int]


class InUse:
    """A slot, as it is served. While what should be in use cannot be read, what was read before stays, and that is
    tried again after ``RETRY_S``."""

    def __init__(self, folder: Path, slot: str) -> None:
        self._folder, self._slot = folder, slot
        self._path = path_of(folder, slot)
        self._stamp: Stamp | None = None
        self._try_at = 0.0
        self._artefact: Artefact | None = None

    def artefact(self) -> Artefact | None:
        """The one in use, opened once; None before the first promotion."""
        stamp = self._now()
        if stamp != self._stamp and time.monotonic() >= self._try_at:
            try:
                self._artefact = self._open()
                self._stamp = stamp
            except ArtefactError as error:
                LOGGER.warning("slot %s stays as it is: %s", self._slot, error)
                self._try_at = time.monotonic() + RETRY_S
        return self._artefact

    def _open(self) -> Artefact | None:
        digest = Registry(self._folder).in_use(self._slot)
        if digest is None or (self._artefact is not None and self._artefact.digest == digest):
            return self._artefact
        return open_(self._folder, digest)

    def _now(self) -> Stamp | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
