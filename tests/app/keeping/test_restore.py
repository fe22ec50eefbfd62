"""Backups from before an erasure, restored with all their write-ahead log, after the wrapping keys were rotated."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretBytes, SecretStr

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.eventlog.log import PostgresLog
from adapters.eventlog.mapper import SealingMapper
from adapters.keys.derive import derive
from adapters.keys.services import WrappingKeyError
from adapters.keys.wrapping import WrappingKeys
from app.keeping.rotate import rotate
from app.settings import Settings
from app.wiring import Wiring
from tests.app.erasing.worlds import ANN, ANN_USER, BOB, IMMEDIATE, erased, lives, projected, stream_of, told

BEFORE = "before_the_erasure"
READABLE = {"Opened", "ProductViewed", "OrderPlaced"}


def copied(source: Path, to: Path) -> None:
    """With owners: PostgreSQL has an account of its own where the tests run as root."""
    subprocess.run(["cp", "-a", source, to], check=True)


class House:
    """An installation, a copy of its PostgreSQL from an early evening, and all write-ahead log until the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(var=folder / "var", postgres_url=None, redis_url=None, **IMMEDIATE)
        self.ann, self.bob = set[UUID](), set[UUID]()
        self._begin()
        copied(self.settings.var / "postgres", folder / "base")
        shutil.copytree(self.settings.wrapping_folder(), folder / "first-keys")
        self._live_on()
        copied(self.settings.var / "postgres" / "pg_wal", folder / "wal")

    def _begin(self) -> None:
        with Wiring(self.settings) as wiring:
            wiring.provision()
            told(wiring, lives())
            projected(wiring)
            self.ann = {stream_of(wiring, who) for who in (ANN, ANN_USER)}
            self.bob = {stream_of(wiring, BOB)}
            with psycopg.connect(wiring.postgres_url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET wal_keep_size = '1GB'")

    def _live_on(self) -> None:
        """Keys are rotated once before the erasure, so that Ann's were wrapped for two epochs, and once after it."""
        with Wiring(self.settings) as wiring:
            rotate(wiring, new_epoch=True)
            with psycopg.connect(wiring.postgres_url, autocommit=True) as connection:
                connection.execute("SELECT pg_create_restore_point(%s)", (BEFORE,))
            erased(wiring, ANN)
            rotate(wiring, new_epoch=True)
            with psycopg.connect(wiring.postgres_url, autocommit=True) as connection:
                connection.execute("SELECT pg_switch_wal()")

    @contextmanager
    def restored(self, name: str, until: str | None = "") -> Iterator[Wiring]:
        """The base with the write-ahead log until a restore point, "" for all of it, None for the base alone; and the
        wrapping keys of now."""
        data = self.folder / name / "postgres"
        data.parent.mkdir()
        copied(self.folder / "base", data)
        if until is not None:
            (data / "recovery.signal").touch()
            with (data / "postgresql.auto.conf").open("a") as file:
                file.write(f"restore_command = 'cp {self.folder}/wal/%f \"%p\"'\nrecovery_target_action = 'promote'\n")
                file.write(f"recovery_target_name = '{until}'\n" if until else "")
        with TemporaryDirectory(prefix="bespoke-sockets-") as sockets:
            server = EmbeddedPostgres(data, Path(sockets))
            server.start()
            wiring = self._wiring(server.url)
            try:
                yield wiring
            finally:
                wiring._stack.close()
                server.stop()

    def _wiring(self, url: str) -> Wiring:
        secrets = self.settings.secrets
        return Wiring(
            Settings(
                var=self.folder / "elsewhere",
                postgres_url=SecretStr(url),
                master_secret=SecretBytes((secrets / "master").read_bytes()),
                wrapping_keys=secrets / "wrapping",
            )
        )


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Thrown away afterwards."""
    with TemporaryDirectory(prefix="bespoke-tests-") as folder:
        Path(folder).chmod(0o755)
        yield House(Path(folder))


def kinds(log: PostgresLog, streams: set[UUID]) -> set[str]:
    return {type(event).__name__ for _, events in log.streams(sorted(streams)) for event in events}


def wrapped(wiring: Wiring, streams: set[UUID]) -> list[tuple[UUID, int, bytes]]:
    with wiring.keyring.database.connection() as connection:
        query = "SELECT stream, epoch, wrapped FROM stream_key WHERE stream = ANY(%s)"
        return list(connection.execute(query, (sorted(streams),)).fetchall())


def opens(wiring: Wiring, row: tuple[UUID, int, bytes]) -> bool:
    try:
        return len(wiring.keyring.wrapping.unwrap(row[2], row[1], row[0].bytes)) == 32
    except WrappingKeyError:
        return False


@pytest.fixture(scope="module")
def now(house: House) -> Iterator[Wiring]:
    """Restored to the end of the log."""
    with house.restored("now") as wiring:
        yield wiring


def test_with_all_the_log_the_neighbour_is_read_and_the_person_is_not(house: House, now: Wiring) -> None:
    (log,) = now.customers
    assert kinds(log, house.ann) == {"Erased", "CustomerErased"}  # the latter has nothing sealed
    assert kinds(log, house.bob) >= READABLE
    assert wrapped(now, house.ann) == []
    assert [opens(now, row) for row in wrapped(now, house.bob)] == [True]


@pytest.mark.parametrize("until", [None, BEFORE])
def test_no_copy_of_the_persons_keys_from_before_opens(house: House, now: Wiring, until: str | None) -> None:
    with house.restored(f"old-{until}", until) as old:
        rows = wrapped(old, house.ann)
        assert len(rows) == 2  # they are there, wrapped
        assert not any(opens(old, row) for row in rows)
        with pytest.raises(WrappingKeyError):
            old.keyring.prefetch(house.ann)
        # The log of then with the keys of now: what it is to restore the log alone.
        place = old.place(old.layout(), 0)
        mapper = SealingMapper(now.keyring, derive(now.master, "bespoke sources"))
        log = PostgresLog(place.url, mapper, now.keyring, schema=place.schema)
        assert kinds(log, house.ann) == {"Erased"}
        assert kinds(log, house.bob) >= READABLE
        log.close()


def test_before_the_rotation_the_same_copies_do_open(house: House) -> None:
    """So the test above would find out if they did not need the rotation."""
    with house.restored("opened", None) as old:
        shutil.copytree(house.folder / "first-keys", house.folder / "keys-of-then" / "shop")
        wrapping = WrappingKeys(house.folder / "keys-of-then" / "shop", old.master)
        rows = wrapped(old, house.ann)
        assert [len(wrapping.unwrap(w, epoch, stream.bytes)) for stream, epoch, w in rows] == [32, 32]
