"""The log of all shards as one."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from domain.event import Event
from domain.sharding import shard_of
from projections.ports import History


class Sharded:
    """Asks each shard for the streams that live in it."""

    def __init__(self, shards: Sequence[History]) -> None:
        self._shards = shards

    def streams(self, streams: Sequence[UUID]) -> Iterator[tuple[UUID, list[Event]]]:
        """Each stream that exists with all its events in order."""
        for number, shard in enumerate(self._shards):
            if own := [s for s in streams if shard_of(s, len(self._shards)) == number]:
                yield from shard.streams(own)
