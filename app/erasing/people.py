"""Whom streams belong to now: many at once, by the records that are kept and the log."""

from collections.abc import Iterable
from uuid import UUID

from domain.identity import IdentifierKind, persons
from projections.ports import Source
from readmodels.customer import CustomerRecord


def people(source: Source, streams: Iterable[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """Each stream's person: all streams that are theirs. Nothing for one that is not recorded, or erased already."""
    wanted = set(streams)
    found, asked, frontier = dict[UUID, CustomerRecord](), set[UUID](), wanted
    while frontier:
        asked |= frontier
        records = {s: r for s, r in source.records(sorted(frontier)).items() if r.kind}
        found |= records
        frontier = {other for record in records.values() for other in record.ties} - asked
    kinds = {stream: IdentifierKind(record.kind) for stream, record in found.items()}
    whole = persons(kinds, ((s, other) for s, record in found.items() for other in record.ties))
    return {stream: tuple(sorted(whole[stream])) for stream in wanted if stream in whole}
