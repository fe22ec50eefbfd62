"""Consent, given and withdrawn."""

from commands.command import CustomerCommand
from domain.customer import Customer
from domain.values import Channel, LawfulBasis, Name, Purpose


class GiveConsent(CustomerCommand):
    """A purpose may be pursued, in one medium or (None) in all."""

    purpose: Purpose
    medium: Channel | None = None
    basis: LawfulBasis = LawfulBasis.CONSENT
    policy_version: Name

    def handle(self, customer: Customer) -> None:
        """Records ConsentGiven."""
        customer.record(Customer.ConsentGiven, **self.facts())


class WithdrawConsent(CustomerCommand):
    """A purpose may no longer be pursued."""

    purpose: Purpose
    medium: Channel | None = None
    basis: LawfulBasis = LawfulBasis.CONSENT
    policy_version: Name

    def handle(self, customer: Customer) -> None:
        """Records ConsentWithdrawn."""
        customer.record(Customer.ConsentWithdrawn, **self.facts())
