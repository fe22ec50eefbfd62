"""Files that are whole or not there, whatever is killed, and that are what they seem when they are read."""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from ml.artefacts.errors import ArtefactError

#: Begins the names of what is being written. Nobody reads these.
BESIDE = ".new-"


def replace(path: Path, content: bytes | memoryview) -> None:
    """Writes a file beside, then puts it in place; readers see the old content or the new. Raises OSError."""
    beside = path.with_name(f"{BESIDE}{uuid4().hex}")
    try:
        write_new(beside, content)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_new(path: Path, content: bytes | memoryview) -> None:
    """A new file, on disk when this returns. Raises OSError."""
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """A folder whose name is on disk, with those above it. Raises OSError."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """The names in the folder are on disk when this returns. Raises OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def open_plain(path: Path, what: str) -> int:
    """A descriptor of a regular file, no link, no device. Raises ArtefactError, FileNotFoundError."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ArtefactError(f"{what}: cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise ArtefactError(f"{what}: not a file")
    return file


def read(path: Path, what: str, most: int) -> bytes:
    """A regular file of at most so many bytes. Raises ArtefactError, FileNotFoundError."""
    with open(open_plain(path, what), "rb") as file:
        if os.fstat(file.fileno()).st_size > most:
            raise ArtefactError(f"{what}: more than {most} bytes")
        return file.read()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time; the kernel lets go when the holder dies. Raises OSError."""
    make_folder(folder)
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A folder beside all others to write in, which nobody clears away meanwhile; what is left in it goes at the end.
    Raises OSError."""
    while True:
        path = folder / f"{BESIDE}{uuid4().hex}"
        path.mkdir()
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():  # else somebody took it for abandoned just before the lock
            break
        os.close(file)
    try:
        yield path
    finally:
        clear(path)
        os.close(file)


def clear_abandoned(folder: Path) -> None:
    """Deletes what writers have left that were killed. Raises OSError."""
    for path in folder.glob(f"{BESIDE}*"):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            clear(path)
        except BlockingIOError:
            continue
        finally:
            os.close(file)


def clear(path: Path) -> None:
    """Deletes a folder with all that is in it, if it is there. Raises OSError."""
    with suppress(FileNotFoundError):
        shutil.rmtree(path)
