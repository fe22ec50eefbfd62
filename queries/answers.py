"""What queries give back. Field names are the ones of the HTTP answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

KNOWN, ERASED = "known", "erased"


class Item(msgspec.Struct, frozen=True):
    """A recommended SKU. ``reason`` is for shoppers; ``source`` names what it was recommended by. ``price_cents``: in
    minor units of ``currency``, as this person is to be shown it: an arm of an experiment may change it. None where no
    price is known."""

    sku: str
    score: float
    reason: str
    source: str
    price_cents: int | None = None
    currency: str | None = None


class Recommendations(msgspec.Struct, frozen=True):
    """``version`` is how many of the person's events the answer reflects; ``served`` says which rung answered.

    ``degraded`` names what was missing: redis, postgres or directory where that server did not answer in time, stale
    where the version asked for was not there yet, receipts where this answer
    cannot be made again, as the machine has no room for its receipt. ``price_factor``: of list prices, for whatever
    else a page shows this person beside these items; an arm of an experiment may change it.
    """

    decision_id: UUID
    placement: str
    items: tuple[Item, ...]
    person_id: UUID | None
    version: int
    served: str
    degraded: tuple[str, ...] = ()
    price_factor: float = 1.0


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
