"""One person at a time from the records that are kept outside Redis and the log, for a reader who found nobody."""

from collections.abc import Mapping
from uuid import UUID

from domain.identity import IdentifierKind, persons
from projections.ports import Source
from readmodels.customer import CustomerRecord


def person(source: Source, stream: UUID) -> dict[UUID, CustomerRecord]:
    """All streams of the person that ``stream`` belongs to; none where it is not recorded, or erased."""
    found: dict[UUID, CustomerRecord] = {}
    frontier = {stream}
    while frontier:
        records = {s: r for s, r in source.records(sorted(frontier)).items() if not r.gone}
        found |= records
        linked = {other for record in records.values() for other in record.ties}
        frontier = linked - found.keys()
        if not records:
            break
    return {member: found[member] for member in _members(found, stream)}


def _members(records: Mapping[UUID, CustomerRecord], stream: UUID) -> frozenset[UUID]:
    kinds = {s: IdentifierKind(r.kind) for s, r in records.items() if r.kind}
    links = ((s, other) for s, r in records.items() for other in r.ties)
    return persons(kinds, links).get(stream, frozenset())
