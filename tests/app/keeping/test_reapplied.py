"""An older copy has an erased person again: they are erased once more, and the proof is of what lies there now."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.proof.bundle import seal, verify
from app.erasing.proof import statement
from app.erasing.reapply import reapply
from app.settings import Settings
from app.wiring import Wiring
from domain.proof import digest_rows
from tests.app.erasing.worlds import ANN, BOB, IMMEDIATE, erased, lives, projected, stream_of, told
from tests.namespaces import namespace

#: Database → the tables that an older copy of it brings back.
COPIED = {
    "keys": ("stream_key", "destroyed_key"),
    "directory": ("claim", "forgotten", "retained_order"),
    "log": ("log_events",),
}


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    with namespace(settings, **IMMEDIATE) as built:
        told(built, lives())
        projected(built)
        yield built


class Copy:
    """Tables of databases as they are now, to come back later."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        for table, connection in self._tables():
            connection.execute(f"CREATE TABLE {table}_then AS TABLE {table}")

    def restore(self) -> None:
        for table, connection in self._tables():
            connection.execute(f"TRUNCATE {table}")
            connection.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE {table}_then")

    def _tables(self) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
        schema = self._wiring.customers[0].recorder.datastore.schema
        for name, tables in COPIED.items():
            with psycopg.connect(self._wiring._url(name), autocommit=True) as connection:
                for table in tables:
                    connection.execute(f"SET search_path = {schema}, public")
                    yield table, connection


def test_who_comes_back_with_an_older_copy_is_erased_again(wiring: Wiring) -> None:
    then = Copy(wiring)
    ann, bob = stream_of(wiring, ANN), stream_of(wiring, BOB)
    first = erased(wiring, ANN)
    leaf = wiring.proofs.leaves([ann])[ann]
    then.restore()
    with Wiring(wiring.settings, own_servers=False) as later:
        assert later.keyring.living([ann]) == {ann}
        assert reapply(later) == 1
        assert later.keyring.living([ann, bob]) == {bob}
        assert later.directory.find(ANN) is None
        assert reapply(later) == 0
        projected(later)
        said = statement(later, first.request)
        assert verify(seal(said, later.signer), later.signer.verifier).wrong == ()
        (told_of,) = [each for each in said.streams if each.stream == ann]
        assert told_of.leaf > leaf.index  # the rows are others now: they were closed anew
        rows = later.customers[0].recorder.select_streams([ann])
        assert (told_of.rows, told_of.digest) == digest_rows((r.originator_version, r.topic, r.state) for r in rows)
