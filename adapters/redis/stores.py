"""The stores of the projections, on a synchronous client, everything in pipelines, on one server or a cluster."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from adapters.redis import Client, translated
from adapters.redis.pipelines import run
from readmodels.catalogue import SHAPE
from readmodels.keys import MOVED, Keys
from readmodels.stores import Change, Found, Refused, Shelved, Write

DAY_S = 86_400
HELD_MS = 30_000


class RedisCustomerStore:
    """A person is a hash: a field a stream, or the one field ``moved``."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def write(self, writes: Sequence[Write]) -> list[Refused | None]:
        """One answer a write, None where it was stored. Raises UnavailableError."""
        calls = [("FCALL", "bespoke_put", 1, self._keys.person(w.home), str(w.stream), w.was, w.value) for w in writes]
        return [_refused(answer) for answer in run(self._client, calls)]

    def load(self, persons: Sequence[tuple[UUID, Mapping[UUID, bytes]]]) -> None:
        """Puts persons with all their streams; other streams' own hashes lead there. Raises UnavailableError."""
        calls: list[tuple[Any, ...]] = []
        for home, fields in persons:
            pairs = [part for stream, value in fields.items() for part in (str(stream), value)]
            calls.append(("HSET", self._keys.person(home), *pairs))
            for stream in fields:
                if stream != home:
                    calls.append(("DEL", self._keys.person(stream)))
                    calls.append(("HSET", self._keys.person(stream), MOVED, str(home)))
        run(self._client, calls)

    def read(self, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, bytes | None]]:
        """Each stream's person, and its own field or None. Raises UnavailableError."""
        homes, found = {stream: stream for stream in streams}, dict[UUID, tuple[UUID, bytes | None]]()
        while asked := [stream for stream in streams if stream not in found]:
            calls = [("HMGET", self._keys.person(homes[stream]), MOVED, str(stream)) for stream in asked]
            for stream, (moved, value) in zip(asked, run(self._client, calls), strict=True):
                if moved:  # a marker may lead to another one, where a move was cut short
                    homes[stream] = UUID(moved.decode())
                else:
                    found[stream] = homes[stream], value
        return found

    def look(self, names: Sequence[UUID]) -> dict[UUID, Found]:
        """The hashes of these names; who holds one is read before what is in it. Raises UnavailableError."""
        calls = [
            (c, key(n)) for n in names for c, key in (("GET", self._keys.settling), ("HGETALL", self._keys.person))
        ]
        answers = iter(run(self._client, calls))
        return {name: _found(next(answers), next(answers)) for name in names}

    def hold(self, holders: Mapping[UUID, bytes | None], token: bytes) -> set[UUID]:
        """Those hashes that ``token`` holds from now on. Raises UnavailableError."""
        calls = [
            ("FCALL", "bespoke_hold", 1, self._keys.settling(name), token, holder or b"", HELD_MS)
            for name, holder in holders.items()
        ]
        return {name for name, answer in zip(holders, run(self._client, calls), strict=True) if answer}

    def change(self, changes: Sequence[Change], token: bytes) -> list[bool]:
        """Whether each was made. Raises UnavailableError."""
        return [bool(made) for made in run(self._client, [self._change(each, token) for each in changes])]

    def release(self, names: Iterable[UUID], token: bytes) -> None:
        """Those that ``token`` still holds are held no more. Raises UnavailableError."""
        run(self._client, [("FCALL", "bespoke_release", 1, self._keys.settling(n), token) for n in names])

    def forget(self, streams: Sequence[UUID]) -> dict[UUID, int]:
        """Takes these erased streams' fields away, wherever they are, and the markers in their own hashes; how many
        fields that were. Raises UnavailableError."""
        homes = {stream: home for stream, (home, _) in self.read(streams).items()}
        names = [(home, stream) for stream, home in homes.items()] + [(s, s) for s in streams if homes[s] != s]
        erased, counts = set(streams), dict.fromkeys(streams, 0)
        calls = [
            ("FCALL", "bespoke_forget", 1, self._keys.person(name), int(name in erased), str(stream))
            for name, stream in names
        ]
        for (_, stream), count in zip(names, run(self._client, calls), strict=True):
            counts[stream] += int(count)
        return counts

    def _change(self, change: Change, token: bytes) -> tuple[Any, ...]:
        keys = self._keys.person(change.name), self._keys.settling(change.name)
        put = [part for stream, value in change.put.items() for part in (str(stream), value)]
        drop = [part for stream, version in change.drop.items() for part in (str(stream), version)]
        moved = str(change.moved_to) if change.moved_to else ""
        return ("FCALL", "bespoke_change", 2, *keys, token, moved, len(change.put), *put, *drop)


class RedisCatalogueStore:
    """All products in one hash; beside it when each changed, and the position in the log that all of it stands for."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def position(self) -> int:
        """The position that all records together are the fold of. Raises UnavailableError."""
        with translated():
            found: Any = self._client.get(self._keys.catalogue_position)
        return int(found or 0)

    def write(self, was: int, position: int, records: Sequence[Shelved]) -> int:
        """All or nothing; the position that is there now. Raises UnavailableError."""
        keys = self._keys
        names = keys.catalogue, keys.catalogue_changes, keys.catalogue_position, keys.catalogue_shape
        parts = [part for each in records for part in (str(each.stream), each.position, each.value)]
        (answer,) = run(self._client, [("FCALL", "bespoke_shelve", len(names), *names, was, position, SHAPE, *parts)])
        return int(answer)

    def read(self, streams: Sequence[UUID]) -> dict[UUID, bytes | None]:
        """Each product's field. Raises UnavailableError."""
        if not streams:
            return {}
        with translated():
            values: Any = self._client.hmget(self._keys.catalogue, [str(s) for s in streams])
        return dict(zip(streams, values, strict=True))


class _OneField:
    """One field of a hash, so that a set is there as a whole or not at all."""

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._key = key

    def write(self, write: Write) -> Refused | None:
        """None where it was stored. Raises UnavailableError."""
        call = ("FCALL", "bespoke_put", 1, self._key, str(write.stream), write.was, write.value)
        return _refused(run(self._client, [call])[0])

    def read(self, stream: UUID) -> bytes | None:
        """The field. Raises UnavailableError."""
        with translated():
            value: Any = self._client.hget(self._key, str(stream))
        return value if isinstance(value, bytes) else None


class RedisRulesStore(_OneField):
    """The rules that are live."""

    def __init__(self, client: Client, keys: Keys) -> None:
        super().__init__(client, keys.rules)


class RedisExperimentsStore(_OneField):
    """All experiments."""

    def __init__(self, client: Client, keys: Keys) -> None:
        super().__init__(client, keys.experiments)


class RedisStatisticsStore:
    """Parts by shard, and the published generation by its hash. ``keep`` has each generation before it is current."""

    def __init__(
        self, client: Client, keys: Keys, keep: Callable[[str, bytes], None] = lambda digest, whole: None
    ) -> None:
        self._client = client
        self._keys = keys
        self._keep = keep

    def load(self, shard: int) -> bytes | None:
        """The shard's part as last saved. Raises UnavailableError."""
        with translated():
            part: Any = self._client.get(self._keys.statistics_part(shard))
        return part if isinstance(part, bytes) else None

    def save(self, shard: int, part: bytes) -> None:
        """Replaces the shard's part. Raises UnavailableError."""
        with translated():
            self._client.set(self._keys.statistics_part(shard), part)

    def parts(self, shards: Iterable[int]) -> list[bytes]:
        """The parts that there are of these shards. Raises UnavailableError."""
        calls = [("GET", self._keys.statistics_part(shard)) for shard in shards]
        return [part for part in run(self._client, calls) if part]

    def publish(self, digest: str, statistics: bytes) -> None:
        """Makes an immutable generation the current one; the one before goes a day later. Raises UnavailableError."""
        with translated():
            before: Any = self._client.get(self._keys.statistics_current)
            if before and before.decode() == digest:
                return
            self._keep(digest, statistics)
            self._client.set(self._keys.statistics(digest), statistics)
            self._client.set(self._keys.statistics_current, digest)
            if before:
                self._client.expire(self._keys.statistics(before.decode()), DAY_S)


def _found(holder: bytes | None, fields: Mapping[bytes, bytes]) -> Found:
    moved = fields.get(MOVED.encode())
    streams = {UUID(field.decode()): value for field, value in fields.items() if field != MOVED.encode()}
    return Found(streams, UUID(moved.decode()) if moved else None, holder)


def _refused(answer: Any) -> Refused | None:
    if answer is None:
        return None
    moved, version = answer
    return Refused(UUID(moved.decode()) if moved else None, int(version))
