"""What queries give back. Field names are the ones of the HTTP answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

KNOWN, ERASED = "known", "erased"


class Item(msgspec.Struct, frozen=True):
    """A recommended SKU. ``reason`` is for shoppers; ``source`` names what it was recommended by."""

    sku: str
    score: float
    reason: str
    source: str


class Recommendations(msgspec.Struct, frozen=True):
    """``version`` is how many of the person's events the answer reflects; ``served`` says which rung answered."""

    decision_id: UUID
    placement: str
    items: tuple[Item, ...]
    person_id: UUID | None
    version: int
    served: str


class LoggedEvent(msgspec.Struct, frozen=True):
    """One recorded event, in words a person understands, newest first."""

    stream: UUID
    version: int
    name: str
    occurred_at_ms: int
    recorded_at_ms: int
    facts: dict[str, Any]


class Profile(msgspec.Struct, frozen=True):
    """The unified profile, as far as it may be shown: no raw identifier but where a query decrypts the log.

    ``as_of`` and ``known_at`` say at which moment this was so, where it was asked for one. Of a person whose
    ``status`` is "erased" there is no more than the ``ledger``, newest first, and its sums by currency.
    """

    person_id: UUID
    streams: tuple[UUID, ...]
    version: int
    identity_graph: dict[str, list[str]]
    demographics: dict[str, Any]
    behavior: dict[str, Any]
    real_time_context: dict[str, Any]
    consent: tuple[dict[str, Any], ...]
    status: str = KNOWN
    as_of: datetime | None = None
    known_at: datetime | None = None
    ledger: tuple[LoggedEvent, ...] = ()
    ledger_net: dict[str, str] = {}
