"""Real servers for all tests: one PostgreSQL and one Valkey from their wheels, a namespace of its own for each test."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest
from psycopg import connect

from app.settings import Settings
from app.wiring import Wiring
from tests.namespaces import namespace

#: How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("bespoke", deadline=None)
hypothesis.settings.load_profile("bespoke")
SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Not pytest's own: another run of pytest as root would close that to the account that PostgreSQL runs as."""
    with TemporaryDirectory(prefix="bespoke-tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """Settings of an installation in a folder that is thrown away; see ``tmp_path``."""
    with TemporaryDirectory(prefix="bespoke-tests-") as folder:
        yield Settings(var=Path(folder) / "var", postgres_url=None, redis_url=None)


@pytest.fixture(scope="session")
def servers(settings: Settings) -> Iterator[Wiring]:
    """The running servers; joined by every test that needs them. Nothing outlives the machine here: no fsync, which
    dropping a database would wait for."""
    with Wiring(settings) as running:
        with connect(running.postgres_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield running


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """A provisioned namespace, dropped afterwards."""
    with namespace(settings) as built:
        yield built


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs the real data in ../shared, which a clone alone does not have")
    return SHARED
