"""What one stream's events say of its ties to others: the same reading of them for all that asks who is who."""

from dataclasses import dataclass, field
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from domain.identity import IdentifierKind

#: The events that make and unmake ties.
TIES = (
    Customer.IdentifierLinked,
    Customer.IdentifierUnlinked,
    Customer.ProbablyLinked,
    Customer.ProbablyUnlinked,
    Customer.ConfirmedSame,
    Customer.KeptApart,
    Customer.ApartEnded,
)
TIE_TOPICS = tuple(each.TOPIC for each in TIES)
Tie = (
    Customer.IdentifierLinked
    | Customer.IdentifierUnlinked
    | Customer.ProbablyLinked
    | Customer.ProbablyUnlinked
    | Customer.ConfirmedSame
    | Customer.KeptApart
    | Customer.ApartEnded
)


@dataclass(slots=True)
class Ties:
    """``linked``: by identifiers, or by an officer's word; ``likely``: by scores; both with the kind of the other
    stream. ``apart``: kept apart whatever links say, True where an officer said so. ``confirmed`` are those of
    ``linked`` that an officer confirmed."""

    linked: dict[UUID, IdentifierKind] = field(default_factory=dict)
    likely: dict[UUID, IdentifierKind] = field(default_factory=dict)
    apart: dict[UUID, bool] = field(default_factory=dict)
    confirmed: set[UUID] = field(default_factory=set)

    def learn(self, event: Event) -> None:
        """One more event of the stream, in the order of versions; what tells of no ties changes nothing."""
        if isinstance(event, Customer.IdentifierLinked):
            self.linked[event.other] = event.other_kind
        elif isinstance(event, Customer.IdentifierUnlinked):
            self.linked.pop(event.other, None)
            self.confirmed.discard(event.other)
        elif isinstance(event, Customer.ProbablyLinked):
            self.likely[event.other] = event.other_kind
        elif isinstance(event, Customer.ProbablyUnlinked):
            self.likely.pop(event.other, None)
        elif isinstance(event, Customer.ConfirmedSame):
            self.linked[event.other] = event.other_kind
            self.apart.pop(event.other, None)
            self.confirmed.add(event.other)
        elif isinstance(event, Customer.KeptApart):
            self.apart[event.other] = event.officer is not None
            self.confirmed.discard(event.other)
        elif isinstance(event, Customer.ApartEnded):
            self.apart.pop(event.other, None)

    @property
    def now(self) -> dict[UUID, IdentifierKind]:
        """The streams that this one is tied to, with their kinds."""
        return {other: kind for other, kind in (self.likely | self.linked).items() if other not in self.apart}
