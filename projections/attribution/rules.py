"""What counts as a touch, and for how long: the settings of a report, which are a part of it."""

from dataclasses import dataclass

from projections.attribution.markov_game import SEED

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True)
class Rules:
    """``lookback_ms``: touches so long before an order count. ``session_ms``: a rest that ends a visit; within one, a
    channel counts once, and coming directly not at all after any other. ``once``: a touch counts for the next order
    alone. ``shown``: recommendations that were shown count, not only those that were clicked. Raises ValueError."""

    lookback_ms: int = 30 * DAY_MS
    session_ms: int = 30 * MINUTE_MS
    half_life_hours: int = 7 * 24
    once: bool = True
    shown: bool = True
    seed: int = SEED

    def __post_init__(self) -> None:
        if not HOUR_MS <= self.lookback_ms <= 400 * DAY_MS:
            raise ValueError("lookback: from an hour to 400 days")
        if not 0 <= self.session_ms <= DAY_MS:
            raise ValueError("session: from nothing to a day")
        if not 1 <= self.half_life_hours <= 10_000:
            raise ValueError("half-life: from 1 to 10,000 hours")
        if not 0 <= self.seed < 2**31:
            raise ValueError("seed: from 0 to 2,147,483,647")
