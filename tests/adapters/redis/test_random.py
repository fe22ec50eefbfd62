"""Random operations on the customers' store do what the same operations do to a few dictionaries."""

from random import Random
from uuid import UUID

import pytest
import redis

from adapters.directory import new_stream_id
from adapters.redis.stores import RedisCustomerStore
from readmodels.keys import Keys
from readmodels.stores import Change, Write
from tests.projections.memory import MemoryCustomerStore


def value(version: int, text: str) -> bytes:
    return version.to_bytes(4, "big") + text.encode()


def version_of(stored: bytes | None) -> int:
    return int.from_bytes(stored[:4], "big") if stored else 0


TOKENS = (b"one", b"two", b"three")


@pytest.mark.parametrize("seed", range(10))
def test_random_operations_do_what_the_reference_does(client: "redis.Redis", keys: Keys, seed: int) -> None:
    random_operations(RedisCustomerStore(client, keys), seed)


def random_operations(store: RedisCustomerStore, seed: int) -> None:
    """Does the same with both, and compares all answers and all that is there."""
    random, reference = Random(seed), MemoryCustomerStore()
    streams = sorted(new_stream_id() for _ in range(6))
    for step in range(400):
        act, token = random.random(), random.choice(TOKENS)
        some = random.sample(streams, random.randrange(1, 5))
        if act < 0.4:
            writes = [_random_write(random, streams, reference, step) for _ in range(random.randrange(1, 4))]
            assert store.write(writes) == reference.write(writes)
        elif act < 0.6:
            holders = {s: random.choice((reference.held.get(s), *TOKENS, None)) for s in some}
            assert store.hold(holders, token) == reference.hold(holders, token)
        elif act < 0.9:
            changes = [_random_change(random, streams, reference, step) for _ in range(random.randrange(1, 4))]
            assert store.change(changes, token) == reference.change(changes, token)
        else:
            store.release(some, token)
            reference.release(some, token)
        assert store.look(streams) == reference.look(streams)
        assert store.read(streams) == reference.read(streams)
    assert store.look([]) == store.read([]) == {}
    assert (store.write([]), store.hold({}, b"t"), store.change([], b"t")) == ([], set(), [])


def _random_write(random: Random, streams: list[UUID], reference: MemoryCustomerStore, step: int) -> Write:
    """Mostly one that should succeed: at home, from the version that is there."""
    stream = random.choice(streams)
    ((home, field),) = reference.read([stream]).values()
    home = home if random.random() < 0.7 else random.choice(streams)
    was = version_of(field) if random.random() < 0.7 else random.randrange(4)
    return Write(home, stream, was, value(was + random.randrange(1, 3), str(step)))


def _random_change(random: Random, streams: list[UUID], reference: MemoryCustomerStore, step: int) -> Change:
    """Mostly one that fits what is there. Markers lead to somebody older, as they always do."""
    name = random.choice(streams)
    there = {s: version_of(v) for s, v in reference.homes.get(name, {}).items()}
    drop = {s: version if random.random() < 0.9 else random.randrange(4) for s, version in there.items()}
    older = [s for s in streams if s < name]
    act = random.random()
    if act < 0.4 and older:
        return Change(name, drop=drop, moved_to=random.choice(older))
    if act < 0.6:
        return Change(name, drop=dict(random.sample(sorted(drop.items()), random.randrange(len(drop) + 1))))
    put = {s: value(random.randrange(1, step + 2), str(step)) for s in random.sample(streams, random.randrange(1, 4))}
    return Change(name, put=put, drop={s: v for s, v in drop.items() if s not in put})
