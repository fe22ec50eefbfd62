"""Why a published report is not what it was: each cause, and its amount under each heading. Pure.

A difference is complete: what the causes say sums to it, to the cent, for each heading of each currency and model.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.event import Event
from projections.attribution.stages import Cause, stages
from projections.attribution.trail import Trail
from queries.attribution_report import Asked, AttributionReport, report

#: (currency, model, heading) → cents. The model is "" for what no model decides.
Figures = Mapping[tuple[str, str, str], int]
NET, UNATTRIBUTED, ERASED = "net revenue", "unattributed", "erased revenue"
CREDIT = "credit: "


@dataclass(frozen=True, slots=True)
class Change:
    """So many cents more (or fewer) under a heading: ``net revenue``, ``unattributed``, ``erased revenue`` or ``credit:
    CHANNEL``."""

    currency: str
    model: str
    heading: str
    cents: int


@dataclass(frozen=True, slots=True)
class Caused:
    """What one cause changed. ``events``: how many of this kind were recorded since; a change without any is of keys
    that were destroyed."""

    cause: Cause
    events: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Restatement:
    """From the positions of one version to those of the next."""

    from_positions: tuple[int, ...]
    to_positions: tuple[int, ...]
    causes: tuple[Caused, ...]

    def total(self) -> Figures:
        """All causes together."""
        return summed(each.changes for each in self.causes)


def figures(made: AttributionReport) -> Figures:
    """All amounts of a report, by heading."""
    found: dict[tuple[str, str, str], int] = {}
    for each in made.currencies:
        money = {NET: each.money.net, UNATTRIBUTED: each.money.unattributed, ERASED: each.money.erased}
        found |= {(each.currency, "", heading): cents for heading, cents in money.items()}
        for model in each.models:
            found |= {(each.currency, model.model, CREDIT + c.channel): c.cents for c in model.channels}
    return found


def difference(before: Figures, after: Figures) -> tuple[Change, ...]:
    """What is not the same, by currency, model and heading."""
    keys = sorted({*before, *after})
    told = ((key, after.get(key, 0) - before.get(key, 0)) for key in keys)
    return tuple(Change(*key, cents) for key, cents in told if cents)


def summed(parts: Iterable[Sequence[Change]]) -> Figures:
    """Changes together, without those that cancel out."""
    found: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for part in parts:
        for each in part:
            found[each.currency, each.model, each.heading] += each.cents
    return {key: cents for key, cents in sorted(found.items()) if cents}


def restated(
    published: Figures,
    from_positions: Sequence[int],
    known: Mapping[UUID, Trail],
    before: Mapping[UUID, Sequence[Event]],
    later: Mapping[UUID, Sequence[Event]],
    to_positions: Sequence[int],
    asked: Asked,
) -> tuple[AttributionReport, Restatement]:
    """The report as it is now, and why. ``published``: as it was. The others: see ``stages``. Raises ValueError."""
    steps = _steps(from_positions, known, before, later, to_positions, asked)
    causes: dict[Cause, Caused] = {}
    last, made = published, None
    for cause, events, made in steps:
        now = figures(made)
        was = causes.get(cause, Caused(cause, 0, ()))
        together = summed((was.changes, difference(last, now)))
        causes[cause] = Caused(
            cause, was.events + events, tuple(Change(*key, cents) for key, cents in together.items())
        )
        last = now
    assert made is not None
    told = tuple(each for cause in Cause if (each := causes.get(cause)) and (each.events or each.changes))
    return made, Restatement(tuple(from_positions), tuple(to_positions), told)


def _steps(
    from_positions: Sequence[int],
    known: Mapping[UUID, Trail],
    before: Mapping[UUID, Sequence[Event]],
    later: Mapping[UUID, Sequence[Event]],
    to_positions: Sequence[int],
    asked: Asked,
) -> Iterator[tuple[Cause, int, AttributionReport]]:
    """A log never changes but by erasure: what the same positions say otherwise now was erased."""
    yield Cause.ERASURE, 0, report(known, from_positions, asked)
    for stage in stages(known, before, later):
        yield stage.cause, stage.events, report(stage.trails, to_positions, asked)
