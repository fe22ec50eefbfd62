"""What is asked of a stream that is known already: corrections, objections, and that an export was handed out."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from commands.command import StreamCommand
from domain.customer import Customer
from domain.values import Details, LawfulBasis, Name, Text


class CorrectDetails(StreamCommand):
    """``details`` are right; ``cleared`` names those of which nothing right is known. ``by``: who corrects."""

    details: Details = Details()
    cleared: Annotated[tuple[Name, ...], Field(max_length=len(Details.model_fields))] = ()
    by: Name
    reason: Annotated[Text, Field(min_length=1)]

    @field_validator("cleared")
    @classmethod
    def _known(cls, cleared: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(cleared) - Details.model_fields.keys():
            raise ValueError(f"{len(unknown)} of them are no details")
        return tuple(sorted(set(cleared)))

    @model_validator(mode="after")
    def _something(self) -> "CorrectDetails":
        said = {name for name, value in self.details.__dict__.items() if value is not None}
        if not said and not self.cleared:
            raise ValueError("nothing is corrected")
        if said & set(self.cleared):
            raise ValueError("a detail is both corrected and cleared")
        return self

    def handle(self, customer: Customer) -> None:
        """Records DetailsCorrected."""
        customer.record(Customer.DetailsCorrected, **self.facts())


class Object(StreamCommand):
    """The person opts out of sharing and profiles, by a signal of their browser."""

    basis: LawfulBasis = LawfulBasis.LEGITIMATE_INTEREST
    policy_version: Name

    def handle(self, customer: Customer) -> None:
        """Records ConsentWithdrawn of sharing, once as long as it stands."""
        customer.opt_out(**self.facts())


class GrantAccess(StreamCommand):
    """What is known was handed out. ``by``: who did it."""

    request_id: Name | None = None
    by: Name

    def handle(self, customer: Customer) -> None:
        """Records AccessGranted."""
        customer.record(Customer.AccessGranted, **self.facts())
