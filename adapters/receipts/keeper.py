"""Receipts on their way: to the spool when an answer is given, and from there to PostgreSQL beside the answers."""

import logging
import threading

from adapters.receipts.form import encode
from adapters.receipts.mover import Mover
from adapters.receipts.spool import Spool
from commands.ports import UnavailableError
from queries.recommend.decision import Decision

LOGGER = logging.getLogger("bespoke.receipts")


class Keeper:
    """``keep`` is for the thread that answers; a thread of its own moves what is spooled, where no process of the
    machine does that alone."""

    def __init__(self, spool: Spool, mover: Mover) -> None:
        self._spool, self._mover, self._stop = spool, mover, threading.Event()
        self._thread = threading.Thread(target=mover.follow, args=(self._stop,), name="receipts", daemon=True)
        #: How many could not be kept, as the spool or the disk was full.
        self.failed = 0

    def start(self) -> None:
        """Begins to move."""
        self._thread.start()

    def keep(self, decision: Decision) -> bool:
        """Has the receipt on this machine when it returns True. A full disk fails no answer; it is counted."""
        try:
            self._spool.append(encode(decision))
        except OSError:
            if not self.failed:
                LOGGER.error("receipts cannot be kept: the spool or its disk is full")
            self.failed += 1
            return False
        return True

    @property
    def waiting(self) -> int:
        """How many of this process are not stored yet."""
        return self._spool.waiting()

    @property
    def stored(self) -> int:
        """How many of this process are stored, whoever did it."""
        return self._spool.appended - self.waiting

    def close(self) -> None:
        """Moves what is left, as far as PostgreSQL answers; the rest waits in its file for the next process."""
        self._stop.set()
        self._thread.join(10)
        self._spool.close()
        try:
            self._mover.move()
        except UnavailableError:
            LOGGER.warning("receipts wait for PostgreSQL in their files")
