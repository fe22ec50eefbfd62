"""A namespace of keys on the real server, deleted afterwards; the server itself is shared by all tests."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from adapters.redis import connect, load_functions
from app.wiring import Wiring
from readmodels.keys import Keys


@pytest.fixture
def client(servers: Wiring) -> Iterator["redis.Redis"]:
    made = connect(servers.redis_url)
    load_functions(made)
    yield made
    made.close()


@pytest.fixture
def namespace(client: "redis.Redis") -> Iterator[str]:
    name = f"t_{uuid4().hex[:12]}"
    yield name
    wipe(client, name)


@pytest.fixture
def keys(namespace: str) -> Keys:
    return Keys(namespace, 1)


def wipe(client: "redis.Redis", namespace: str) -> None:
    """All keys of a namespace, as after FLUSHDB on a server of one's own."""
    for key in client.scan_iter(match=f"{namespace}:*", count=1000):
        client.delete(key)
