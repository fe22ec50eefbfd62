from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import Metrics
from tests.adapters.http.fakes import MemoryReader, MemoryWriter, app


@pytest.fixture
def writer() -> MemoryWriter:
    return MemoryWriter()


@pytest.fixture
def reader() -> MemoryReader:
    return MemoryReader()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def client(writer: MemoryWriter, reader: MemoryReader, metrics: Metrics) -> Iterator[TestClient[Litestar]]:
    with TestClient(app(writer, reader, metrics), raise_server_exceptions=False) as client:
        yield client
