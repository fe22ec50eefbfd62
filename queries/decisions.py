"""Decisions of before: found, shown in words, compared."""

from collections.abc import Sequence
from enum import Enum
from struct import Struct as Packed
from typing import Any, Protocol
from uuid import UUID

import msgspec

from queries.recommend.decision import Decision

_FLOAT = Packed("<f")


class Gone(Enum):
    """The one value: there was such a decision, and its person was erased or its key has expired."""

    GONE = "gone"


GONE = Gone.GONE
#: Before and after all ids of decisions.
FIRST, LAST = UUID(int=0), UUID(int=(1 << 128) - 1)


class Receipts(Protocol):
    """Where receipts are kept."""

    def find(self, decision: UUID) -> Decision | Gone | None:
        """None for one that there is not. Raises UnavailableError."""

    def of_person(self, streams: Sequence[UUID], limit: int) -> Sequence[Decision | Gone]:
        """The latest first. Raises UnavailableError."""


class ShownItem(msgspec.Struct, frozen=True):
    """An item as it was shown. ``propensity``: the chance that it had of standing there."""

    slot: int
    sku: str
    score: float
    propensity: float
    source: str
    reason: str
    because: str | None


class Told(msgspec.Struct, frozen=True):
    """A decision in full, as compliance and engineers read it. ``generations`` by name."""

    decision_id: UUID
    placement: str
    at_ms: int
    person_id: UUID | None
    streams: dict[str, int]
    served: str
    degraded: tuple[str, ...]
    arms: dict[str, str]
    items: tuple[ShownItem, ...]
    asked: dict[str, Any]
    generations: dict[str, str | int]
    numerics: str
    repeats: UUID | None = None


def told(decision: Decision) -> Told:
    """In plain numbers and words."""
    asked = {
        name: getattr(decision, name)
        for name in ("limit", "item", "skus", "category", "store", "device", "channel", "opted_out")
        if getattr(decision, name)
    }
    items = tuple(
        ShownItem(
            slot,
            item.sku,
            _FLOAT.unpack(item.score)[0],
            _FLOAT.unpack(item.propensity)[0],
            item.source,
            item.reason,
            item.because,
        )
        for slot, item in enumerate(decision.items, 1)
    )
    return Told(
        decision.decision_id,
        decision.placement,
        decision.at_ms,
        decision.person_id,
        {str(stream): version for stream, version in decision.streams},
        decision.rung,
        decision.degraded,
        decision.arms,
        items,
        asked,
        msgspec.structs.asdict(decision.generations),
        decision.numerics,
        decision.repeats,
    )
