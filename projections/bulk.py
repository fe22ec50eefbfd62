"""Folding whole streams at once: what a new generation is made of, slice by slice, in any order, by many workers.

The same folds as event by event, and so the same bytes; but each record is written once, not once a batch, and a
stream's views meet each other without a look into the past.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from domain.identity import IdentifierKind, person_id, persons
from projections.customer import fold_all
from projections.statistics import count, count_session, look, person_number
from readmodels.customer import CustomerRecord, decode, encode
from readmodels.statistics import LEAST_PEOPLE, Part
from readmodels.stores import CustomerStore

BATCH = 500
Stream = tuple[UUID, list[Event]]
Linked = tuple[UUID, str, tuple[UUID, ...]]


@dataclass(slots=True)
class Folded:
    """What a slice has come to. ``linked``: streams that are not alone, each with its kind and links, to be brought
    together once all slices are stored."""

    events: int = 0
    linked: list[Linked] = field(default_factory=list)
    part: Part = field(default_factory=Part)


def fold_streams(
    streams: Iterable[Stream],
    *,
    store: CustomerStore | None,
    statistics: bool,
    least: int = LEAST_PEOPLE,
    keep: Callable[[Mapping[UUID, CustomerRecord]], None] = lambda records: None,
) -> Folded:
    """Stores the records of whole streams in ``store`` and counts their statistics; which of the two is wanted.
    ``keep`` is told of all records that are stored."""
    folded, streams = Folded(), iter(streams)
    while batch := list(islice(streams, BATCH)):
        if store is not None:
            records = [(stream, fold_all(CustomerRecord(), events)) for stream, events in batch]
            folded.linked += [(stream, record.kind, record.links) for stream, record in records if record.links]
            store.load([(stream, {stream: encode(record)}) for stream, record in records])
            keep(dict(records))
        for stream, events in batch:
            folded.events += len(events)
            if statistics:
                _count(folded.part, stream, events, least)
    return folded


def bring_together(store: CustomerStore, linked: Iterable[Linked]) -> int:
    """Puts the streams of each person, which lie alone, into one hash; how many persons have more than one."""
    known = {stream: (kind, links) for stream, kind, links in linked}
    others = {other for _, links in known.values() for other in links} - known.keys()
    for stream, (_, value) in store.read(sorted(others)).items() if others else ():  # a link that one side told of
        if value:
            known[stream] = decode(value).kind, ()
    kinds = {stream: IdentifierKind(kind) for stream, (kind, _) in known.items() if kind}
    links = ((stream, other) for stream, (_, links) in known.items() for other in links)
    groups = iter({members for members in persons(kinds, links).values() if len(members) > 1})
    count = 0
    while batch := list(islice(groups, BATCH)):
        found = store.read([stream for members in batch for stream in members])
        store.load([(person_id(members), {s: found[s][1] or b"" for s in sorted(members)}) for members in batch])
        count += len(batch)
    return count


def _count(part: Part, stream: UUID, events: Iterable[Event], least: int) -> None:
    looks = []
    for event in events:
        if isinstance(event, Customer.ProductViewed):
            looks.append(look(event))
        else:
            count(part, event, (), least)
    count_session(part, looks, person_number(stream), least)
