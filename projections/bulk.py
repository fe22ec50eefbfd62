"""Folding whole streams at once: what a new generation is made of, slice by slice, in any order, by many workers.

The same folds as event by event, and so the same bytes; but each record is written once, not once a batch, and a
stream's views meet each other without a look into the past.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from domain.customer import Customer
from domain.erased import Erased
from domain.identity import IdentifierKind, person_id, persons
from projections.customer import Told, fold_told
from projections.moment import millis, tag
from projections.ports import Fact
from projections.statistics import interest
from projections.tally import Counts, Tally
from projections.versions import GapError
from readmodels.customer import CustomerRecord, decode, encode
from readmodels.statistics import LEAST_PEOPLE
from readmodels.stores import CustomerStore

BATCH = 500
Stream = tuple[UUID, list[Fact]]
Linked = tuple[UUID, str, tuple[UUID, ...]]


@dataclass(slots=True)
class Folded:
    """What a slice has come to. ``linked``: streams that are not alone, each with its kind and links, to be brought
    together once all slices are stored."""

    events: int = 0
    linked: list[Linked] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)


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
    folded, tally, streams = Folded(), Tally(least), iter(streams)
    while batch := list(islice(streams, BATCH)):
        told = [(stream, _told(stream, facts), len(facts)) for stream, facts in batch]
        if store is not None:
            records = [(s, record) for s, facts, n in told if not (record := fold_told(facts, n)).gone]
            folded.linked += [(stream, record.kind, record.ties) for stream, record in records if record.ties]
            store.load([(stream, {stream: encode(record)}) for stream, record in records])
            keep(dict(records))
        for stream, facts, version in told:
            folded.events += version
            if statistics:
                _count(tally, stream, facts)
    folded.counts = tally.counts()
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


def _told(stream: UUID, facts: list[Fact]) -> list[Told]:
    """When each happened, for both folds. What is erased tells nothing. Raises GapError."""
    if facts[-1][0] != len(facts):  # versions are in order, and none comes twice
        raise GapError(stream, 0)
    if any(kind is Customer.CustomerErased for _, kind, _ in facts):
        return []
    return [
        (kind, fact, millis(fact.occurred_at), tag(fact.source_id)) for _, kind, fact in facts if kind is not Erased
    ]


def _count(tally: Tally, stream: UUID, told: Iterable[Told]) -> None:
    looks = []
    for kind, fact, at, tag_ in told:
        if kind is Customer.ProductViewed:
            looks.append((at, tag_, fact.sku))
        else:
            for sku, points in interest(kind, fact):
                tally.act(stream, at, sku, points)
    if looks:
        tally.views(stream, looks)
