"""The interfaces of what holds the read models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Write:
    """A new value of one field, to be stored only where the version ``was`` is there now. ``value`` begins with its
    version (4 bytes, big endian)."""

    home: UUID
    stream: UUID
    was: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """What was found instead: the stream lives elsewhere now, or has another version."""

    moved_to: UUID | None
    version: int


class CustomerStore(Protocol):
    """Persons' records, written by compare-and-set."""

    def write(self, writes: Sequence[Write]) -> list[Refused | None]:
        """One answer a write, None where it was stored."""

    def load(self, persons: Sequence[tuple[UUID, Mapping[UUID, bytes]]]) -> None:
        """Puts persons with all their streams into a generation that nobody else writes yet."""

    def read(self, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, bytes | None]]:
        """Each stream's person, and its own field or None."""

    def members(self, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, Mapping[UUID, bytes]]]:
        """Each stream's person, and all fields of that person."""

    def place(self, home: UUID, fields: Mapping[UUID, bytes], former: Sequence[UUID]) -> None:
        """Makes ``home`` hold exactly these streams, and the ``former`` homes point to it."""


class CatalogueStore(Protocol):
    """Products' records, written by compare-and-set."""

    def write(self, writes: Sequence[Write]) -> list[Refused | None]:
        """One answer a write, None where it was stored. ``home`` is of no matter."""

    def read(self, streams: Sequence[UUID]) -> dict[UUID, bytes | None]:
        """Each product's field."""


class StatisticsStore(Protocol):
    """A shard's partial counts, and the published whole."""

    def load(self, shard: int) -> bytes | None:
        """The shard's part as last saved."""

    def save(self, shard: int, part: bytes) -> None:
        """Replaces the shard's part; position and counts are one value."""

    def parts(self, shards: Iterable[int]) -> list[bytes]:
        """The parts that there are of these shards."""

    def publish(self, digest: str, statistics: bytes) -> None:
        """Stores an immutable generation and makes it the current one."""
