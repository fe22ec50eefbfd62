"""Carts and checkouts. A cart has no buyer: its token links it to the checkout and the order that follow."""

import msgspec

from adapters.channels.clock import Clock
from adapters.channels.items import BadItemError, cents, currency, identifiers, text
from adapters.channels.shopify import who
from adapters.channels.shopify.orders import lines
from adapters.channels.shopify.payloads import Cart, Line, Sale, Webhook
from commands.cart import ReplaceCart, StartCheckout
from commands.command import Command
from domain.identity import IdentifierKind
from domain.values import Channel

CART = msgspec.json.Decoder(Cart)
CHECKOUT = msgspec.json.Decoder(Sale)


def replaced(cart: Cart, webhook: Webhook, clock: Clock) -> list[Command]:
    """ReplaceCart. Raises BadItemError."""
    named = identifiers({(IdentifierKind.CART, "token"): text(cart.token) or text(cart.id)})
    if not named:
        raise BadItemError("token", "token or id is needed")
    code = currency(_told(cart.line_items), "line_items.price_set.shop_money.currency_code", webhook.currency)
    facts = {
        "source_id": webhook.source(),
        "occurred_at": clock.read(text(cart.updated_at) or text(cart.created_at), "updated_at"),
        "identifiers": named,
        "channel": Channel.WEB,
        "lines": lines(cart.line_items, code),
        "currency": code,
    }
    return [ReplaceCart.model_validate(facts)]


def checkout(sale: Sale, webhook: Webhook, clock: Clock) -> list[Command]:
    """StartCheckout, again at each change: the later ones know more. Raises BadItemError."""
    code = currency(sale.currency, "currency", webhook.currency)
    facts = {
        "source_id": webhook.source(),
        "occurred_at": clock.read(text(sale.updated_at) or text(sale.created_at), "updated_at"),
        "identifiers": who.of_sale(sale, sale.token),
        "channel": Channel.WEB,
        "checkout_id": text(sale.token) or text(sale.id),
        "lines": lines(sale.line_items, code),
        "total_cents": cents(sale.total_price, code, "total_price"),
        "currency": code,
    }
    return [StartCheckout.model_validate(facts)]


def _told(items: list[Line]) -> str | None:
    """The currency that the lines name."""
    sets = [item.price_set.shop_money for item in items if item.price_set and item.price_set.shop_money]
    return next((money.currency_code for money in sets if money.currency_code), None)
