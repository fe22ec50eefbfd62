"""A server as a child process: out of reach of Ctrl-C, gone when its owner is gone, found again if not."""

import contextlib
import ctypes
import importlib.util
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedServerError

log = logging.getLogger("bespoke.embedded")

ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
PR_SET_PDEATHSIG = 1
POLL_S = 0.01
REAP_S = 10.0  # what a killed process takes to be gone, on a busy machine
LOG_BYTES = 1 << 20

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """A server's program, and the signals that stop it: mildest first, each with its limit in seconds."""

    path: Path
    stops: tuple[tuple[signal.Signals, float], ...]

    def spawn(self, args: Sequence[str], account: Account, data_dir: Path, log_file: Path) -> "subprocess.Popen[bytes]":
        """Starts it in a session of its own, writing to the log file."""
        _trim(log_file)
        with open(log_file, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
            return subprocess.Popen(
                [str(self.path), *args],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=data_dir,
                env=dict(ENVIRONMENT),
                start_new_session=True,
                preexec_fn=_die_with_owner(self.stops[0][0]),
                umask=0o077,
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
            )

    def serves(self, pid: int, data_dir: Path) -> bool:
        """Whether this process is this program on this folder: a number in a pid file proves nothing."""
        try:
            program = Path(os.readlink(f"/proc/{pid}/exe")).name.removesuffix(" (deleted)")
            return program == self.path.name and os.path.samefile(f"/proc/{pid}/cwd", data_dir)
        except OSError:
            return False

    def stop(self, pid: int, gone: Callable[[], bool]) -> None:
        """Asks, then insists. Raises EmbeddedServerError when even SIGKILL does not end it."""
        for signal_, limit_s in self.stops:
            if gone():
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_)
            if wait_until(gone, limit_s):
                return
        raise EmbeddedServerError(f"{self.path.name} (process {pid}) does not stop. End it yourself: kill -9 {pid}")

    def reap(self, process: "subprocess.Popen[bytes] | None", data_dir: Path) -> None:
        """Takes leave of a child that was killed: until then its number belongs to nobody else, and servers that find
        it in their lock files believe it alive. A child that serves is left alone."""
        if process is not None:
            wait_until(lambda: process.poll() is not None or self.serves(process.pid, data_dir), REAP_S)

    def stop_orphan(self, pid: int | None, data_dir: Path) -> None:
        """Stops a server that outlived its owner, if this process id is one."""
        if pid is not None and self.serves(pid, data_dir):
            log.info("stopping %s, left over as process %d", self.path.name, pid)
            self.stop(pid, lambda: not self.serves(pid, data_dir))


def wheel_folder(package: str) -> Path:
    """Where a wheel put its files, without importing it (which may warn). Raises EmbeddedServerError."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(f"The package {package} is not installed. Run: make setup")
    return Path(spec.origin).parent


def wait_until(done: Callable[[], bool], limit_s: float) -> bool:
    """Polls until it is done; False when the time is over."""
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def last_lines(log_file: Path, count: int = 5) -> str:
    """The end of a server's log, for an error message."""
    try:
        return "\n".join(log_file.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(no log)"


def first_number(pid_file: Path) -> int | None:
    """The process id in a pid file, None when there is none."""
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _trim(log_file: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log_file.stat().st_size > LOG_BYTES:
            log_file.unlink()


def _die_with_owner(signal_: signal.Signals) -> Callable[[], None] | None:
    """Linux sends the signal when the *thread* that started the process ends: only the main one will do."""
    if _libc is None or threading.current_thread() is not threading.main_thread():
        return None
    prctl, owner = _libc.prctl, os.getpid()

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal_), 0, 0, 0)
        if os.getppid() != owner:
            os._exit(1)

    return arrange
