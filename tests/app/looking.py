"""What stands in Redis after projecting, in terms that two namespaces or two generations can be compared by."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from adapters.redis import keys_like
from adapters.redis.stores import RedisCustomerStore
from app.wiring import Wiring
from domain.identity import Identifier
from readmodels.customer import CustomerRecord, decode, encode
from readmodels.keys import Keys
from readmodels.live import CATALOGUE, CUSTOMERS, STATISTICS
from tests.projections.memory import members

POLL_S = 0.02


def wait_for(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    """Polls until the condition holds. Raises AssertionError when the time is over."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {limit_s} s"
        time.sleep(POLL_S)


async def until(condition: Callable[[], Awaitable[object]], limit_s: float = 30.0) -> None:
    """The same on an event loop that has to go on meanwhile."""
    async with asyncio.timeout(limit_s):
        while not await condition():
            await asyncio.sleep(0.001)


def told_by_identifier(wiring: Wiring, identifiers: Iterable[Identifier]) -> dict[str, tuple[bytes, frozenset[str]]]:
    """Each identifier's record, its links named by identifier, and the identifiers that are one person with it."""
    streams = {_stream(wiring, identifier): f"{identifier.kind}:{identifier.value}" for identifier in identifiers}
    where = _live(wiring, CUSTOMERS)
    found = members(RedisCustomerStore(wiring.redis, where), list(streams))
    return {
        name: (_renamed(decode(found[stream][1][stream]), streams), frozenset(streams[s] for s in found[stream][1]))
        for stream, name in streams.items()
    }


def products(wiring: Wiring) -> dict[bytes, bytes]:
    """The catalogue's fields; a product's stream has the same id everywhere."""
    found: Any = wiring.redis.hgetall(_live(wiring, CATALOGUE).catalogue)
    return dict(found)


def everything(wiring: Wiring) -> dict[str, Any]:
    """All fields of the live generations by the key's name without its generation: persons, catalogue, the current
    statistics. Not how the catalogue came to be so, and not statistics that were current before."""
    counted = _live(wiring, STATISTICS)
    current: Any = wiring.redis.get(counted.statistics_current)
    found: dict[str, Any] = {
        "statistics": wiring.redis.get(counted.statistics(current.decode())) if current else None,
        "catalogue": products(wiring),
    }
    where = _live(wiring, CUSTOMERS)
    prefix = f"{where.namespace}:g{where.generation}:"
    for key in keys_like(wiring.redis, f"{prefix}person:*"):
        found[key.decode().removeprefix(prefix)] = wiring.redis.hgetall(key)
    return found


def _live(wiring: Wiring, projection: str) -> Keys:
    return Keys(wiring.settings.namespace, wiring.generations.live(projection))


def _stream(wiring: Wiring, identifier: Identifier) -> UUID:
    found = wiring.directory.find(identifier)
    assert found is not None
    return found


def _renamed(record: CustomerRecord, names: dict[UUID, str]) -> bytes:
    links: Any = tuple(sorted(names[link] for link in record.links))
    return encode(replace(record, links=links))
