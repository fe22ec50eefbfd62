"""The ecommerce events (version 2 of the spec). An amount without a currency is in the shop's own."""

from typing import Any

import msgspec

from adapters.channels.items import BadItemError, cents, currency, text, whole
from adapters.channels.segment.messages import Item, Product, Properties
from commands.browse import BrowseCategory, RecordSearch, RecordView
from commands.cart import AddToCart, RemoveFromCart, ReplaceCart, StartCheckout
from commands.command import Command
from commands.order import PlaceOrder, ReturnLines

_PRODUCT = msgspec.json.Decoder(Product)
_PROPERTIES = msgspec.json.Decoder(Properties)


def viewed(item: Item) -> list[Command]:
    """RecordView."""
    product = item.properties(_PRODUCT)
    facts = item.base | item.where
    facts |= {"sku": _sku(product), "category": text(product.category), "brand": text(product.brand)}
    if product.price is not None:
        code = _currency(item, product.currency)
        facts |= {"price_cents": cents(product.price, code, "properties.price"), "currency": code}
    return [RecordView.model_validate(facts)]


def searched(item: Item) -> list[Command]:
    """RecordSearch."""
    query = (item.properties(_PROPERTIES).query or "").strip()
    return [RecordSearch.model_validate(item.base | {"query": query})]


def browsed(item: Item) -> list[Command]:
    """BrowseCategory: the list's category, else the one that all its products share, else the list's id."""
    told = item.properties(_PROPERTIES)
    shared = {text(product.category) for product in told.products or ()}
    category = text(told.category) or (shared.pop() if len(shared) == 1 else None) or text(told.list_id)
    return [BrowseCategory.model_validate(item.base | {"category": category})]


def added(item: Item) -> list[Command]:
    """AddToCart."""
    product = item.properties(_PRODUCT)
    code = _currency(item, product.currency)
    facts = {"line": _line(product, code, "properties"), "currency": code}
    return [AddToCart.model_validate(item.base | facts)]


def removed(item: Item) -> list[Command]:
    """RemoveFromCart."""
    product = item.properties(_PRODUCT)
    facts = {"sku": _sku(product), "quantity": _quantity(product, "properties")}
    return [RemoveFromCart.model_validate(item.base | facts)]


def cart_viewed(item: Item) -> list[Command]:
    """ReplaceCart, if the event says what is in the cart; else nothing."""
    told = item.properties(_PROPERTIES)
    if told.products is None:
        return []
    code = _currency(item, told.currency)
    return [ReplaceCart.model_validate(item.base | {"lines": _lines(told, code), "currency": code})]


def checkout_started(item: Item) -> list[Command]:
    """StartCheckout."""
    told = item.properties(_PROPERTIES)
    code = _currency(item, told.currency)
    facts = {
        "checkout_id": text(told.checkout_id) or text(told.order_id),
        "lines": _lines(told, code),
        "total_cents": _total(told, code),
        "currency": code,
    }
    return [StartCheckout.model_validate(item.base | facts)]


def ordered(item: Item) -> list[Command]:
    """PlaceOrder."""
    told = item.properties(_PROPERTIES)
    code = _currency(item, told.currency)
    facts = {
        "order_id": text(told.order_id),
        "total_cents": _total(told, code),
        "currency": code,
        "tax_cents": cents(told.tax, code, "properties.tax") or 0,
        "shipping_cents": cents(told.shipping, code, "properties.shipping") or 0,
        "discount_cents": cents(told.discount, code, "properties.discount") or 0,
        "lines": _lines(told, code),
        "store": text(told.affiliation),
    }
    return [PlaceOrder.model_validate(item.base | facts)]


def refunded(item: Item) -> list[Command]:
    """ReturnLines, named by the refund's id, or else by the message: an order may be refunded in parts."""
    told = item.properties(_PROPERTIES)
    refund = text(told.refund_id) or item.base["source_id"].removeprefix("segment:")
    return [_returned(item, told, f"refund:{text(told.order_id)}:{refund}", None)]


def cancelled(item: Item) -> list[Command]:
    """ReturnLines for all of the order, named by the order: it is cancelled once."""
    told = item.properties(_PROPERTIES)
    return [_returned(item, told, f"cancel:{text(told.order_id)}", "cancelled")]


def _returned(item: Item, told: Properties, return_id: str, reason: str | None) -> Command:
    code = _currency(item, told.currency)
    facts = {
        "order_id": text(told.order_id),
        "return_id": return_id,
        "refund_cents": _total(told, code),
        "currency": code,
        "lines": _lines(told, code),
        "reason": reason,
    }
    return ReturnLines.model_validate(item.base | facts)


def _currency(item: Item, code: str | None) -> str:
    return currency(code, "properties.currency", item.currency)


def _total(told: Properties, code: str) -> int | None:
    """``total``, or the nearest that the event names instead."""
    for name in ("total", "value"):
        if (amount := getattr(told, name)) is not None:
            return cents(amount, code, f"properties.{name}")
    if told.revenue is None:
        return None
    parts = (told.revenue, "revenue"), (told.tax, "tax"), (told.shipping, "shipping")
    return sum(cents(amount, code, f"properties.{name}") or 0 for amount, name in parts)


def _sku(product: Product) -> str | None:
    return text(product.sku) or text(product.product_id)


def _quantity(product: Product, path: str) -> int:
    return 1 if product.quantity is None else whole(product.quantity, f"{path}.quantity")


def _lines(told: Properties, code: str) -> list[dict[str, Any]]:
    return [_line(p, code, f"properties.products.{n}") for n, p in enumerate(told.products or ())]


def _line(product: Product, code: str, path: str) -> dict[str, Any]:
    if product.currency is not None and _other(product.currency, code, path):
        raise BadItemError(f"{path}.currency", "differs from the currency of the event")
    return {
        "sku": _sku(product),
        "quantity": _quantity(product, path),
        "price_cents": cents(product.price, code, f"{path}.price"),
        "category": text(product.category),
        "brand": text(product.brand),
        "size": text(product.size),
    }


def _other(said: str, code: str, path: str) -> bool:
    return currency(said, f"{path}.currency", code) != code
