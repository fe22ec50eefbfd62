"""Wrapping keys: one an epoch (a calendar month at most), kept as files outside every backup of the databases."""

import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys.derive import derive
from adapters.keys.services import NONCE, Destroyed, KeyService, LocalKeys, WrappingKeyError

__all__ = ["IN_A_MONTH", "WrappingKeyError", "WrappingKeys", "current_epoch", "derive"]

#: So many epochs a month can have: the first begins with the month, others when somebody asks for one.
IN_A_MONTH = 100


def current_epoch(now: datetime | None = None) -> int:
    """The first epoch of this month: months since the year 0, times 100."""
    now = now or datetime.now(UTC)
    return (now.year * 12 + now.month - 1) * IN_A_MONTH


class WrappingKeys:
    """A folder of wrapping keys, each sealed by ``service``, by default under the master secret. Deleting a file
    destroys what it wrapped. Files of the default are opened as well, so that a service can be brought in later."""

    def __init__(self, folder: Path, master: bytes, service: KeyService | None = None) -> None:
        self._folder = folder
        local = LocalKeys(master)
        self._maker: KeyService = service or local
        self._services: dict[str, KeyService] = {local.name: local, self._maker.name: self._maker}
        self._keys: dict[int, tuple[str, tuple[int, int], AESGCM]] = {}

    def wrap(self, key: bytes, epoch: int, context: bytes) -> bytes:
        """nonce + ciphertext of a data key, bound to ``context``, under the epoch's key, which is made on first use."""
        nonce = os.urandom(NONCE)
        return nonce + self._key(epoch, create=True).encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, epoch: int, context: bytes) -> bytes:
        """Raises WrappingKeyError when the epoch's key is gone or does not fit."""
        try:
            return self._key(epoch, create=False).decrypt(wrapped[:NONCE], wrapped[NONCE:], context)
        except InvalidTag:
            raise WrappingKeyError(f"a key does not open under epoch {epoch}") from None

    def epochs(self) -> list[int]:
        """Those whose keys are there, the oldest first."""
        return sorted({int(path.stem) for name in self._services for path in self._folder.glob(f"[0-9]*.{name}")})

    def destroy(self, epoch: int) -> Destroyed:
        """Deletes an epoch's key, at its service first, so that a run that is cut short can be done again. Raises
        UnavailableError."""
        found = self._found(epoch)
        service = self._service(found) if found else self._maker
        final_at = service.destroy(epoch)
        if found:
            found.unlink(missing_ok=True)
            _sync(self._folder)
        self._keys.pop(epoch, None)
        return Destroyed(epoch, service.name, final_at)

    def destroy_before(self, epoch: int) -> list[int]:
        """Deletes all keys older than ``epoch``; which ones."""
        return [self.destroy(each).epoch for each in self.epochs() if each < epoch]

    def _found(self, epoch: int) -> Path | None:
        paths = (self._folder / f"{epoch}.{name}" for name in self._services)
        return next((path for path in paths if path.exists()), None)

    def _service(self, path: Path) -> KeyService:
        return self._services[path.suffix[1:]]

    def _key(self, epoch: int, *, create: bool) -> AESGCM:
        """Looks for the file each time: a key that another process destroyed opens and wraps nothing more here."""
        known = self._keys.get(epoch)
        if known is not None and _which(known[0]) == known[1]:
            return known[2]
        path = self._found(epoch) or (self._create(epoch) if create else None)
        if path is None:
            self._keys.pop(epoch, None)
            raise WrappingKeyError(f"the wrapping key of epoch {epoch} is gone")
        which = _which(str(path))
        cipher = AESGCM(self._read(epoch, path))
        if which is not None:
            self._keys[epoch] = str(path), which, cipher
        return cipher

    def _create(self, epoch: int) -> Path:
        """Writes beside and links into place, so that of two writers one wins and nobody reads half a key."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path, beside = self._folder / f"{epoch}.{self._maker.name}", self._folder / f".{epoch}.{uuid4().hex}"
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self._maker.make(epoch))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
        _sync(self._folder)
        return path

    def _read(self, epoch: int, path: Path) -> bytes:
        try:
            return self._service(path).open(epoch, path.read_bytes())
        except FileNotFoundError:
            raise WrappingKeyError(f"the wrapping key of epoch {epoch} is gone") from None


def _which(path: str) -> tuple[int, int] | None:
    """Another file of the same name is another key. By a plain string, since each key that is opened asks for it."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _sync(folder: Path) -> None:
    """A name is on disk only when its folder is; what the key wraps may be on another disk already."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
