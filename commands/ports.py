"""What the write side needs from outside: a log and a directory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from domain.event import Aggregate
from domain.identity import Identifier


class ConflictError(Exception):
    """Somebody else recorded on the same stream meanwhile; nothing of this save was recorded."""


class UnavailableError(Exception):
    """A server that is needed is down; nothing was acknowledged. Try again later."""


class MovedError(UnavailableError):
    """The log's shards are being moved, or have been; nothing was acknowledged. Try again where they are then."""


class FencedError(Exception):
    """Another consumer has taken over a partition; nothing of this save was recorded. Read the offsets again."""


class ErasedError(Exception):
    """These streams are of persons who were erased, and take nothing more; nothing of this save was recorded."""

    def __init__(self, streams: Iterable[UUID]) -> None:
        super().__init__("a person was erased")
        self.streams = frozenset(streams)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a consumer has come with a source. ``source`` names one topic of one broker for ever; ``offsets`` has,
    for each partition, the offset of the next record to read."""

    source: str
    offsets: Mapping[int, int]


class EventLog(Protocol):
    """One shard of a log."""

    def load(self, streams: Sequence[UUID]) -> dict[UUID, Any]:
        """The aggregates that exist, in one round trip. Raises UnavailableError."""

    def save(self, aggregates: Iterable[Aggregate], progress: Progress | None = None) -> int:
        """All pending events in one transaction, with the consumer's progress; how many.

        Offsets move by compare-and-set from what ``consumed`` gave or this log stored last. Raises ConflictError,
        ErasedError, FencedError, UnavailableError.
        """

    def consumed(self, source: str) -> dict[int, int]:
        """Partition → offset of the next record, as stored with the events. Raises UnavailableError."""


class Directory(Protocol):
    """Identifier → stream. A claim never moves, until its person is erased."""

    def claim(self, identifiers: Iterable[Identifier]) -> dict[Identifier, UUID]:
        """Each identifier's stream, a new random id for one that is new. Raises UnavailableError."""

    def release(self, stale: Mapping[Identifier, UUID]) -> None:
        """The streams that these led to are erased: whoever claims them next gets a new one. Raises
        UnavailableError."""

    def retained(self, orders: Iterable[str]) -> dict[str, UUID]:
        """Those of the orders whose customers are erased, with their streams. Raises UnavailableError."""
