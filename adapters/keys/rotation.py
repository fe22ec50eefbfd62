"""Rotation: living keys are wrapped anew for the present epoch, in batches, and the older wrapping keys destroyed.

Events are not touched. A run that is cut short goes on where it was: each key says for which epoch it is wrapped. What
was done stands in the tables ``key_rotation`` and ``wrapping_epoch``, and says from when on old copies open nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.keys import ROTATION_LOCK, Keyring, epoch_now
from adapters.keys.services import WrappingKeyError
from adapters.keys.wrapping import IN_A_MONTH
from adapters.postgres import Connection

WHILE_ROTATING = "SELECT pg_advisory_xact_lock(%s)"
#: What an erasure is deleting at this moment is left to it, or to the next look.
SOME_STREAMS = "SELECT stream, epoch, wrapped FROM stream_key WHERE epoch < %s LIMIT %s FOR UPDATE SKIP LOCKED"
OLD_STREAMS = "SELECT stream, epoch, wrapped FROM stream_key WHERE epoch < %s ORDER BY stream FOR UPDATE"
OLD_PERIODS = "SELECT period, epoch, wrapped, retention, month FROM period_key WHERE epoch < %s FOR UPDATE"
OLD_DAYS = "SELECT purpose, day, epoch, wrapped FROM day_key WHERE epoch < %s FOR UPDATE"
REWRAP_STREAMS = """UPDATE stream_key AS k SET epoch = %s, wrapped = n.wrapped
    FROM unnest(%s::uuid[], %s::bytea[]) AS n (stream, wrapped) WHERE k.stream = n.stream"""
REWRAP_DAY = "UPDATE day_key SET epoch = %s, wrapped = %s WHERE purpose = %s AND day = %s"
REWRAP_PERIOD = "UPDATE period_key SET epoch = %s, wrapped = %s WHERE period = %s"
LEFT = """SELECT EXISTS (SELECT 1 FROM stream_key WHERE epoch < %(epoch)s)
    OR EXISTS (SELECT 1 FROM period_key WHERE epoch < %(epoch)s)
    OR EXISTS (SELECT 1 FROM day_key WHERE epoch < %(epoch)s)"""
BEGIN = "INSERT INTO key_rotation (epoch) VALUES (%s) ON CONFLICT DO NOTHING"
COUNT = "UPDATE key_rotation SET rewrapped = rewrapped + %s WHERE epoch = %s"
END = "UPDATE key_rotation SET ended_at = clock_timestamp() WHERE epoch = %s"
OPEN = "INSERT INTO wrapping_epoch (epoch) VALUES (%s) ON CONFLICT DO NOTHING"
RETIRE = """INSERT INTO wrapping_epoch (epoch, destroyed_at, service, final_at) VALUES (%s, clock_timestamp(), %s, %s)
    ON CONFLICT (epoch) DO UPDATE SET destroyed_at = excluded.destroyed_at, service = excluded.service,
    final_at = excluded.final_at WHERE wrapping_epoch.destroyed_at IS NULL OR %s"""
UNTOLD = "SELECT epoch FROM wrapping_epoch WHERE epoch < %s AND destroyed_at IS NULL"
EPOCHS = "SELECT epoch, opened_at, destroyed_at, service, final_at FROM wrapping_epoch ORDER BY epoch"
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Epoch:
    """``destroyed_at``: None while its wrapping key is there. ``final_at``: until then the administrators of the
    service that kept it could still bring it back; None: nobody can."""

    epoch: int
    opened_at: datetime
    destroyed_at: datetime | None
    service: str | None
    final_at: datetime | None

    @property
    def gone_at(self) -> datetime | None:
        """From when on nothing that was wrapped for it opens anywhere, for anybody; None: not decided yet."""
        return None if self.destroyed_at is None else max(self.destroyed_at, self.final_at or self.destroyed_at)


@dataclass(frozen=True, slots=True)
class Rotated:
    """The epoch that is wrapped for, how many keys were wrapped anew for it, which epochs' keys were destroyed."""

    epoch: int
    rewrapped: int
    destroyed: tuple[int, ...]


class Rotation:
    """Of one keyring. Two runs at a time do no harm."""

    def __init__(self, keyring: Keyring, *, batch: int = BATCH) -> None:
        self._keyring, self._batch = keyring, batch

    def open_epoch(self) -> int:
        """A new epoch in this month, for all that is wrapped from now on. Raises WrappingKeyError after 99 of them."""
        with self._keyring.database.connection() as connection, connection.transaction():
            connection.execute(WHILE_ROTATING, (ROTATION_LOCK,))
            epoch = epoch_now(connection) + 1
            if epoch % IN_A_MONTH == 0:
                raise WrappingKeyError("this month has had all its epochs")
            connection.execute(OPEN, (epoch,))
        return epoch

    def run(self, progress: Callable[[int], None] = lambda keys: None) -> Rotated:
        """Wraps all living keys anew for the present epoch, then destroys the older wrapping keys.

        Raises WrappingKeyError where a key does not open: then nothing is destroyed. Raises UnavailableError; then it
        is to be run again.
        """
        epoch, rewrapped = self._begin(), 0
        while keys := self._some(epoch):
            rewrapped += keys
            progress(keys)
        while True:
            rewrapped += self._rest(epoch)
            destroyed = self._destroy(epoch)
            if destroyed is not None:
                return Rotated(epoch, rewrapped, destroyed)

    def epochs(self) -> list[Epoch]:
        """All that were ever wrapped for, as far as rotations know, the oldest first. Raises UnavailableError."""
        with self._keyring.database.connection() as connection:
            return [Epoch(*row) for row in connection.execute(EPOCHS).fetchall()]

    def _begin(self) -> int:
        with self._keyring.wrapping_for_now() as (connection, epoch):
            connection.execute(OPEN, (epoch,))
            connection.execute(BEGIN, (epoch,))
        return epoch

    def _some(self, epoch: int) -> int:
        with self._keyring.database.connection() as connection, connection.transaction():
            found = connection.execute(SOME_STREAMS, (epoch, self._batch)).fetchall()
            return self._rewrap_streams(connection, found, epoch)

    def _rest(self, epoch: int) -> int:
        """What came meanwhile, and the few keys of periods and days, while nobody wraps."""
        with self._keyring.database.connection() as connection, connection.transaction():
            connection.execute(WHILE_ROTATING, (ROTATION_LOCK,))
            count = self._rewrap_streams(connection, connection.execute(OLD_STREAMS, (epoch,)).fetchall(), epoch)
            return count + self._rewrap_others(connection, epoch)

    def _rewrap_streams(self, connection: Connection, rows: Iterable[tuple[Any, ...]], epoch: int) -> int:
        wrapped = {stream: self._again(old, of, epoch, stream.bytes) for stream, of, old in rows}
        if wrapped:
            connection.execute(REWRAP_STREAMS, (epoch, list(wrapped), list(wrapped.values())))
            connection.execute(COUNT, (len(wrapped), epoch))
        return len(wrapped)

    def _rewrap_others(self, connection: Connection, epoch: int) -> int:
        periods = connection.execute(OLD_PERIODS, (epoch,)).fetchall()
        for period, of, old, retention, month in periods:
            again = self._again(old, of, epoch, f"{retention}:{month}".encode())
            connection.execute(REWRAP_PERIOD, (epoch, again, period))
        days = connection.execute(OLD_DAYS, (epoch,)).fetchall()
        for purpose, day, of, old in days:
            again = self._again(old, of, epoch, f"day:{purpose}:{day}".encode())
            connection.execute(REWRAP_DAY, (epoch, again, purpose, day))
        connection.execute(COUNT, (len(periods) + len(days), epoch))
        return len(periods) + len(days)

    def _destroy(self, epoch: int) -> tuple[int, ...] | None:
        """Destroys the older wrapping keys, all living keys being stored anew; None where a late one came in between.

        Killed before the end is stored, the keys are gone and nothing says so: the next run does.
        """
        with self._keyring.database.connection() as connection, connection.transaction():
            connection.execute(WHILE_ROTATING, (ROTATION_LOCK,))
            left = connection.execute(LEFT, {"epoch": epoch}).fetchone()
            if left is None or left[0]:
                return None
            there = {each for each in self._keyring.wrapping.epochs() if each < epoch}
            old = there | {each for (each,) in connection.execute(UNTOLD, (epoch,)).fetchall()}
            for each in sorted(old):  # one that a slow clock brought back is destroyed later than is known
                gone = self._keyring.wrapping.destroy(each)
                connection.execute(RETIRE, (gone.epoch, gone.service, gone.final_at, each in there))
            connection.execute(END, (epoch,))
        return tuple(sorted(old))

    def _again(self, wrapped: bytes, old: int, new: int, context: bytes) -> bytes:
        wrapping = self._keyring.wrapping
        return wrapping.wrap(wrapping.unwrap(wrapped, old, context), new, context)
