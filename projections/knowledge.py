"""What was known of a person at a moment: which events, and which streams were one person by then. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from domain.customer import BEGUN, Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import IdentifierKind, persons
from domain.ties import TIES, Ties
from projections.customer import Draft, fold
from projections.moment import millis
from projections.permission import Permission
from readmodels.customer import CustomerRecord


def unreadable(streams: Iterable[Sequence[Event]]) -> bool:
    """Whether a stream is erased (its key may go a moment later), or holds a withdrawal of which nobody can tell any
    more what it was about."""
    withdrawn = Customer.ConsentWithdrawn.TOPIC
    return any(
        isinstance(event, Customer.CustomerErased)
        or (isinstance(event, Erased) and (place == 0 or event.topic == withdrawn))
        for events in streams
        for place, event in enumerate(events)
    )


class AsKnown:
    """Each event from when it had happened and was recorded; streams are one from when their link was recorded."""

    def __init__(self, permission: Permission) -> None:
        self._permission = permission
        self._kinds: dict[UUID, IdentifierKind] = {}
        self._ties: dict[UUID, Ties] = {}
        self._events: dict[UUID, list[Event]] = {}
        self._drafts: dict[UUID, Draft] = {}

    def enters(self, event: Any) -> int:
        """The first millisecond at which the event is of the past and known; what tells who is who, is known."""
        known = millis(event.timestamp) + bool(event.timestamp.microsecond % 1000)
        return known if isinstance(event, IDENTITY) else max(known, millis(event.occurred_at) + 1)

    def enter(self, at: int, stream: UUID, event: Any) -> None:
        """The event is known from now on."""
        if isinstance(event, IDENTITY):
            self._learn(stream, event)
        elif self._permission.at(millis(event.occurred_at)):
            self._events.setdefault(stream, []).append(event)
            if stream in self._drafts:
                fold(event, self._drafts[stream])

    def record(self, stream: UUID) -> CustomerRecord:
        """Of the person to whom the stream belonged, as known; nothing where the stream was not known."""
        return self._drafts[stream].finish(0) if stream in self._drafts else CustomerRecord()

    def _learn(self, stream: UUID, event: Any) -> None:
        if isinstance(event, BEGUN):
            self._kinds[stream] = event.kind
        else:
            self._ties.setdefault(stream, Ties()).learn(event)
        self._bring_together()

    def _bring_together(self) -> None:
        """One draft for all streams of a person, made anew, as links are few."""
        links = ((one, other) for one, ties in self._ties.items() for other in ties.now)
        for members in set(persons(self._kinds, links).values()):
            draft = Draft(CustomerRecord())
            for member in members:
                for event in self._events.get(member, ()):
                    fold(event, draft)
            self._drafts.update(dict.fromkeys(members, draft))


IDENTITY = (*BEGUN, *TIES)
