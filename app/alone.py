"""What one process alone may do in a namespace: a lock in PostgreSQL, which dies with its holder's connection."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from app.wiring import Wiring

LOGGER = logging.getLogger("bespoke.alone")
HELD = """SELECT count(*) > 0 AS held FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND objid = %s AND granted AND datname = current_database()"""


@contextmanager
def alone(wiring: Wiring, lock: int, busy: Exception) -> Iterator[Callable[[], object]]:
    """Holds a right; what it gives raises psycopg.Error when the right is lost. Raises ``busy`` when somebody else has
    it, UnavailableError."""
    with wiring.catalogue.recorder.datastore.get_connection() as connection:  # that database never moves
        row = connection.execute("SELECT pg_try_advisory_lock(%s) AS mine", (lock,)).fetchone()
        if not row or not row["mine"]:
            raise busy
        try:
            yield lambda: connection.execute("SELECT 1")
        finally:
            if not connection.closed:
                _unlock(connection, lock)


def is_held(wiring: Wiring, lock: int) -> bool:
    """Whether somebody has that right now."""
    with wiring.catalogue.recorder.datastore.get_connection() as connection:
        row = connection.execute(HELD, (lock,)).fetchone()
        return bool(row and row["held"])


def _unlock(connection: psycopg.Connection[object], lock: int) -> None:
    try:
        connection.execute("SELECT pg_advisory_unlock(%s)", (lock,))
    except psycopg.Error:
        LOGGER.warning("a lock's connection is gone")
