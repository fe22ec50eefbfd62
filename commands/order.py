"""Sales and returns, online and at tills."""

from typing import Annotated

from pydantic import Field

from commands.cart import Lines
from commands.command import CustomerCommand
from domain.customer import Customer
from domain.values import Cents, Currency, Line, Name, Text


class PlaceOrder(CustomerCommand):
    """Something was sold. The order id is the one that all systems of the shop use for it."""

    order_id: Name
    total_cents: Cents
    currency: Currency
    tax_cents: Cents = 0
    shipping_cents: Cents = 0
    discount_cents: Cents = 0
    lines: Annotated[tuple[Line, ...], Field(max_length=2000)]
    store: Name | None = None

    def handle(self, customer: Customer) -> None:
        """Records OrderPlaced, once for an order id."""
        customer.place_order(**self.facts())


class ReturnLines(CustomerCommand):
    """Goods or money went back."""

    order_id: Name
    return_id: Name
    refund_cents: Cents
    currency: Currency
    lines: Lines = ()
    reason: Text | None = None

    def handle(self, customer: Customer) -> None:
        """Records LinesReturned, once for a return id."""
        customer.return_lines(**self.facts())
