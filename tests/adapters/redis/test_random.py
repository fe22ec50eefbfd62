"""Random operations on the customers' store do what the same operations do to a few dictionaries."""

from collections.abc import Mapping
from random import Random
from uuid import UUID

import pytest
import redis

from adapters.directory import new_stream_id
from adapters.redis.stores import RedisCustomerStore
from readmodels.keys import Keys
from readmodels.stores import Refused, Write


def value(version: int, text: str) -> bytes:
    return version.to_bytes(4, "big") + text.encode()


def version_of(stored: bytes | None) -> int:
    return int.from_bytes(stored[:4], "big") if stored else 0


class Reference:
    """Each home's fields, and where those went that are no home any more."""

    def __init__(self) -> None:
        self.homes: dict[UUID, dict[UUID, bytes]] = {}
        self.moved: dict[UUID, UUID] = {}

    def write(self, w: Write) -> Refused | None:
        if w.home in self.moved:
            return Refused(self.moved[w.home], 0)
        found = version_of(self.homes.get(w.home, {}).get(w.stream))
        if found != w.was:
            return Refused(None, found)
        self.homes.setdefault(w.home, {})[w.stream] = w.value
        return None

    def place(self, home: UUID, fields: Mapping[UUID, bytes], former: list[UUID]) -> None:
        before = self.homes.get(home, {})
        self.homes[home] = {s: max(before.get(s, b""), v, key=version_of) for s, v in fields.items()}
        self.moved.pop(home, None)
        for old in former:
            self.homes.pop(old, None)
            self.moved[old] = home

    def read(self, stream: UUID) -> tuple[UUID, bytes | None]:
        home, fields = self.members(stream)
        return home, fields.get(stream)

    def members(self, stream: UUID) -> tuple[UUID, dict[UUID, bytes]]:
        home = stream
        while home in self.moved:
            home = self.moved[home]
        return home, self.homes.get(home, {})


@pytest.mark.parametrize("seed", range(10))
def test_random_operations_do_what_the_reference_does(client: "redis.Redis", keys: Keys, seed: int) -> None:
    random, store, reference = Random(seed), RedisCustomerStore(client, keys), Reference()
    streams = sorted(new_stream_id() for _ in range(6))
    for step in range(300):
        act = random.random()
        if act < 0.6:
            writes = [_random_write(random, streams, reference, step) for _ in range(random.randrange(1, 4))]
            assert store.write(writes) == [reference.write(w) for w in writes]
        elif act < 0.8:
            group = random.sample(streams, random.randrange(1, 5))
            fields = {s: value(random.randrange(1, step + 2), str(step)) for s in group}
            home, *former = sorted(group)
            store.place(home, fields, former)
            reference.place(home, fields, former)
        assert store.members(streams) == {s: reference.members(s) for s in streams}
        assert store.read(streams) == {s: reference.read(s) for s in streams}


def _random_write(random: Random, streams: list[UUID], reference: Reference, step: int) -> Write:
    """Mostly one that should succeed: at home, from the version that is there."""
    stream = random.choice(streams)
    home, fields = reference.members(stream)
    home = home if random.random() < 0.7 else random.choice(streams)
    was = version_of(fields.get(stream)) if random.random() < 0.7 else random.randrange(4)
    return Write(home, stream, was, value(was + random.randrange(1, 3), str(step)))
