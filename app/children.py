"""Processes of our own that run beside this one and end with it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from app.settings import Settings

STOP_S = 20.0
PR_SET_PDEATHSIG = 1


class Children:
    """Starts ``bespoke`` subcommands; leaving the context stops them. Ctrl-C reaches this process alone."""

    def __init__(self, settings: Settings) -> None:
        self._environment = os.environ | settings.environment()
        self._logs = settings.var / "logs"
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Runs ``bespoke <arguments>`` with these settings; its output goes to ``var/logs``."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with open(self._logs / f"{arguments[0]}.log", "ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "app.cli", *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with(os.getpid()),
            )
        self._running.append(child)
        return child

    def first_ended(self) -> Sequence[str] | None:
        """The command line of a child that has ended by itself, or None while all run."""
        for child in self._running:
            if child.poll() is not None:
                return [str(part) for part in child.args[3:]]  # type: ignore[index]
        return None

    def stop(self) -> None:
        """Asks all to end, and insists after ``STOP_S``."""
        for child in self._running:
            child.terminate()
        for child in self._running:
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._running.clear()


def end_with(parent: int) -> Callable[[], None]:
    """On Linux a child gets SIGTERM when its parent is killed, so that a kill -9 leaves nothing behind."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def die_with_parent(parent: int) -> None:
    """Arranges that this process ends with its parent. Linux sends the signal when the thread that started it ends."""
    end_with(parent)()
