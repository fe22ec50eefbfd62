"""What one process alone may do in a namespace: a lock in PostgreSQL, which dies with its holder's connection."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import psycopg

from app.wiring import Wiring

LOGGER = logging.getLogger("bespoke.alone")
HELD = """SELECT classid, objid, objsubid, mode FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND granted AND datname = current_database()"""
ALONE, SHARED = "SELECT pg_try_advisory_lock", "SELECT pg_try_advisory_lock_shared"
#: How PostgreSQL tells locks of one number from those of two.
ONE, TWO = 1, 2


class Right(NamedTuple):
    """A lock, or one part of it; ``shared``: others may have it too who share it."""

    lock: int
    part: int | None = None
    shared: bool = False


class Held(NamedTuple):
    """Who has a lock: one process alone, some who share it, and which of its parts are somebody's."""

    alone: bool
    shared: bool
    parts: frozenset[int]


def alone(wiring: Wiring, lock: int, busy: Exception) -> AbstractContextManager[Callable[[], object]]:
    """Holds a right that nobody else has; as ``holding``."""
    return holding(wiring, [Right(lock)], busy)


@contextmanager
def holding(wiring: Wiring, rights: Sequence[Right], busy: Exception) -> Iterator[Callable[[], object]]:
    """Holds rights; what it gives raises psycopg.Error when they are lost. Raises ``busy`` when somebody else has one
    of them, UnavailableError."""
    with wiring.catalogue.recorder.datastore.get_connection() as connection:  # that database never moves
        try:
            if not all(_take(connection, right) for right in rights):
                raise busy
            yield lambda: connection.execute("SELECT 1")
        finally:
            if not connection.closed:
                _give_back(connection)


def held(wiring: Wiring, lock: int) -> Held:
    """Who has that lock right now. Raises UnavailableError."""
    with wiring.catalogue.recorder.datastore.get_connection() as connection:
        rows = connection.execute(HELD).fetchall()
    modes = {row["mode"] for row in rows if (row["objid"], row["objsubid"]) == (lock, ONE)}
    parts = frozenset(int(row["objid"]) for row in rows if (row["classid"], row["objsubid"]) == (lock, TWO))
    return Held("ExclusiveLock" in modes, "ShareLock" in modes, parts)


def _take(connection: psycopg.Connection[dict[str, object]], right: Right) -> bool:
    ask = SHARED if right.shared else ALONE
    if right.part is None:
        row = connection.execute(ask + "(%s::bigint) AS mine", (right.lock,)).fetchone()
    else:
        row = connection.execute(ask + "(%s::int, %s::int) AS mine", (right.lock, right.part)).fetchone()
    return bool(row and row["mine"])


def _give_back(connection: psycopg.Connection[dict[str, object]]) -> None:
    try:
        connection.execute("SELECT pg_advisory_unlock_all()")
    except psycopg.Error:
        LOGGER.warning("a lock's connection is gone")
