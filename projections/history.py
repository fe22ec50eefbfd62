"""The log of all shards as one, and records from it."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from domain.event import Event
from domain.sharding import shard_of
from projections.customer import fold_all
from projections.ports import History, Tail
from readmodels.customer import CustomerRecord
from readmodels.stores import RecordStore


class Sharded:
    """Asks each shard for the streams that live in it."""

    def __init__(self, shards: Sequence[Tail]) -> None:
        self._shards = shards

    def streams(self, streams: Sequence[UUID]) -> Iterator[tuple[UUID, list[Event]]]:
        """Each stream that exists with all its events in order."""
        shards = tuple(self._shards)  # one view of them: they may be moved meanwhile
        for shard, own in by_shard(streams, len(shards)).items():
            yield from shards[shard].streams(own)

    def streams_after(self, versions: Mapping[UUID, int]) -> Iterator[tuple[UUID, list[Event]]]:
        """Each of these streams that has events beyond its version, with those in order."""
        shards = tuple(self._shards)
        for shard, own in by_shard(list(versions), len(shards)).items():
            yield from shards[shard].streams_after({stream: versions[stream] for stream in own})


def by_shard(streams: Sequence[UUID], shards: int) -> dict[int, list[UUID]]:
    """Shard → those of the streams that live in it."""
    found: dict[int, list[UUID]] = {}
    for stream in streams:
        found.setdefault(shard_of(stream, shards), []).append(stream)
    return found


class FromLog:
    """Folds whole streams."""

    def __init__(self, history: History) -> None:
        self._history = history

    def records(self, streams: Sequence[UUID]) -> dict[UUID, CustomerRecord]:
        """The records of those streams that exist."""
        return {stream: fold_all(CustomerRecord(), events) for stream, events in self._history.streams(streams)}


class FromRecords:
    """Takes the records that are kept outside Redis and folds on what was recorded since: always up to date, however
    far behind they are."""

    def __init__(self, shards: Sequence[RecordStore], log: Tail) -> None:
        self._shards = shards
        self._log = log

    def records(self, streams: Sequence[UUID]) -> dict[UUID, CustomerRecord]:
        """The records of those streams that exist."""
        found: dict[UUID, CustomerRecord] = {}
        shards = tuple(self._shards)
        for shard, own in by_shard(streams, len(shards)).items():
            found |= shards[shard].load(own)
        versions = {stream: found[stream].version if stream in found else 0 for stream in streams}
        for stream, events in self._log.streams_after(versions):
            found[stream] = fold_all(found.get(stream, CustomerRecord()), events)
        return found
