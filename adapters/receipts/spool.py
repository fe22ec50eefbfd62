"""Receipts on this machine, encrypted, one ``write`` each: what is written survives the end of the process, however it
ends, and waits here for PostgreSQL.

A process writes files of its own and holds a lock on the one it writes; a file that nobody holds is complete.
"""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SUFFIX, REACHED, LOCK = ".receipts", ".reached", ".mover"
FILE_BYTES, SPOOL_BYTES = 4 << 20, 8 << 30
AGAIN_S = 1.0
NONCE = 12
LENGTH = 4


@dataclass(frozen=True, slots=True)
class Reached:
    """How much of a file is stored. ``damaged``: something of it could not be read."""

    offset: int = 0
    receipts: int = 0
    damaged: bool = False


class Spool:
    """For one thread that appends. ``key``: 32 bytes, the same for all processes of the installation. ``damaged``:
    files in which something could not be read."""

    def __init__(
        self, folder: Path, key: bytes, *, file_bytes: int = FILE_BYTES, most_bytes: int = SPOOL_BYTES
    ) -> None:
        self._folder, self._cipher, self._longest, self._most = folder, AESGCM(key), file_bytes, most_bytes
        self._lock = threading.Lock()
        self._file, self._path, self._size, self._full_until = -1, Path(), 0, 0.0
        #: How many were appended since the start, and how many to which files.
        self.appended, self._own = 0, dict[Path, int]()
        self.damaged = set[Path]()

    def append(self, receipt: bytes) -> None:
        """Has it on this machine. Raises OSError where the disk is full, or so much waits as may."""
        with self._lock:
            if self._file < 0 or self._size >= self._longest:
                self._begin()
            nonce = os.urandom(NONCE)
            sealed = nonce + self._cipher.encrypt(nonce, receipt, self._path.name.encode())
            entry = len(sealed).to_bytes(LENGTH, "big") + sealed
            written = os.write(self._file, entry)
            if written != len(entry):  # the disk is full: what is there of it is no entry
                os.ftruncate(self._file, self._size)
                raise OSError("the disk with the receipts is full")
            self._size += len(entry)
            self.appended += 1
            self._own[self._path] += 1

    def files(self) -> list[Path]:
        """Those of all processes, the oldest first."""
        return [path for _, _, path in sorted(self._found())]

    def waiting(self) -> int:
        """How many that this process appended are not stored yet."""
        with self._lock:
            own = list(self._own.items())
        return sum(count - self.reached(path).receipts for path, count in own if path.exists())

    def unstored_bytes(self) -> int:
        """Of all processes."""
        return sum(size - self.reached(path).offset for _, size, path in self._found())

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether this process may store what is here; while it may, no other one may."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / LOCK).open("ab") as file:
            yield _locked(file.fileno(), fcntl.LOCK_EX)

    def reached(self, path: Path) -> Reached:
        """How much of a file is stored."""
        try:
            offset, receipts, damaged = map(int, path.with_suffix(REACHED).read_text().split())
        except (FileNotFoundError, ValueError):
            return Reached()
        return Reached(offset, receipts, bool(damaged))

    def stored(self, path: Path, offset: int, receipts: int) -> None:
        """So many more are stored; they end at this offset."""
        before = self.reached(path)
        damaged = before.damaged or path in self.damaged
        note, fresh = path.with_suffix(REACHED), path.with_suffix(".unborn-reached")
        fresh.write_text(f"{offset} {before.receipts + receipts} {int(damaged)}")
        fresh.rename(note)

    def entries(self, path: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Each receipt from an offset on, with where it ends. A torn end of a file is no entry; one that does not open
        is left out, and the file is among ``damaged``."""
        with path.open("rb") as file:
            file.seek(start)
            while len(head := file.read(LENGTH)) == LENGTH:
                sealed = file.read(int.from_bytes(head, "big"))
                if len(sealed) < int.from_bytes(head, "big"):
                    return
                try:
                    receipt = self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], path.name.encode())
                except (InvalidTag, ValueError):
                    self.damaged.add(path)
                    continue
                yield file.tell(), receipt

    def remove(self, path: Path) -> None:
        """All of a file is stored; one in which something could not be read is kept under another name."""
        if path in self.damaged or self.reached(path).damaged:
            path.rename(path.with_suffix(".damaged"))
        else:
            path.unlink(missing_ok=True)
        path.with_suffix(REACHED).unlink(missing_ok=True)

    def close(self) -> None:
        """Lets go of the file: it is complete now."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file, self._path = -1, Path()

    def _begin(self) -> None:
        if self._file >= 0:
            file, self._file = self._file, -1  # at once: where what follows fails, its number may be another file's
            os.close(file)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._has_room()
        self._path = self._folder / f"{uuid4().hex}{SUFFIX}"
        unborn = self._path.with_suffix(".unborn")  # nobody may find it before it is locked
        file = os.open(unborn, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unborn.rename(self._path)
        self._file, self._size = file, 0
        self._own = {path: count for path, count in self._own.items() if path.exists()} | {self._path: 0}

    def _has_room(self) -> None:
        """Raises OSError where as much waits as may. It is looked at once a second at most: the answers go on."""
        if time.monotonic() >= self._full_until:
            if sum(size for _, size, _ in self._found()) < self._most:
                return
            self._full_until = time.monotonic() + AGAIN_S
        raise OSError(errno.ENOSPC, "the spool of receipts is full")

    def _found(self) -> Iterator[tuple[int, int, Path]]:
        """When written last, size, and path of each file."""
        for path in self._folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):
                about = path.stat()
                yield about.st_mtime_ns, about.st_size, path


def is_free(path: Path) -> bool:
    """Whether no process writes it."""
    try:
        with path.open("rb") as file:
            return _locked(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def _locked(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
