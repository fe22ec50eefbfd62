"""What the write side needs from outside: a log and a directory."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from domain.event import Aggregate
from domain.identity import Identifier


class ConflictError(Exception):
    """Somebody else recorded on the same stream meanwhile; nothing of this save was recorded."""


class UnavailableError(Exception):
    """A server that is needed is down; nothing was acknowledged. Try again later."""


class EventLog(Protocol):
    """One shard of a log."""

    def load(self, streams: Sequence[UUID]) -> dict[UUID, Any]:
        """The aggregates that exist, in one round trip. Raises UnavailableError."""

    def save(self, aggregates: Iterable[Aggregate]) -> int:
        """All pending events in one transaction; how many. Raises ConflictError, UnavailableError."""


class Directory(Protocol):
    """Identifier → stream. A claim never moves."""

    def claim(self, identifiers: Iterable[Identifier]) -> dict[Identifier, UUID]:
        """Each identifier's stream, a new random id for one that is new. Raises UnavailableError."""
