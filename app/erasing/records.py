"""The records outside Redis, which open nothing without their keys, go."""

from collections.abc import Mapping
from uuid import UUID

from app.erasing.work import Counts, Todo, counted, streams_of, tally
from app.wiring import Wiring
from projections.history import by_shard


def records(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """Raises UnavailableError."""
    shards = tuple(wiring.records)
    parts = by_shard(streams_of(todo), len(shards)).items()
    return counted(todo, tally(stream for shard, some in parts for stream in shards[shard].forget(some)), "records")
