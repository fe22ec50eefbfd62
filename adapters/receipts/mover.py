"""Takes what is spooled on this machine to PostgreSQL: one process at a time does it for all, whoever wrote it.

Beside a file stands how far it was stored, so that the next process goes on from there. What is brought twice, as a
process was killed between PostgreSQL and that note, is stored once.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from adapters.receipts.exposing import Exposer
from adapters.receipts.form import head
from adapters.receipts.spool import Spool, is_free
from adapters.receipts.store import PostgresReceipts
from commands.ports import UnavailableError

LOGGER = logging.getLogger("bespoke.receipts")
BATCH = 500
EVERY_S, AGAIN_S = 0.25, 1.0


class Mover:
    """For one thread. ``spool`` knows the folder and the key; nothing is appended to it here. ``exposer`` records which
    arms were used."""

    def __init__(self, spool: Spool, store: PostgresReceipts, exposer: Exposer | None = None) -> None:
        self._spool, self._store, self._exposer = spool, store, exposer

    def move(self) -> int:
        """All that is there now, unless another process is at it; how many receipts. Raises UnavailableError."""
        with self._spool.alone() as alone:
            return self._all() if alone else 0

    def follow(self, stop: threading.Event) -> None:
        """Moves what comes, whenever no other process does, until it is told to stop."""
        _again(self.move, stop)

    def follow_for_all(self, stop: threading.Event) -> None:
        """Moves what comes, so that no other process does, until it is told to stop."""
        while not stop.wait(EVERY_S / 10):
            with self._spool.alone() as alone:
                if alone:
                    _again(self._all, stop)

    def _all(self) -> int:
        return sum(map(self._file, self._spool.files()))

    def _file(self, path: Path) -> int:
        """One file from where it was left; it goes when nobody writes it any more."""
        complete, moved = is_free(path), 0
        with suppress(FileNotFoundError):
            for end, batch in self._batches(path):
                self._store.add(batch)
                if self._exposer:
                    self._exposer.record(batch)
                moved += len(batch)
                self._spool.stored(path, end, len(batch))
            if complete:
                self._spool.remove(path)
        return moved

    def _batches(self, path: Path) -> Iterator[tuple[int, list[bytes]]]:
        """Receipts some together, and where the last of them ends."""
        batch, end = list[bytes](), 0
        for end, receipt in self._spool.entries(path, self._spool.reached(path).offset):
            try:
                head(receipt)
                batch.append(receipt)
            except ValueError:
                self._spool.damaged.add(path)
            if len(batch) == BATCH:
                yield end, batch
                batch = []
        if batch:
            yield end, batch


def _again(once: Callable[[], int], stop: threading.Event) -> None:
    wait = EVERY_S
    while not stop.wait(wait):
        try:
            once()
            wait = EVERY_S
        except UnavailableError:
            wait = AGAIN_S
        except Exception as error:  # whatever is wrong with one file must not end the thread
            LOGGER.error("receipts are not moved: %s", type(error).__name__)
            wait = AGAIN_S
