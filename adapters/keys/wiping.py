"""Keys that were destroyed go from the memory of every process: each looks some times a second which ones are new.

Looking, and not being told: a process that cannot look knows that it cannot, and keeps no keys until it can again.
"""

import threading
import time
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self
from uuid import UUID

import psycopg

from adapters.keys import Keyring
from commands.ports import UnavailableError

EVERY_S = 0.25
#: After so long without an answer nothing is kept.
BLIND_S = 0.75
Told = Callable[[Collection[UUID]], None]


class Wiping:
    """A thread beside a keyring. ``tell`` gets the streams, for whatever else this process keeps of them."""

    def __init__(self, keyring: Keyring, *, every_s: float = EVERY_S, tell: Told = lambda streams: None) -> None:
        self._keyring, self._every_s, self._tell = keyring, every_s, tell
        self._stop = threading.Event()
        self._number: int | None = None
        self._period = 0
        self._seen = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="wiping", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Wipes what was destroyed since the last look. Raises UnavailableError, psycopg.Error."""
        if self._number is None:
            self._number = self._keyring.newest_destroyed()
            self._keyring.wipe_all()  # what was destroyed before may have been read before
        elif new := self._keyring.destroyed_since(self._number):
            streams = [stream for _, stream in new]
            self._keyring.wipe(streams)
            self._tell(streams)
            self._number = new[-1][0]
        if (period := self._keyring.newest_period()) != self._period:
            self._keyring.wipe_periods()
            self._period = period
        self._seen = time.monotonic()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except (UnavailableError, psycopg.Error):
                if time.monotonic() - self._seen > BLIND_S:
                    self._keyring.wipe_all()
            self._stop.wait(self._every_s)
