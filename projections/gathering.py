"""Who is who among many streams, for folds over whole persons: streams alone first, persons of several afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.customer import BEGUN
from domain.event import Event
from domain.identity import IdentifierKind, persons
from domain.ties import Ties


@dataclass(frozen=True, slots=True)
class Linked:
    """A stream that says it is one with others: its kind (None if that is erased), and the others with theirs."""

    stream: UUID
    kind: IdentifierKind | None
    others: Mapping[UUID, IdentifierKind]


def linked(stream: UUID, events: Sequence[Event]) -> Linked | None:
    """What a stream's events tell of its links, in the order of versions; None where none stands."""
    ties = Ties()
    kind = None
    for event in events:
        if isinstance(event, BEGUN):
            kind = event.kind
        else:
            ties.learn(event)
    others = ties.now
    return Linked(stream, kind, others) if others else None


def gathered(found: Iterable[Linked]) -> list[frozenset[UUID]]:
    """The persons to whom these streams and the ones they name belong, in the order of their oldest streams.

    A link counts though only one side tells of it; of what a stream is that tells nothing, the others' word counts.
    """
    every = list(found)
    kinds = {other: kind for each in every for other, kind in each.others.items()}
    kinds |= {each.stream: each.kind for each in every if each.kind is not None}
    links = ((each.stream, other) for each in every for other in each.others)
    return sorted(set(persons(kinds, links).values()), key=min)
