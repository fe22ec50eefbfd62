"""What every command has in common. A command asks for something to be recorded; the domain may refuse."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from domain.customer import Customer
from domain.identity import Identifier
from domain.product import Product
from domain.values import Channel, Sku

SourceId = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Command(BaseModel):
    """``source_id`` names the delivery and the part of it, so that a redelivery is recognised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_id: SourceId
    occurred_at: AwareDatetime


class CustomerCommand(Command):
    """Goes to the stream of the first identifier by precedence; the others are linked to it."""

    identifiers: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=8)]
    channel: Channel

    def facts(self) -> dict[str, Any]:
        """The fields of the event that this command asks for."""
        facts = self.__dict__.copy()  # a tenth of the time that iterating over the model takes
        del facts["identifiers"]
        return facts

    def handle(self, customer: Customer) -> None:
        """Asks the customer to record it. A command that only links asks for nothing more."""


class StreamCommand(Command):
    """Goes to a customer's stream that there is; opens none. ``stream``: any of the person's. Never through Kafka."""

    stream: UUID
    channel: Channel = Channel.SERVICE

    def facts(self) -> dict[str, Any]:
        """The fields of the event that this command asks for."""
        facts = self.__dict__.copy()
        del facts["stream"]
        return facts

    def handle(self, customer: Customer) -> None:
        """Asks the customer to record it."""


class ProductCommand(Command):
    """Goes to the stream of a SKU, or of an inventory item where a system knows no SKU."""

    sku: Sku

    def facts(self) -> dict[str, Any]:
        """The fields of the event that this command asks for."""
        facts = self.__dict__.copy()
        del facts["sku"]
        return facts

    def handle(self, product: Product) -> None:
        """Asks the product to record it."""
