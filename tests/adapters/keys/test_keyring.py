"""Data keys in their database: rotation keeps what lives readable, and what was deleted stays deleted."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

import adapters.keys
from adapters.directory import new_stream_id
from adapters.keys import KeyDestroyedError, Keyring
from adapters.keys.rotation import Rotation
from adapters.keys.services import Destroyed
from adapters.keys.wrapping import WrappingKeyError, WrappingKeys
from adapters.postgres import Database
from app.wiring import Wiring
from domain.event import Retention

NONCE = bytes(12)
MONTH = 24_304
ROTATIONS = 12
Connection = psycopg.Connection[tuple[Any, ...]]


class Clock:
    """Which epoch it is."""

    def __init__(self) -> None:
        self.epoch = 24_300

    def __call__(self) -> int:
        return self.epoch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Tells the keyrings the epoch."""
    clock = Clock()
    monkeypatch.setattr(adapters.keys, "current_epoch", clock)
    return clock


@pytest.fixture
def database(wiring: Wiring) -> Iterator[Database]:
    """The database of keys."""
    opened = Database(wiring._url("keys"), size=12)
    yield opened
    opened.close()


@pytest.fixture
def rows(wiring: Wiring) -> Iterator[Connection]:
    """The tables of keys."""
    with psycopg.connect(wiring._url("keys"), autocommit=True) as connection:
        yield connection


def fresh(wiring: Wiring, database: Database) -> Keyring:
    """A keyring that remembers nothing, as another process has it."""
    return Keyring(database, WrappingKeys(wiring.settings.wrapping_folder(), wiring.master))


def rotate(ring: Keyring, *, batch: int = 500) -> tuple[int, ...]:
    """The epochs that were destroyed."""
    return Rotation(ring, batch=batch).run().destroyed


def files(wiring: Wiring) -> list[str]:
    return sorted(path.name for path in wiring.settings.wrapping_folder().iterdir())


def test_an_event_key_depends_on_stream_and_period(wiring: Wiring, database: Database) -> None:
    ring, streams = fresh(wiring, database), [new_stream_id(), new_stream_id()]
    ring.add_streams(streams)
    periods = [ring.period(Retention.BEHAVIOUR, MONTH), ring.period(Retention.CONSENT, MONTH)]
    sealed = {(s, p): ring.cipher(s, p).encrypt(NONCE, b"text", b"") for s in streams for p in periods}
    assert len(set(sealed.values())) == 4
    again = fresh(wiring, database)
    again.prefetch(streams)
    for (stream, period), content in sealed.items():
        assert again.cipher(stream, period).decrypt(NONCE, content, b"") == b"text"


def test_adding_a_stream_again_keeps_its_key(wiring: Wiring, database: Database) -> None:
    stream = new_stream_id()
    rings = [fresh(wiring, database) for _ in range(2)]
    for ring in rings:
        ring.add_streams([stream])
    one, other = (ring.cipher(stream, ring.period(Retention.BEHAVIOUR, MONTH)) for ring in rings)
    assert other.decrypt(NONCE, one.encrypt(NONCE, b"text", b""), b"") == b"text"


def test_eight_threads_agree_on_every_key(wiring: Wiring, database: Database) -> None:
    streams, together = [new_stream_id() for _ in range(40)], threading.Barrier(8)

    def seal(number: int) -> list[bytes]:
        ring = fresh(wiring, database)
        together.wait(10)
        ring.add_streams(streams[::-1] if number % 2 else streams)
        period = ring.period(Retention.BEHAVIOUR, MONTH)
        return [ring.cipher(s, period).encrypt(NONCE, b"text", b"") for s in streams]

    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(seal, range(8)))
    assert all(each == sealed[0] for each in sealed)


def test_no_key_is_stored_unwrapped(wiring: Wiring, database: Database, rows: Connection) -> None:
    ring, stream = fresh(wiring, database), new_stream_id()
    ring.add_streams([stream])
    stored = rows.execute("SELECT wrapped FROM stream_key").fetchall()
    key = ring._stream_key(stream)
    assert len(key) == 32
    assert [key in bytes(w) for (w,) in stored] == [False]


def test_a_destroyed_key_is_told(wiring: Wiring, database: Database, rows: Connection) -> None:
    ring, stream = fresh(wiring, database), new_stream_id()
    ring.add_streams([stream])
    period = ring.period(Retention.BEHAVIOUR, MONTH)
    with pytest.raises(KeyDestroyedError):
        ring.cipher(new_stream_id(), period)
    with pytest.raises(KeyDestroyedError):
        ring.cipher(stream, period + 1)
    rows.execute("DELETE FROM stream_key")
    with pytest.raises(KeyDestroyedError):
        fresh(wiring, database).cipher(stream, period)


def test_rotation_keeps_everything_readable_and_destroys_the_old_key(
    wiring: Wiring, database: Database, rows: Connection, clock: Clock
) -> None:
    ring, streams = fresh(wiring, database), [new_stream_id() for _ in range(20)]
    ring.add_streams(streams)
    periods = [ring.period(r, MONTH) for r in Retention]
    sealed = {(s, p): ring.cipher(s, p).encrypt(NONCE, b"text", b"") for s in streams for p in periods}
    assert files(wiring) == ["24300.key"]
    clock.epoch += 1
    assert rotate(fresh(wiring, database), batch=7) == (24_300,)
    assert files(wiring) == ["24301.key"]
    for table in ("SELECT DISTINCT epoch FROM stream_key", "SELECT DISTINCT epoch FROM period_key"):
        assert rows.execute(table).fetchall() == [(24_301,)]
    for reader in (ring, fresh(wiring, database)):
        for (stream, period), content in sealed.items():
            assert reader.cipher(stream, period).decrypt(NONCE, content, b"") == b"text"
    assert rotate(fresh(wiring, database)) == ()


def test_a_rotation_that_was_cut_short_goes_on_and_says_what_was_destroyed_when(
    wiring: Wiring, database: Database, rows: Connection, clock: Clock
) -> None:
    ring, streams = fresh(wiring, database), [new_stream_id() for _ in range(20)]
    ring.add_streams(streams)
    rows.execute("DELETE FROM stream_key WHERE stream = %s", (streams[0],))
    clock.epoch += 1

    class CutShort(Exception):
        """The process is killed here."""

    def killed(keys: int) -> None:
        raise CutShort

    with pytest.raises(CutShort):
        Rotation(fresh(wiring, database), batch=7).run(killed)
    assert rows.execute("SELECT count(*) FROM stream_key WHERE epoch = 24301").fetchone() == (7,)
    assert files(wiring) == ["24300.key", "24301.key"]
    before = datetime.now(UTC)
    done = Rotation(fresh(wiring, database), batch=7).run()
    assert (done.epoch, done.rewrapped, done.destroyed) == (24_301, 12, (24_300,))
    assert rows.execute("SELECT rewrapped, ended_at >= begun_at FROM key_rotation").fetchall() == [(19, True)]
    old, new = Rotation(ring).epochs()
    assert (old.epoch, old.service, old.final_at, new.destroyed_at) == (24_300, "key", None, None)
    assert old.gone_at is not None
    assert before <= old.gone_at <= datetime.now(UTC)
    for stream in streams[1:]:
        fresh(wiring, database).prefetch([stream])


def test_a_rotation_killed_after_the_keys_are_destroyed_says_so_the_next_time(
    wiring: Wiring, database: Database, clock: Clock
) -> None:
    ring = fresh(wiring, database)
    ring.add_streams([new_stream_id()])
    rotate(ring)  # the epoch is known now
    clock.epoch += 1
    (wiring.settings.wrapping_folder() / "24300.key").rename(wiring.settings.wrapping_folder() / "kept")
    with pytest.raises(WrappingKeyError):  # nothing is destroyed while living keys do not open
        rotate(ring)
    (wiring.settings.wrapping_folder() / "kept").rename(wiring.settings.wrapping_folder() / "24300.key")

    class Killed(WrappingKeys):
        """Dies when the key is gone and before that is stored."""

        def destroy(self, epoch: int) -> Destroyed:
            super().destroy(epoch)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rotation(Keyring(database, Killed(wiring.settings.wrapping_folder(), wiring.master))).run()
    assert [each.destroyed_at for each in Rotation(ring).epochs()] == [None, None]
    assert rotate(fresh(wiring, database)) == (24_300,)
    assert [each.destroyed_at is None for each in Rotation(ring).epochs()] == [False, True]


def test_a_key_that_an_older_copy_brought_back_counts_for_the_present_epoch(
    wiring: Wiring, database: Database, rows: Connection, clock: Clock
) -> None:
    ring, stream = fresh(wiring, database), new_stream_id()
    ring.add_streams([stream])
    clock.epoch += 1
    rotate(ring)
    rows.execute("UPDATE stream_key SET epoch = 24300")
    assert ring.destroy([stream]) == 1
    assert ring.destructions([stream])[stream][0] == 24_301


def test_a_wrapping_key_that_came_back_is_destroyed_again_and_that_is_when_it_was(
    wiring: Wiring, database: Database, clock: Clock
) -> None:
    ring = fresh(wiring, database)
    ring.add_streams([new_stream_id()])
    clock.epoch += 1
    rotate(ring)
    first = Rotation(ring).epochs()[0].destroyed_at
    WrappingKeys(wiring.settings.wrapping_folder(), wiring.master).wrap(b"key", 24_300, b"")
    assert rotate(ring) == (24_300,)
    again = Rotation(ring).epochs()[0].destroyed_at
    assert first is not None
    assert again is not None
    assert again > first
    clock.epoch -= 1  # a slow clock does not wrap for it any more
    ring.add_streams([new_stream_id()])
    assert files(wiring) == ["24301.key"]


def test_an_epoch_can_be_opened_within_the_month(wiring: Wiring, database: Database, clock: Clock) -> None:
    ring, one, other = fresh(wiring, database), new_stream_id(), new_stream_id()
    ring.add_streams([one])
    assert Rotation(ring).open_epoch() == 24_301
    fresh(wiring, database).add_streams([other])
    assert files(wiring) == ["24300.key", "24301.key"]
    assert Rotation(ring).run().destroyed == (24_300,)
    fresh(wiring, database).prefetch([one, other])
    clock.epoch = 24_398
    assert Rotation(ring).open_epoch() == 24_399
    with pytest.raises(WrappingKeyError, match="all its epochs"):
        Rotation(ring).open_epoch()
    clock.epoch = 24_400
    assert Rotation(ring).run().destroyed == (24_301, 24_399)


def test_a_deleted_key_that_comes_back_from_a_backup_opens_nothing(
    wiring: Wiring, database: Database, rows: Connection, clock: Clock
) -> None:
    ring, stream = fresh(wiring, database), new_stream_id()
    ring.add_streams([stream])
    period = ring.period(Retention.BEHAVIOUR, MONTH)
    (backup,) = rows.execute("SELECT stream, epoch, wrapped FROM stream_key").fetchall()
    rows.execute("DELETE FROM stream_key")
    clock.epoch += 1
    rotate(ring)
    rows.execute("INSERT INTO stream_key VALUES (%s, %s, %s)", backup)
    with pytest.raises(WrappingKeyError):
        fresh(wiring, database).cipher(stream, period)


def test_another_master_secret_opens_no_key(wiring: Wiring, database: Database) -> None:
    stream = new_stream_id()
    fresh(wiring, database).add_streams([stream])
    stranger = Keyring(database, WrappingKeys(wiring.settings.wrapping_folder(), os.urandom(32)))
    with pytest.raises(WrappingKeyError):
        stranger.prefetch([stream])


@pytest.mark.parametrize("what", ["stream", "period"])
def test_a_rotation_between_the_row_and_the_file_costs_nobody_an_error(
    wiring: Wiring, database: Database, clock: Clock, what: str
) -> None:
    stream, ring = new_stream_id(), fresh(wiring, database)
    ring.add_streams([stream])
    period = ring.period(Retention.BEHAVIOUR, MONTH)
    sealed = ring.cipher(stream, period).encrypt(NONCE, b"text", b"")

    class Rotated(WrappingKeys):
        """Another process rotates just when this one has read its row."""

        left = 1 if what == "stream" else 2

        def unwrap(self, wrapped: bytes, epoch: int, context: bytes) -> bytes:
            self.left -= 1
            if self.left == 0:
                clock.epoch += 1
                assert rotate(fresh(wiring, database)) == (clock.epoch - 1,)
                self._keys.clear()
            return super().unwrap(wrapped, epoch, context)

    reader = Keyring(database, Rotated(wiring.settings.wrapping_folder(), wiring.master))
    assert reader.cipher(stream, period).decrypt(NONCE, sealed, b"") == b"text"
    assert clock.epoch == 24_301


def test_rotation_beside_writers_and_readers_loses_no_key(wiring: Wiring, database: Database, clock: Clock) -> None:
    """Everybody forgets everything each time, so that every key is read from the database and the folder."""
    stop, sealed = threading.Event(), dict[UUID, tuple[int, bytes]]()

    def write() -> int:
        while not stop.is_set():
            ring, streams = fresh(wiring, database), [new_stream_id() for _ in range(5)]
            ring.add_streams(streams)
            period = ring.period(Retention.BEHAVIOUR, MONTH)
            sealed.update({s: (period, ring.cipher(s, period).encrypt(NONCE, s.bytes, b"")) for s in streams})
        return len(sealed)

    def read() -> int:
        checked = 0
        while not stop.is_set():
            checked += _check(fresh(wiring, database), list(sealed.items())[-20:])
        return checked

    with ThreadPoolExecutor(4) as threads:
        working = [threads.submit(act) for act in (write, write, read, read)]
        try:
            for _ in range(ROTATIONS):
                written = len(sealed)
                while len(sealed) == written and not any(w.done() for w in working):
                    stop.wait(0.005)
                clock.epoch += 1
                rotate(fresh(wiring, database))
        finally:
            stop.set()
        assert all(work.result() for work in working)
    assert _check(fresh(wiring, database), list(sealed.items())) == len(sealed) > ROTATIONS
    rotate(fresh(wiring, database))
    assert files(wiring) == [f"{clock.epoch}.key"]


def _check(ring: Keyring, sealed: list[tuple[UUID, tuple[int, bytes]]]) -> int:
    for stream, (period, content) in sealed:
        assert ring.cipher(stream, period).decrypt(NONCE, content, b"") == stream.bytes
    return len(sealed)
