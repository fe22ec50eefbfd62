"""Linking's indexes in Redis: found, emptied of whoever is gone, dropped."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from adapters import redis as redis_adapter
from adapters.keys.wrapping import derive
from adapters.redis.identity import RedisIdentityIndex
from app.wiring import Wiring
from readmodels import keys

BATCH = 500


def index_of(wiring: Wiring, version: str) -> RedisIdentityIndex:
    """The index of a model's version."""
    secret = derive(wiring.master, "bespoke identity blocks")
    return RedisIdentityIndex(wiring.redis, wiring.keyring, wiring.settings.namespace, version, secret)


def forget(wiring: Wiring, streams: Collection[UUID]) -> None:
    """Takes streams out of the indexes of all models: they were erased. Raises UnavailableError."""
    with redis_adapter.translated():
        versions: Any = wiring.redis.smembers(keys.identity_models(wiring.settings.namespace))
    for version in versions:
        index_of(wiring, version.decode()).forget(streams)


def drop(wiring: Wiring) -> None:
    """Deletes the indexes of all models: some of what they were made of has expired. Whoever links makes one anew of
    what is left. Raises UnavailableError."""
    client, namespace = wiring.redis, wiring.settings.namespace
    with redis_adapter.translated():
        versions: Any = client.smembers(keys.identity_models(namespace))
        for version in (each.decode() for each in versions):
            client.delete(keys.identity(namespace, version))
            redis_adapter.wipe(client, f"{namespace}:identity:{version}:*")
            client.delete(keys.identity(namespace, version))  # what somebody began to make meanwhile is not whole


def sweep(wiring: Wiring) -> int:
    """Takes streams whose keys are destroyed out of the indexes of all models, whoever wrote them when; how many.
    Raises UnavailableError."""
    client, namespace, count = wiring.redis, wiring.settings.namespace, 0
    with redis_adapter.translated():
        versions: Any = client.smembers(keys.identity_models(namespace))
    for version in (each.decode() for each in versions):
        index = index_of(wiring, version)
        for streams in batched(index.streams(), BATCH):
            if gone := set(streams) - wiring.keyring.living(list(streams)):
                index.forget(gone)
                count += len(gone)
    return count


def batched(streams: Iterable[UUID], size: int) -> Iterator[list[UUID]]:
    """So many at a time."""
    found = iter(streams)
    while some := list(islice(found, size)):
        yield some
