"""Whether a person's events may train, moment by moment, by what they said. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from domain.customer import Customer
from domain.event import Event
from domain.values import Purpose
from projections.customer.who import age_band, bands_of
from projections.moment import millis, tag
from readmodels.features import CHILD

#: (at, tag, given, purpose, medium), so that they sort as the record's words do.
Word = tuple[int, int, bool, str, str]
#: (whether it was corrected to that, at, tag, band), so that the last that was told is the greatest.
Age = tuple[bool, int, int, str]


def words(streams: Iterable[Sequence[Event]]) -> list[Word]:
    """All that was said on any purpose, in the order in which it counts."""
    return sorted(
        (millis(e.occurred_at), tag(e.source_id), type(e) is Customer.ConsentGiven, e.purpose.value, e.medium or "")
        for events in streams
        for e in events
        if isinstance(e, Customer.ConsentGiven | Customer.ConsentWithdrawn)
    )


def child(streams: Iterable[Sequence[Event]]) -> bool:
    """Whether the last that was told of the person's age is that of a child; what was corrected counts before it."""
    return of_child(age for events in streams for age in ages(events))


def ages(events: Iterable[Event]) -> list[Age]:
    """What events tell of a person's age."""
    return [
        (isinstance(e, Customer.DetailsCorrected), millis(e.occurred_at), tag(e.source_id), band)
        for e in events
        if isinstance(e, Customer.DetailsGiven | Customer.DetailsCorrected) and (band := _age(e)) is not None
    ]


def of_child(told: Iterable[Age]) -> bool:
    """Whether the last of what was told of one person's age is that of a child."""
    return max(told, default=(False, 0, 0, ""))[3] == CHILD


def _age(event: Customer.DetailsGiven | Customer.DetailsCorrected) -> str | None:
    """The band told, "" where it was corrected to unknown, None where nothing was said of it."""
    band = age_band(event.details, event.occurred_at)
    if band is None and isinstance(event, Customer.DetailsCorrected) and "age_range" in bands_of(event.cleared):
        return ""
    return band


class Permission:
    """All ``purposes`` must be allowed: the latest word on each, in every medium, is a yes, and no opt-out of sharing
    stands since. ``assumed`` stands for a purpose on which there is no word. As ``readmodels.consent.may`` has it, at
    every moment of the past."""

    def __init__(self, said: Iterable[Word], purposes: Iterable[Purpose], *, assumed: bool) -> None:
        latest: dict[str, dict[str, bool]] = {purpose.value: {} for purpose in purposes}
        self._first = assumed
        self._moments: list[int] = []
        self._allowed: list[bool] = []
        for at, _, given, purpose, medium in said:
            if purpose == Purpose.SHARING:
                _share(latest, medium, given)
            elif purpose in latest:
                _say(latest[purpose], medium, given)
            else:
                continue
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


def _say(words: dict[str, bool], medium: str, given: bool) -> None:
    """A word on all media is the last one on each; a yes to the purpose is one in spite of an opt-out before it."""
    if not medium:
        outs = {} if given else {name: word for name, word in words.items() if name.startswith(_OUT)}
        words.clear()
        words.update(outs)
    elif given:
        for name in [name for name in words if name.startswith(_OUT)]:
            del words[name]
    words[medium] = given


def _share(latest: dict[str, dict[str, bool]], medium: str, given: bool) -> None:
    """An opt-out stands against every purpose until a later yes to it, or until it is taken back."""
    for words in latest.values():
        if given:
            for name in [name for name in words if name == _OUT + medium or (not medium and name.startswith(_OUT))]:
                del words[name]
        else:
            words[_OUT + medium] = False


#: Before the medium in which somebody opted out.
_OUT = "out:"
