"""Streams with keys, and a second process's view of the same namespace."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from adapters.directory import new_stream_id
from adapters.eventlog.mapper import SealingMapper
from app.settings import Settings
from app.wiring import Wiring
from tests.namespaces import namespace


@pytest.fixture(scope="module")
def quiet(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """One namespace for all tests of a module that leave others' streams and keys alone."""
    with namespace(settings) as built:
        yield built


@pytest.fixture
def mapper(quiet: Wiring) -> SealingMapper:
    return quiet.customers[0].mapper


@pytest.fixture
def stream(quiet: Wiring) -> UUID:
    """A stream that has a data key."""
    new = new_stream_id()
    quiet.keyring.add_streams([new])
    return new


@pytest.fixture
def elsewhere(wiring: Wiring) -> Iterator[Wiring]:
    """The same namespace with nothing cached, as another process has it. Use it after the change to be seen."""
    with Wiring(wiring.settings) as other:
        yield other


@pytest.fixture
def keys_database(wiring: Wiring) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """The database of keys, for destroying some."""
    with psycopg.connect(wiring._url("keys"), autocommit=True) as connection:
        yield connection
