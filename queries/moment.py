"""A moment of two times: by when it had happened, and by when it was known."""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.erased import Erased
from domain.event import Created, Event
from domain.ties import TIES

#: What a stream is and whom it belongs to is knowledge: it counts from when it was recorded, whenever it became true.
KNOWLEDGE = (Created, *TIES)
WRITTEN_AS = "must be an ISO 8601 date and time with an offset, of the years 1970 to 9999"
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Moment:
    """What was true at ``as_of`` as known at ``known_at``, both with an offset; None sets no bound.

    Without a bound by ``as_of``, what a channel dated a little ahead counts too, as it does in the live profile.
    """

    as_of: datetime | None = None
    known_at: datetime | None = None

    def knows(self, event: Event) -> bool:
        """Whether it was recorded by then."""
        return self.known_at is None or event.timestamp <= self.known_at

    def past(self, event: Event) -> bool:
        """Whether it was recorded by then, and had happened."""
        return self.knows(event) and (self.as_of is None or happened_at(event) <= self.as_of)

    def counts(self, event: Event) -> bool:
        """Whether it is part of what was true; of ``KNOWLEDGE``, all that was known."""
        return self.knows(event) if isinstance(event, KNOWLEDGE) else self.past(event)


def happened_at(event: Event) -> datetime:
    """By its channel's clock; when it was recorded, where that is all that is left of an erased event."""
    if isinstance(event, Erased):
        told: str | None = event.ledger.get("occurred_at")
        return datetime.fromisoformat(told) if told else event.timestamp
    happened: datetime = getattr(event, "occurred_at", event.timestamp)
    return happened


def read_time(text: str) -> datetime:
    """A time in UTC from outside. Raises ValueError (``WRITTEN_AS`` says what is taken)."""
    try:
        read = datetime.fromisoformat(text) if len(text) <= _LONGEST else None
        if read is None or read.tzinfo is None or read.astimezone(UTC).year < 1970:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(WRITTEN_AS) from None
    return read.astimezone(UTC)
