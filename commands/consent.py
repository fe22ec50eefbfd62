"""Consent, given and withdrawn."""

from commands.command import CustomerCommand
from domain.customer import Customer
from domain.values import Channel, ConsentFramework, ConsentString, LawfulBasis, Name, Purpose


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


class OptOut(CustomerCommand):
    """What is known may not be sold or shared, nor profiled (CCPA; Global Privacy Control)."""

    basis: LawfulBasis = LawfulBasis.LEGITIMATE_INTEREST
    policy_version: Name

    def handle(self, customer: Customer) -> None:
        """Records ConsentWithdrawn of sharing, once as long as it stands."""
        customer.opt_out(**self.facts())


class PassConsentString(CustomerCommand):
    """A consent platform's string, as it is."""

    framework: ConsentFramework
    text: ConsentString

    def handle(self, customer: Customer) -> None:
        """Records ConsentStringReceived."""
        customer.record(Customer.ConsentStringReceived, **self.facts())


class RequestAccess(CustomerCommand):
    """Somebody wants to know what is known about them."""

    request_id: Name

    def handle(self, customer: Customer) -> None:
        """Records AccessRequested."""
        customer.record(Customer.AccessRequested, **self.facts())
