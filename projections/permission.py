"""Whether a person's events may train, moment by moment, by what they said. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from domain.customer import Customer
from domain.event import Event
from domain.values import Purpose
from projections.customer import age_band
from projections.moment import millis, tag
from readmodels.features import CHILD

#: (at, tag, given, purpose, medium), so that they sort as the record's words do.
Word = tuple[int, int, bool, str, str]


def words(streams: Iterable[Sequence[Event]]) -> list[Word]:
    """All that was said on any purpose, in the order in which it counts."""
    return sorted(
        (millis(e.occurred_at), tag(e.source_id), type(e) is Customer.ConsentGiven, e.purpose.value, e.medium or "")
        for events in streams
        for e in events
        if isinstance(e, Customer.ConsentGiven | Customer.ConsentWithdrawn)
    )


def child(streams: Iterable[Sequence[Event]]) -> bool:
    """Whether the last that was told of the person's age is that of a child."""
    told = [
        (millis(e.occurred_at), tag(e.source_id), band)
        for events in streams
        for e in events
        if isinstance(e, Customer.DetailsGiven) and (band := age_band(e.details, e.occurred_at))
    ]
    return bool(told) and max(told)[2] == CHILD


class Permission:
    """All ``purposes`` must be allowed: the latest word on each, in every medium, is a yes. ``assumed`` stands for a
    purpose on which there is no word."""

    def __init__(self, said: Iterable[Word], purposes: Iterable[Purpose], *, assumed: bool) -> None:
        latest: dict[str, dict[str, bool]] = {purpose.value: {} for purpose in purposes}
        self._first = assumed
        self._moments: list[int] = []
        self._allowed: list[bool] = []
        for at, _, given, purpose, medium in said:
            if purpose in latest:
                latest[purpose][medium] = given
                self._moments.append(at)
                self._allowed.append(all(all(of.values()) if of else assumed for of in latest.values()))

    @property
    def stands(self) -> bool:
        """By the last word."""
        return self._allowed[-1] if self._allowed else self._first

    def at(self, moment: int) -> bool:
        """By the last word up to and in this millisecond."""
        place = bisect_right(self._moments, moment)
        return self._allowed[place - 1] if place else self._first
