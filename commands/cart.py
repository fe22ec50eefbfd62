"""What happens to a cart, up to the checkout."""

from typing import Annotated

from pydantic import Field

from commands.command import CustomerCommand
from domain.customer import Customer
from domain.values import Cents, Currency, Line, Name, Quantity, Sku

Lines = Annotated[tuple[Line, ...], Field(max_length=500)]


class AddToCart(CustomerCommand):
    """So many of a SKU were added."""

    line: Line
    currency: Currency | None = None

    def handle(self, customer: Customer) -> None:
        """Records AddedToCart."""
        customer.record(Customer.AddedToCart, **self.facts())


class RemoveFromCart(CustomerCommand):
    """So many of a SKU were removed; more than are there means all."""

    sku: Sku
    quantity: Quantity = 1

    def handle(self, customer: Customer) -> None:
        """Records RemovedFromCart."""
        customer.record(Customer.RemovedFromCart, **self.facts())


class ReplaceCart(CustomerCommand):
    """The cart as a whole, as a shop system reports it."""

    lines: Lines
    currency: Currency | None = None

    def handle(self, customer: Customer) -> None:
        """Records CartReplaced."""
        customer.record(Customer.CartReplaced, **self.facts())


class StartCheckout(CustomerCommand):
    """The customer went to pay."""

    checkout_id: Name | None = None
    lines: Lines = ()
    total_cents: Cents | None = None
    currency: Currency | None = None

    def handle(self, customer: Customer) -> None:
        """Records CheckoutStarted."""
        customer.record(Customer.CheckoutStarted, **self.facts())
