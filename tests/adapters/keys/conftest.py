"""A database for keys, and keyrings on it as several processes have them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from adapters.keys import Keyring
from adapters.keys.wrapping import WrappingKeys
from adapters.postgres import Database
from app.wiring import Wiring
from tests.adapters.postgres import throwaway

MASTER = bytes(range(32))


class NewKeyring(Protocol):
    def __call__(self, master: bytes = MASTER) -> Keyring: ...


@pytest.fixture
def database(servers: Wiring) -> Iterator[Database]:
    with throwaway.database(servers.postgres_url) as url, throwaway.opened(url) as pool:
        yield pool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the wrapping keys lie."""
    return tmp_path / "secrets" / "wrapping"


@pytest.fixture
def keyring(database: Database, folder: Path) -> NewKeyring:
    """Makes a keyring with nothing cached, as a process has it that has just started."""

    def make(master: bytes = MASTER) -> Keyring:
        made = Keyring(database, WrappingKeys(folder, master))
        made.create_tables()
        return made

    return make
