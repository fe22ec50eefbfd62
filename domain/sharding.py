"""Which shard of the log a stream lives in."""

from uuid import UUID
from zlib import crc32


def shard_of(stream: UUID, shards: int) -> int:
    """A stable hash of the stream id, 0 … shards - 1."""
    return crc32(stream.bytes) % shards
