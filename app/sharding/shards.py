"""The shards of the customers' log as this process has them open, and how it goes over to others after a resharding."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, overload

from adapters.eventlog.log import PostgresLog
from adapters.eventlog.topology import Layout
from adapters.records import PostgresRecords
from commands.ports import UnavailableError

LOGGER = logging.getLogger("bespoke.shards")
LOOK_EVERY_S = 0.25
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """The shards of one epoch, with their records outside Redis."""

    layout: Layout
    logs: tuple[PostgresLog, ...]
    records: tuple[PostgresRecords, ...]

    def close(self) -> None:
        """Gives all connections back."""
        for log in self.logs:
            log.close()


class View(Sequence[T]):
    """The shards of now. Take a tuple of it before asking twice: between two questions they may be others."""

    def __init__(self, now: Callable[[], tuple[T, ...]]) -> None:
        self._now = now

    def __len__(self) -> int:
        return len(self._now())

    def __iter__(self) -> Iterator[T]:
        return iter(self._now())

    @overload
    def __getitem__(self, which: int) -> T: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[T]: ...
    def __getitem__(self, which: int | slice) -> T | Sequence[T]:
        return self._now()[which]


class Shards:
    """Opened on first use. ``layout`` tells where they are now, ``open_`` opens those of a layout."""

    def __init__(self, layout: Callable[[], Layout], open_: Callable[[Layout], Opened]) -> None:
        self._layout, self._open = layout, open_
        self._opened: Opened | None = None
        self._turn = threading.Lock()
        self.logs = View(lambda: self.now.logs)
        self.records = View(lambda: self.now.records)

    @property
    def now(self) -> Opened:
        """Those that are open. Raises SettingsError, UnavailableError."""
        opened = self._opened
        if opened is None:
            with self._turn:
                opened = self._opened = self._opened or self._open(self._layout())
        return opened

    def moved(self) -> bool:
        """Whether another epoch is current than the one that is open. Raises UnavailableError."""
        return self._opened is not None and self._opened.layout != self._layout()

    def refresh(self) -> bool:
        """Goes over to the current epoch; whether that was another one. What others do with the old shards just now
        ends in UnavailableError, and they try again. Raises SettingsError, UnavailableError."""
        with self._turn:
            before = self._opened
            if before is None or before.layout == (layout := self._layout()):
                return False
            self._opened = self._open(layout)
            before.close()
        LOGGER.warning("the log has %d shards now, in epoch %d", len(layout.servers), layout.epoch)
        return True

    def close(self) -> None:
        """Gives all connections back."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Goes over by itself, soon after the shards were moved."""
        done = threading.Event()
        thread = threading.Thread(target=self._watch, args=(done,), name="shards", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(LOOK_EVERY_S):
            try:
                self.refresh()
            except UnavailableError as error:
                LOGGER.debug("where the shards are cannot be seen just now: %s", type(error).__name__)
            except Exception as error:  # a setting of a new server is missing: appends are refused, which is safe
                LOGGER.error("the log has moved and cannot be followed: %s", error)
