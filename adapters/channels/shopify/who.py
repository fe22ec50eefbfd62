"""Which identifiers a Shopify payload carries."""

from adapters.channels.items import BadItemError, Id, identifiers, text
from adapters.channels.shopify.payloads import Customer, Sale
from domain.identity import Identifier, IdentifierKind


def user(customer_id: Id) -> str | None:
    """A customer's id as a user id; the prefix keeps it apart from other systems' ids."""
    return f"shopify:{customer_id}" if text(customer_id) else None


def of_customer(customer: Customer) -> tuple[Identifier, ...]:
    """Raises BadItemError if nothing names the customer."""
    found = identifiers(
        {
            (IdentifierKind.USER, "id"): user(customer.id),
            (IdentifierKind.EMAIL, "email"): customer.email,
            (IdentifierKind.PHONE, "phone"): customer.phone,
        }
    )
    return _some(found, "id, email or phone is needed")


def of_sale(sale: Sale, own: Id) -> tuple[Identifier, ...]:
    """Of an order or checkout and its ``own`` token. Raises BadItemError if nothing names the buyer."""
    customer = sale.customer or Customer()
    found = identifiers(
        {
            (IdentifierKind.USER, "customer.id"): user(customer.id),
            (IdentifierKind.EMAIL, "email"): text(sale.email) or text(sale.contact_email) or customer.email,
            (IdentifierKind.PHONE, "phone"): text(sale.phone) or customer.phone,
            (IdentifierKind.CART, "cart_token"): sale.cart_token,
            (IdentifierKind.CART, "checkout_token"): own,
        }
    )
    return _some(found, "customer.id, email, phone, cart_token or checkout_token is needed")


def _some(found: tuple[Identifier, ...], needed: str) -> tuple[Identifier, ...]:
    if not found:
        raise BadItemError(needed.partition(",")[0], needed)
    return found
