"""A record knows how many of its stream's events are in it."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from msgspec.structs import replace

from domain.event import Event
from readmodels.catalogue import ProductRecord
from readmodels.customer import CustomerRecord
from readmodels.merchandising import PublishedRules

Record = TypeVar("Record", CustomerRecord, ProductRecord, PublishedRules)


class GapError(Exception):
    """Events are missing between the record and this one: refill from the log, never guess."""

    def __init__(self, stream: UUID, version: int) -> None:
        super().__init__(f"{stream} is at {version}")
        self.stream = stream


def advance(record: Record, fact: Event, fold: Callable[[Event, Record], Record]) -> Record:
    """The record with one more event in it; an event that it has already changes nothing. Raises GapError."""
    if fact.originator_version <= record.version:
        return record
    if fact.originator_version > record.version + 1:
        raise GapError(fact.originator_id, record.version)
    return fold(fact, replace(record, version=fact.originator_version))
