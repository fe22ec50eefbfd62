"""From what was known once to what is known now, one kind of cause after the other.

The causes are taken in this order: what was erased of what was known, late events, refunds, words of consent,
links, unlinks, and erasures since. Each stage has all that the stages before it have. So what each changes adds up to
the whole difference, under any model; where two causes meet in one order, the earlier stage has what they change
together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from projections.attribution.trail import ERASED, REFUNDED, Trail, topic


class Cause(StrEnum):
    """Why a figure is not what it was."""

    LATE = "late event"
    REFUND = "refund"
    CONSENT = "consent"  # or what was told of an age
    MERGE = "merge"
    UNMERGE = "unmerge"
    ERASURE = "erasure"
    UNTOLD = "not told apart"  # shards were moved: positions of before name nothing any more


_SAID = tuple(
    kind.TOPIC
    for kind in (Customer.ConsentGiven, Customer.ConsentWithdrawn, Customer.DetailsGiven, Customer.DetailsCorrected)
)
#: A veto that ends brings together again whom it kept apart.
_MERGING = (Customer.IdentifierLinked, Customer.ProbablyLinked, Customer.ConfirmedSame, Customer.ApartEnded)
MERGED = tuple(kind.TOPIC for kind in _MERGING)
PARTED = tuple(kind.TOPIC for kind in (Customer.IdentifierUnlinked, Customer.ProbablyUnlinked, Customer.KeptApart))
ORDER = (Cause.LATE, Cause.REFUND, Cause.CONSENT, Cause.MERGE, Cause.UNMERGE, Cause.ERASURE)


@dataclass(frozen=True, slots=True)
class Stage:
    """What would be known had nothing but the causes up to this one come. ``events``: of this cause."""

    cause: Cause
    events: int
    trails: Mapping[UUID, Trail]


def cause_of(event: Event) -> Cause:
    """Which cause an event is. One that was erased is still what it was, as far as that can be told."""
    match topic(event):
        case merged if merged in MERGED:
            return Cause.MERGE
        case parted if parted in PARTED:
            return Cause.UNMERGE
        case said if said in _SAID:
            return Cause.CONSENT
        case refunded if refunded in REFUNDED:
            return Cause.REFUND
    return Cause.ERASURE if topic(event) == ERASED else Cause.LATE


def trails(streams: Mapping[UUID, Sequence[Event]]) -> dict[UUID, Trail]:
    """Of whole streams."""
    return {stream: Trail().take(events) for stream, events in streams.items()}


def stages(
    known: Mapping[UUID, Trail], before: Mapping[UUID, Sequence[Event]], later: Mapping[UUID, Sequence[Event]]
) -> Iterator[Stage]:
    """``known``: all trails as they were, read now. ``later``: stream → its events since; ``before``: those that the
    same streams had, also read now."""
    taken: set[Cause] = set()
    for cause in ORDER:
        taken.add(cause)
        count = sum(cause_of(event) is cause for events in later.values() for event in events)
        so_far = {
            stream: Trail().take([*before.get(stream, ()), *(e for e in events if cause_of(e) in taken)])
            for stream, events in later.items()
        }
        yield Stage(cause, count, {**known, **{stream: trail for stream, trail in so_far.items() if trail.version}})
