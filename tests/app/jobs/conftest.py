"""One namespace for all tests of jobs, emptied between them: making one takes longer than they do."""

import shutil
from collections.abc import Iterator

import pytest

from adapters.redis import wipe
from app.settings import Settings
from app.wiring import Wiring
from tests.namespaces import namespace


@pytest.fixture(scope="package")
def one(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    with namespace(settings) as built:
        yield built


@pytest.fixture
def wiring(one: Wiring) -> Iterator[Wiring]:
    yield one
    wipe(one.redis, f"{one.settings.namespace}:*")
    for folder in (one.settings.models_folder(), one.settings.checkpoints_folder()):
        shutil.rmtree(folder, ignore_errors=True)
