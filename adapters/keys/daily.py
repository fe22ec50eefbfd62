"""Keys of a day: what lies on a topic, and what was set aside from it, opens until its day's key is destroyed."""

import os
import time
from datetime import UTC, datetime
from enum import IntEnum

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys import KeyDestroyedError, Keyring
from adapters.postgres import Connection

DAY_S = 86_400
ADD = """INSERT INTO day_key (purpose, day, epoch, wrapped) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"""
GET = "SELECT epoch, wrapped FROM day_key WHERE purpose = %s AND day = %s"
EXPIRE = "DELETE FROM day_key WHERE purpose = %s AND day < %s"


class Purpose(IntEnum):
    """What a day's key is for. Numbers are stored."""

    TOPIC = 1
    DEAD_LETTER = 2
    RECEIPT = 3


#: How many days after its own a key is kept: a topic's retention is 72 hours, and a day's key serves to its midnight.
#: That of receipts is of strangers' alone.
KEPT_DAYS = {Purpose.TOPIC: 4, Purpose.DEAD_LETTER: 31, Purpose.RECEIPT: 400}


def day_of(moment: datetime) -> int:
    """Days since 1970, in UTC."""
    return int(moment.astimezone(UTC).timestamp()) // DAY_S


class DailyKeys:
    """Wrapped beside the keys of the streams, and wrapped anew with them."""

    def __init__(self, keyring: Keyring, purpose: Purpose) -> None:
        self._keyring = keyring
        self._purpose = purpose
        self._ciphers: dict[int, AESGCM] = {}

    def cipher(self, day: int) -> AESGCM:
        """The cipher of a day whose key there is. One that has served its time is not remembered: it may be destroyed
        by now. Raises KeyDestroyedError, UnavailableError."""
        if day < int(time.time()) // DAY_S - KEPT_DAYS[self._purpose]:
            self._ciphers.pop(day, None)
            return self._read(day)
        found = self._ciphers.get(day)
        if found is None:
            found = self._ciphers[day] = self._read(day)
        return found

    def make(self, day: int) -> AESGCM:
        """The cipher of a day, whose key is made by whoever comes first. Raises UnavailableError."""
        if day not in self._ciphers:
            with self._keyring.wrapping_for_now() as (connection, epoch):
                wrapped = self._keyring.wrapping.wrap(os.urandom(32), epoch, self._context(day))
                connection.execute(ADD, (self._purpose.value, day, epoch, wrapped))
        return self.cipher(day)

    def expire(self, now: datetime) -> int:
        """Destroys the keys that have served their time; how many."""
        last = day_of(now) - KEPT_DAYS[self._purpose]
        self._ciphers = {day: cipher for day, cipher in self._ciphers.items() if day >= last}
        with self._keyring.database.connection() as connection:
            return connection.execute(EXPIRE, (self._purpose.value, last)).rowcount

    def _read(self, day: int) -> AESGCM:
        return self._keyring.twice(lambda connection: self._unwrapped(connection, day))

    def _unwrapped(self, connection: Connection, day: int) -> AESGCM:
        row = connection.execute(GET, (self._purpose.value, day)).fetchone()
        if row is None:
            raise KeyDestroyedError(f"{self._purpose.name.lower()} key of day {day}")
        return AESGCM(self._keyring.wrapping.unwrap(row[1], row[0], self._context(day)))

    def _context(self, day: int) -> bytes:
        return f"day:{self._purpose.value}:{day}".encode()
