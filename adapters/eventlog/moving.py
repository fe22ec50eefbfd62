"""Streams from shards to other shards: copied as bytes, in the order of (old shard, old position), and compared in SQL.

Positions are given anew, without gaps; stream, version, topic and state stay. What is recorded is never changed, so
most of it is copied while the old shards are in use, a pass at a time; each pass is compared for itself.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol
from zlib import crc32

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from adapters.eventlog.recorder import HEADER, TRAILER
from adapters.eventlog.topology import Place
from adapters.postgres import Connection
from commands.ports import UnavailableError

ROWS = 20_000
_STREAM = slice(6, 22)  # in a row of binary COPY: number of columns, length of the first, the first
_COLUMNS = "originator_id, originator_version, topic, state"
_OUT = SQL(
    f"COPY (SELECT {_COLUMNS} FROM {{}} WHERE notification_id > {{}} AND notification_id <= {{}}"
    " ORDER BY notification_id) TO STDOUT (FORMAT BINARY)"
)
_IN = SQL(f"COPY {{}} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)")
_HEAD = SQL("SELECT coalesce(max(notification_id), 0) FROM {}")
_COUNT = SQL("SELECT count(*) FROM {}")
_DIGEST = SQL(
    """SELECT count(*), coalesce(sum(('x' || encode(substr(sha256(uuid_send(originator_id)
    || int8send(originator_version) || convert_to(topic, 'UTF8') || '\\x00'::bytea || state), 1, 8), 'hex'))::bit(64)
    ::bigint::numeric), 0) FROM {} WHERE notification_id > %s AND notification_id <= %s"""
)
#: Streams among those that end after a position whose versions are not 1, 2, 3… in the order of their positions.
_BROKEN = SQL(
    """SELECT count(*) FROM (SELECT originator_version - row_number() OVER (PARTITION BY originator_id
    ORDER BY notification_id) AS jump FROM {0} WHERE originator_id IN
    (SELECT originator_id FROM {0} WHERE notification_id > %s)) AS versions WHERE jump <> 0"""
)
_OFFSETS = SQL("SELECT source, partition, next FROM {}")
_CARRY = SQL("INSERT INTO {} SELECT * FROM unnest(%b::text[], %b::int[], %b::bigint[])")
Progress = Callable[[int], None]
Offsets = dict[tuple[str, int], int]


class DifferenceError(Exception):
    """What was copied is not what was there; nothing was switched."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Of any number of events, in any order: how many, and the sum of their hashes."""

    events: int = 0
    hashes: int = 0

    def __add__(self, other: "Digest") -> "Digest":
        return Digest(self.events + other.events, self.hashes + other.hashes)


class Connect(Protocol):
    """Gives the connection to a place's database."""

    def __call__(self, place: Place, *, reading: bool = False) -> Connection:
        """``reading``: the one that may be busy with giving rows. Raises psycopg.Error."""


class Mover:
    """Copies from old places to new ones, pass by pass."""

    def __init__(self, old: Sequence[Place], new: Sequence[Place], connect: Connect) -> None:
        self._old, self._new, self._connect = old, new, connect
        self._copied = [0] * len(old)
        self._stored = [0] * len(new)

    def waiting(self) -> int:
        """Positions that the next pass is to copy."""
        heads = [self._head(place) for place in self._old]
        return sum(heads) - sum(self._copied)

    def pass_(self, progress: Progress = lambda n: None) -> int:
        """Copies what is recorded up to now and compares it; how many events. Raises DifferenceError, psycopg.Error."""
        wanted, began = Digest(), list(self._stored)
        for number, place in enumerate(self._old):
            after, until = self._copied[number], self._head(place)
            self._copy(place, after, until, progress)
            wanted += self._digest(place, after, until)
            self._copied[number] = until
        self._stored = [self._head(place) for place in self._new]
        found = Digest()
        for place, after, until in zip(self._new, began, self._stored, strict=True):
            found += self._digest(place, after, until)
            if self._ask(place, _BROKEN, (after,)):
                raise DifferenceError("a stream's versions are not in order after copying")
        _same(wanted, found)
        return wanted.events

    def finish(self) -> int:
        """All of the old is in the new, without gaps; consumers' offsets are carried. How many events.

        To be called when nothing can be added any more. Raises DifferenceError, psycopg.Error.
        """
        if self.waiting():
            raise DifferenceError("the old shards have grown meanwhile")
        old, new = (sum(self._ask(p, _COUNT) for p in places) for places in (self._old, self._new))
        if old != new or new != sum(self._stored):
            raise DifferenceError(f"{old} events became {new}")
        carried = least([self._offsets(place) for place in self._old])
        for place in self._new:
            self._carry(place, carried)
        return int(new)

    def _copy(self, place: Place, after: int, until: int, progress: Progress) -> None:
        reading = self._connect(place, reading=True)
        with reading.cursor() as cursor, cursor.copy(_OUT.format(_events(place), after, until)) as copy:
            rows = (bytes(row) for row in copy)
            while some := list(islice(rows, ROWS)):
                self._store(some)
                progress(len(some))

    def _store(self, rows: Sequence[bytes]) -> None:
        shares: list[list[bytes]] = [[] for _ in self._new]
        for row in rows:
            bare = row.removeprefix(HEADER)
            if bare not in (b"", TRAILER):
                shares[crc32(bare[_STREAM]) % len(shares)].append(bare)
        for place, share in zip(self._new, shares, strict=True):
            if share:
                with self._connect(place).cursor() as cursor, cursor.copy(_IN.format(_events(place))) as copy:
                    copy.write(HEADER + b"".join(share) + TRAILER)

    def _digest(self, place: Place, after: int, until: int) -> Digest:
        row = self._connect(place).execute(_DIGEST.format(_events(place)), (after, until)).fetchone()
        return Digest(int(row[0]), int(row[1])) if row else Digest()

    def _head(self, place: Place) -> int:
        return self._ask(place, _HEAD)

    def _ask(self, place: Place, query: SQL, values: tuple[int, ...] = ()) -> int:
        row = self._connect(place).execute(query.format(_events(place)), values).fetchone()
        return int(row[0]) if row else 0

    def _offsets(self, place: Place) -> Offsets:
        rows = self._connect(place).execute(_consumed(_OFFSETS, place)).fetchall()
        return {(source, partition): next_ for source, partition, next_ in rows}

    def _carry(self, place: Place, offsets: Offsets) -> None:
        rows = [(source, partition, next_) for (source, partition), next_ in offsets.items()]
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []]
        connection = self._connect(place)
        with connection.transaction():
            connection.execute(_consumed(_CARRY, place), columns)


def least(shards: Sequence[Offsets]) -> Offsets:
    """The least of all shards: what is read again is recorded already, and changes nothing. An offset that one shard
    does not know begins anew."""
    known = set.intersection(*(set(offsets) for offsets in shards)) if shards else set()
    return {key: min(offsets[key] for offsets in shards) for key in known}


@contextmanager
def connections() -> Iterator[Connect]:
    """Two connections a place's database at the most: one that is being read from, one for all else. Raises
    UnavailableError when a server goes away."""
    opened: dict[tuple[str, bool], Connection] = {}

    def connect(place: Place, *, reading: bool = False) -> Connection:
        which = (place.url, reading)
        if which not in opened:
            opened[which] = psycopg.connect(place.url, autocommit=True, connect_timeout=5)
        return opened[which]

    try:
        yield connect
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise UnavailableError("a server of the log's shards does not answer") from error
    finally:
        for connection in opened.values():
            connection.close()


def _same(wanted: Digest, found: Digest) -> None:
    if wanted != found:
        raise DifferenceError(f"{wanted.events} events became {found.events}, or not the same ones")


def _events(place: Place) -> Identifier:
    return Identifier(place.schema, "log_events")


def _consumed(query: SQL, place: Place) -> Composed:
    return query.format(Identifier(place.schema, "consumed_offset"))
