"""What queries need from outside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from domain.event import Event
from domain.identity import Identifier
from readmodels.catalogue import Product
from readmodels.customer import CustomerRecord, combine

if TYPE_CHECKING:  # the models that answer take long to load, and not every process answers
    from queries.recommend.serving import Serving


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the read models know them; ``streams`` is empty for somebody never seen. ``degraded``: servers that
    would be needed to know it better. ``combined``: the record, where whoever read it has combined it already."""

    person_id: UUID
    streams: Mapping[UUID, CustomerRecord]
    degraded: tuple[str, ...] = ()
    combined: CustomerRecord | None = field(default=None, compare=False, repr=False)

    @property
    def record(self) -> CustomerRecord:
        """Of all streams."""
        return self.combined if self.combined is not None else combine(self.streams.values())


@dataclass(frozen=True, slots=True)
class Shop:
    """What can be sold and what is known about it, at one moment: ``products`` by SKU, and all that answers are made
    of."""

    products: Mapping[str, Product]
    serving: "Serving"


class ReadModels(Protocol):
    """Redis, as queries read it."""

    async def shop(self) -> Shop:
        """The catalogue and the model in use. Raises UnavailableError where it was never to be had."""

    def peek(self, stream: UUID) -> Person | None:
        """The person if they are kept in process, without waiting."""

    async def person(self, stream: UUID, *, patient: bool = False) -> tuple[Person, Shop]:
        """Whoever the stream belongs to, and the shop; what was missing is in ``degraded``. ``patient``: rather late
        than less."""

    async def person_with(
        self, stream: UUID, reflects: Callable[[Person], bool], *, within_s: float
    ) -> tuple[Person, bool]:
        """The person as soon as they are as wanted, else as they are when the time is over, and False."""

    async def ready(self) -> str:
        """ "ok", or what is wrong."""


class Directory(Protocol):
    """Identifier → stream, without claiming."""

    async def find(self, identifier: Identifier, *, patient: bool = False) -> UUID | None:
        """None for one never seen. ``patient``: rather late than not at all. Raises UnavailableError."""

    async def claimed(self, identifier: Identifier, *, within_s: float) -> UUID | None:
        """The stream as soon as there is one; None when the time is over, or at once where nobody can say."""


class History(Protocol):
    """The log, by stream."""

    def streams(
        self, streams: Sequence[UUID], topics: Sequence[str] | None = None
    ) -> Iterable[tuple[UUID, list[Event]]]:
        """Each stream that exists with all its events in order, or those of some topics. Raises UnavailableError."""

    def head(self) -> int:
        """The last position. Raises UnavailableError."""
