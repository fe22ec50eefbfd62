"""The interfaces of what holds the read models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from readmodels.customer import CustomerRecord


@dataclass(frozen=True, slots=True)
class Write:
    """A new value of one field, to be stored only where the version ``was`` is there now. ``value`` begins with its
    version (4 bytes, big endian); an empty one takes the field away."""

    home: UUID
    stream: UUID
    was: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """What was found instead: the stream lives elsewhere now, or has another version."""

    moved_to: UUID | None
    version: int


@dataclass(frozen=True, slots=True)
class Found:
    """A hash as it was found: the streams that live in it, or where the one that it is named after went; and who is
    moving streams in or out."""

    fields: Mapping[UUID, bytes]
    moved_to: UUID | None = None
    held_by: bytes | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of the hash ``name``. ``put``: fields to be added, unless a later version is there.
    ``drop``: streams that go, unless they have grown beyond these versions; then nothing is changed. ``moved_to``:
    whoever looks here is sent there, unless something is left that is not in ``drop``."""

    name: UUID
    put: Mapping[UUID, bytes] = field(default_factory=dict)
    drop: Mapping[UUID, int] = field(default_factory=dict)
    moved_to: UUID | None = None


class CustomerStore(Protocol):
    """Persons' records: a hash for each stream, in which those of its person live. Every call works on one hash."""

    def write(self, writes: Sequence[Write]) -> list[Refused | None]:
        """One answer a write, None where it was stored."""

    def load(self, persons: Sequence[tuple[UUID, Mapping[UUID, bytes]]]) -> None:
        """Puts persons with all their streams into a generation that nobody else writes yet."""

    def read(self, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, bytes | None]]:
        """Each stream's person, and its own field or None."""

    def look(self, names: Sequence[UUID]) -> dict[UUID, Found]:
        """The hashes of these names; who holds one is read before what is in it."""

    def hold(self, holders: Mapping[UUID, bytes | None], token: bytes) -> set[UUID]:
        """Those hashes that ``token`` holds from now on, for a while: where the holder was the one given here."""

    def change(self, changes: Sequence[Change], token: bytes) -> list[bool]:
        """Whether each was made: the hash had to be held by ``token``, and to be as the change says."""

    def release(self, names: Iterable[UUID], token: bytes) -> None:
        """Those that ``token`` still holds are held no more."""


class RecordStore(Protocol):
    """Records outside Redis, encrypted, maybe some events behind. Those of another shape are not there."""

    def save(self, records: Mapping[UUID, CustomerRecord], *, covered: int = 0) -> None:
        """Stores each record unless a later version is there. ``covered``: all records are complete up to this
        position then; a lower one is ignored."""

    def covered(self) -> int:
        """The position up to which all records are complete, 0 where they are not."""

    def load(self, streams: Sequence[UUID]) -> dict[UUID, CustomerRecord]:
        """Those that there are and can be decrypted."""

    def page(self, after: UUID, limit: int) -> tuple[dict[UUID, CustomerRecord], UUID | None]:
        """The next records in the order of their streams, and where the next page begins, None at the end."""

    def save_part(self, part: bytes) -> None:
        """Replaces the shard's part of the statistics."""

    def load_part(self) -> bytes | None:
        """The part as last saved."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A product's new record, and the position of the last event that is in it."""

    stream: UUID
    position: int
    value: bytes


class CatalogueStore(Protocol):
    """Products' records, and the position in the log that they stand for, always written together."""

    def position(self) -> int:
        """The position that all records together are the fold of, 0 where nothing was written."""

    def write(self, was: int, position: int, records: Sequence[Shelved]) -> int:
        """Stores all of it where the position ``was`` is there, else nothing; the position that is there now."""

    def read(self, streams: Sequence[UUID]) -> dict[UUID, bytes | None]:
        """Each product's field."""


class RulesStore(Protocol):
    """The rules that are live, written by compare-and-set."""

    def write(self, write: Write) -> Refused | None:
        """None where it was stored. ``home`` is of no matter."""

    def read(self, stream: UUID) -> bytes | None:
        """The book's field."""


class ExperimentsStore(Protocol):
    """All experiments as one value, written by compare-and-set."""

    def write(self, write: Write) -> Refused | None:
        """None where it was stored. ``home`` is of no matter."""

    def read(self, stream: UUID) -> bytes | None:
        """The field."""


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
