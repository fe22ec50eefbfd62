from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.channels.segment import Segment
from adapters.http import Metrics
from adapters.http.shop import ShopDesk, Visitor, shop_routes
from tests.adapters.http.fakes import IDENTITY_SECRET, MemoryWriter, app
from tests.adapters.http.shop.world import LOADED, Onlooker, Shelves


@pytest.fixture
def shelves() -> Shelves:
    return Shelves()


@pytest.fixture
def reader(writer: MemoryWriter) -> Onlooker:
    return Onlooker(writer=writer)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "M1.jpg").write_bytes(b"\xff\xd8 a photo")
    (folder / "notes.txt").write_text("not for shoppers")
    (tmp_path / "secret.jpg").write_bytes(b"beside the folder")
    return folder


@pytest.fixture
def client(
    writer: MemoryWriter, reader: Onlooker, shelves: Shelves, photos: Path, metrics: Metrics
) -> Iterator[TestClient[Litestar]]:
    """A browser that follows no redirect by itself."""
    visitors = [Visitor("A visitor <from> Poland", LOADED)]
    desk = ShopDesk(writer, reader, shelves, Segment(IDENTITY_SECRET), visitors)
    shop = app(writer, reader, metrics, shop_routes(desk, photos))
    with TestClient(shop, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client
