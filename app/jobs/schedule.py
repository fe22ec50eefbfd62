"""When jobs are due. Times are UTC, so that no day has an hour twice or not at all."""

from dataclasses import dataclass

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FULL, INCREMENT = "full", "increment"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is due every ``every_ms``, ``offset_ms`` after the full hour or day."""

    job: str
    every_ms: int
    offset_ms: int

    def latest(self, now_ms: int) -> int:
        """When it was due last, in ms since 1970."""
        return (now_ms - self.offset_ms) // self.every_ms * self.every_ms + self.offset_ms

    def next(self, now_ms: int) -> int:
        """When it is due next."""
        return self.latest(now_ms) + self.every_ms


def schedules(hour: int, minute: int) -> tuple[Schedule, ...]:
    """The full training, daily at ``hour:minute``, before the increments, hourly at ``minute``, which it stands in
    for."""
    daily = Schedule(FULL, DAY_MS, hour * HOUR_MS + minute * MINUTE_MS)
    return daily, Schedule(INCREMENT, HOUR_MS, minute * MINUTE_MS)
