"""What queries need from outside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.event import Event
from domain.identity import Identifier
from ml.nextitem.model import NextItem
from readmodels.catalogue import Product
from readmodels.customer import CustomerRecord


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the read models know them; ``streams`` is empty for somebody never seen."""

    person_id: UUID
    streams: Mapping[UUID, CustomerRecord]


@dataclass(frozen=True, slots=True)
class Shop:
    """What can be sold and what is known about it, at one moment."""

    products: Mapping[str, Product]
    model: NextItem


class ReadModels(Protocol):
    """Redis, as queries read it."""

    async def shop(self) -> Shop:
        """The catalogue and the model in use. Raises UnavailableError."""

    async def person(self, stream: UUID) -> tuple[Person, Shop]:
        """Whoever the stream belongs to, and the shop, in one round trip. Raises UnavailableError."""

    async def ready(self) -> str:
        """ "ok", or what is wrong."""


class Directory(Protocol):
    """Identifier → stream, without claiming."""

    def find(self, identifier: Identifier) -> UUID | None:
        """None for one never seen. Raises UnavailableError."""


class History(Protocol):
    """The log, by stream."""

    def streams(
        self, streams: Sequence[UUID], topics: Sequence[str] | None = None
    ) -> Iterable[tuple[UUID, list[Event]]]:
        """Each stream that exists with all its events in order, or those of some topics. Raises UnavailableError."""

    def head(self) -> int:
        """The last position. Raises UnavailableError."""
