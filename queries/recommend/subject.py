"""Whom an answer is for."""

from dataclasses import dataclass
from uuid import UUID

from readmodels.customer import CustomerRecord

STRANGER = CustomerRecord()


@dataclass(frozen=True, slots=True)
class Subject:
    """``person_id`` None: a stranger. ``streams``: the person's, with the versions that ``record`` reflects."""

    person_id: UUID | None = None
    streams: tuple[tuple[UUID, int], ...] = ()
    record: CustomerRecord = STRANGER
