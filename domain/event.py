"""What every event and aggregate of the log has in common.

An event class declares two things that can never be changed afterwards, because history is encrypted by them:
for each field whether it is `Ledger` (readable for ever), `Open` (not about a person) or `Sealed` (encrypted),
and for the class the `Retention` after which its key is destroyed. What each field about a person is used for, it says
under ``USES``. A field or class that declares nothing does not import, so the build fails.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from domain.processing import FieldUses, Uses

T = TypeVar("T")


class Visibility(IntEnum):
    """How a field is stored: in clear for the law, in clear because it is nobody's, or encrypted."""

    LEDGER = 1
    OPEN = 2
    SEALED = 3


Ledger = Annotated[T, Visibility.LEDGER]
Open = Annotated[T, Visibility.OPEN]
Sealed = Annotated[T, Visibility.SEALED]


class Retention(IntEnum):
    """Retention classes. A (class, month) has one key; destroying it expires that month. Numbers are stored."""

    PUBLIC = 0  # products, experiments: about nobody, never encrypted, kept
    BEHAVIOUR = 1  # views, searches, carts, exposures
    IDENTITY = 2  # identifiers and links between them, loyalty membership
    TRANSACTION = 3  # orders, returns
    CONSENT = 4  # proof of consent


class UndeclaredError(TypeError):
    """An event class left a field, what it is for, or its retention undeclared."""


class Event(BaseModel, CanMutateAggregate[UUID]):
    """A fact. ``timestamp`` is when it was recorded; ``occurred_at`` when it happened, by its channel's clock."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(str, int))

    RETENTION: ClassVar[Retention]
    USES: ClassVar[FieldUses] = {}
    class_version: ClassVar[int] = 1
    ENVELOPE: ClassVar[frozenset[str]] = frozenset({"originator_id", "originator_version", "timestamp"})

    originator_id: UUID
    originator_version: int
    timestamp: datetime

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Raises UndeclaredError naming the class and the field."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if name not in cls.ENVELOPE and visibility(field) is None:
                raise UndeclaredError(f"{cls.__qualname__}.{name} is neither Ledger, Open nor Sealed")
        if "TOPIC" in cls.__dict__:
            _require_uses(cls)


def _require_uses(cls: type[Event]) -> None:
    if getattr(cls, "RETENTION", None) is None:
        raise UndeclaredError(f"{cls.__qualname__} names no RETENTION")
    if cls.RETENTION is not Retention.PUBLIC:
        known = uses_of(cls)
        for name in cls.model_fields.keys() - cls.ENVELOPE:
            if name not in known:
                raise UndeclaredError(f"{cls.__qualname__}.{name} does not say under USES what it is for")


def uses_of(cls: type[Event]) -> dict[str, Uses]:
    """Field → what it is used for, as the class and those above it say; the nearest word counts."""
    found: dict[str, Uses] = {}
    for base in reversed(cls.__mro__):
        found |= base.__dict__.get("USES", {})
    return found


def visibility(field: FieldInfo) -> Visibility | None:
    """The declared visibility of an event's field, or None."""
    return next((mark for mark in field.metadata if isinstance(mark, Visibility)), None)


class Created(Event, CanInitAggregate[UUID]):
    """The first event of a stream."""

    ENVELOPE: ClassVar[frozenset[str]] = Event.ENVELOPE | {"originator_topic"}

    originator_topic: str


class Aggregate(BaseAggregate[UUID]):
    """Decides what may be recorded. Holds what it needs to decide and nothing else."""

    class Event(Event):
        pass

    def recall(self, ledger: dict[str, Any]) -> None:
        """Takes note of the ledger fields of an event of which nothing else is left."""

    def trigger_event(self, event_class: type[CanMutateAggregate[UUID]], **kwargs: Any) -> None:
        """What the library does, less what it looks up for each event again: an aggregate's classes do not change."""
        kwargs["originator_id"] = self._id
        kwargs["originator_version"] = self._version + 1
        kwargs["timestamp"] = event_class.create_timestamp()
        event = event_class(**kwargs)
        event.mutate(self)
        self._pending_events.append(event)

    def collect_events(self) -> Sequence[CanMutateAggregate[UUID]]:
        """Hands over all pending events."""
        events, self._pending_events = self._pending_events, []
        return events
