"""What projections need from outside, beside the stores of readmodels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from domain.event import Event
from readmodels.customer import CustomerRecord

#: An event of a stream as a fold needs it: version, class, and something with the fields of that class.
Fact = tuple[int, type[Event], Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event and its position in the log."""

    position: int
    event: Event


class History(Protocol):
    """The log, by stream."""

    def streams(self, streams: Sequence[UUID]) -> Iterable[tuple[UUID, list[Event]]]:
        """Each stream that exists with all its events in order."""


class Tail(History, Protocol):
    """The log, by stream, from somewhere on."""

    def streams_after(self, versions: Mapping[UUID, int]) -> Iterable[tuple[UUID, list[Event]]]:
        """Each of these streams that has events beyond its version, with those in order."""


class Source(Protocol):
    """Where records come from that a store lacks."""

    def records(self, streams: Sequence[UUID]) -> dict[UUID, CustomerRecord]:
        """The records of those streams that exist, up to their last event."""


class Feed(Protocol):
    """The log, by position."""

    def next_batch(self, timeout_s: float) -> Sequence[Recorded]:
        """What was recorded next, in order, or nothing when the time has passed."""


class Positions(Protocol):
    """How far a projection has come, kept where the log is."""

    def load(self, projection: str) -> int:
        """The last confirmed position, 0 for a new projection."""

    def save(self, projection: str, position: int) -> None:
        """Raises the position; a lower one is ignored."""


class Projection(Protocol):
    """A fold with somewhere to put what it folds."""

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Stores what the events change; safe to repeat."""

    def flush(self, *, idle: bool) -> None:
        """May store what is held back; must, when nothing else is to be done."""

    def stored(self, position: int) -> int:
        """Up to where what it was given is stored, of all up to ``position``: less where something is held back."""

    def restart(self) -> None:
        """Forgets what it believes to be stored: the store came back as another run."""
