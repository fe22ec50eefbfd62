"""Who somebody is: links between identifiers, what they told, loyalty."""

from pydantic import ValidationInfo, field_validator

from commands.command import CustomerCommand
from domain.customer import Customer
from domain.identity import Identifier
from domain.values import Details, Name, Text


class Identify(CustomerCommand):
    """All identifiers belong to one person, who may have told something about themselves."""

    details: Details | None = None

    def handle(self, customer: Customer) -> None:
        """Records DetailsGiven where anything was told; the bus has recorded the links."""
        if self.details is not None and self.details != Details():
            customer.record(Customer.DetailsGiven, **self.facts())


class JoinLoyalty(CustomerCommand):
    """The person became a member of the loyalty programme."""

    tier: Name | None = None

    def handle(self, customer: Customer) -> None:
        """Records LoyaltyJoined."""
        customer.record(Customer.LoyaltyJoined, **self.facts())


class UnlinkIdentifier(CustomerCommand):
    """The first identifier and ``other`` are not the same person after all."""

    other: Identifier
    reason: Text

    @field_validator("other")
    @classmethod
    def _another(cls, other: Identifier, info: ValidationInfo) -> Identifier:
        """What the command itself says to be the same cannot be told apart by it."""
        if other in info.data.get("identifiers", ()):
            raise ValueError("is among the identifiers")
        return other
