"""customers/redact: the shop asks that a customer be erased. What the shop keeps for the law it asks to have kept here:
orders to redact are not looked at one by one, as no more than their ledger fields stays in any case."""

import msgspec

from adapters.channels.items import Id
from adapters.channels.shopify import who
from adapters.channels.shopify.payloads import Customer
from domain.identity import Identifier


class Named(msgspec.Struct, frozen=True):
    """The customer, as the request names them."""

    id: Id = None
    email: str | None = None
    phone: str | None = None


class Redaction(msgspec.Struct, frozen=True):
    """The part of the payload that is of interest."""

    customer: Named


DECODER = msgspec.json.Decoder(Redaction)


def identifiers(redaction: Redaction) -> tuple[Identifier, ...]:
    """Whom it is about. Raises BadItemError if nothing names them."""
    named = redaction.customer
    return who.of_customer(Customer(id=named.id, email=named.email, phone=named.phone))
