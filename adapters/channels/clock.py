"""Which times are believed. One set of rules for all channels."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from adapters.channels.channel import Delivery, Trust
from adapters.channels.items import BadItemError

EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
AGE = timedelta(days=30)
_LONGEST = 40


def parse(text: str, field: str, zone: tzinfo = UTC) -> datetime:
    """An ISO 8601 date-time in UTC; ``zone`` holds where it names none. Raises BadItemError."""
    try:
        value = datetime.fromisoformat(text.strip()) if len(text) <= _LONGEST else None
    except ValueError:
        value = None
    if value is None:
        raise BadItemError(field, "not an ISO 8601 date-time")
    if not 1900 < value.year < 9000:
        raise BadItemError(field, "before 1995" if value.year <= 1900 else "more than 24 hours ahead")
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Judges by when the delivery was received, and by whether its sender may tell old facts."""

    received_at: datetime
    backfill: bool
    zone: tzinfo = UTC

    @classmethod
    def of(cls, delivery: Delivery, trust: Trust, zone: tzinfo = UTC) -> "Clock":
        """The clock for one delivery."""
        return cls(delivery.received_at, trust.backfill, zone)

    def read(self, text: str | None, field: str, *, history: bool = False) -> datetime:
        """The time in a field; when nothing is said, the time of receipt. Raises BadItemError.

        ``history`` is for a fact that a system repeats beside its news (the order to which a refund belongs):
        its age is no matter, as long as the news is fresh.
        """
        if text is None:
            return self.received_at
        return self.judge(parse(text, field, self.zone), field, history=history)

    def judge(self, value: datetime, field: str, *, history: bool = False) -> datetime:
        """The time itself. Raises BadItemError if it is not believed (403: it would be from a backfill)."""
        if value < EARLIEST:
            raise BadItemError(field, "before 1995")
        if value - self.received_at > AHEAD:
            raise BadItemError(field, "more than 24 hours ahead")
        if not (self.backfill or history) and self.received_at - value > AGE:
            raise BadItemError(field, "older than 30 days, which needs the backfill scope", 403)
        return value
