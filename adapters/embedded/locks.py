"""A lock between processes that the kernel releases when its holder dies, however it dies."""

import fcntl
import os
from pathlib import Path

from adapters.embedded.errors import EmbeddedServerError
from adapters.embedded.process import wait_until

_held: set[int] = set()


def _close_inherited() -> None:
    """A forked child would keep its parent's locks alive after the parent's death."""
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_close_inherited)


class FileLock:
    """One lock on one file (flock). The holder may leave a note in it for those who come too late."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def try_acquire(self) -> bool:
        """False when someone else holds it. Raises EmbeddedServerError when the file is not ours to open."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedServerError(f"Cannot open {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        _held.add(file)
        return True

    def acquire(self, limit_s: float) -> None:
        """Waits for it. Raises EmbeddedServerError after so many seconds."""
        if not wait_until(self.try_acquire, limit_s):
            raise EmbeddedServerError(f"Another process has held {self._path} for {limit_s:.0f} s. Is it stuck?")

    def release(self) -> None:
        """Lets the next one in; nothing happens when it is not held."""
        file, self._file = self._file, None
        if file is not None and file in _held:
            _held.remove(file)
            os.close(file)

    def leave_note(self, note: str) -> None:
        """Replaces the file's text; the lock must be held."""
        if self._file is None:
            raise EmbeddedServerError(f"{self._path} is not held")
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, note.encode(), 0)

    def note(self) -> str:
        """What the last holder left."""
        return self._path.read_text()
