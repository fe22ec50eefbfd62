"""Orders. What is told of one is named by the order, not by the webhook.

Thus orders/create and every orders/updated ask for the very same facts, in whatever order they come.
"""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.channels.clock import Clock
from adapters.channels.items import BadItemError, cents, count, currency, text
from adapters.channels.links import bare, campaign, query_of
from adapters.channels.shopify import who
from adapters.channels.shopify.payloads import Facts, Line, Order, Refund, Transaction, Webhook
from commands.browse import RecordVisit
from commands.command import Command
from commands.order import PlaceOrder, ReturnLines
from domain.values import Channel

DECODER = msgspec.json.Decoder(Order)


def commands(order: Order, webhook: Webhook, clock: Clock) -> list[Command]:
    """The visit that led to the order, the order, its returns. Old ones are taken if their news is fresh."""
    if text(order.id) is None:
        raise BadItemError("id", "is needed")
    clock.read(order.updated_at, "updated_at")
    placed = text(order.created_at) or text(order.processed_at)
    if placed is None:
        raise BadItemError("created_at", "is needed")
    base: Facts = {
        "source_id": f"shopify:order:{order.id}",
        "occurred_at": clock.read(placed, "created_at", history=True),
        "identifiers": who.of_sale(order, order.checkout_token),
        "channel": Channel.STORE if order.source_name == "pos" else Channel.WEB,
    }
    code = currency(order.currency, "currency", webhook.currency)
    returns = [_refunded(order, n, base, code, clock) for n in range(len(order.refunds or ()))]
    return [
        *_visits(order, base),
        _placed(order, base, code),
        *returns,
        *_cancelled(order, base, code, clock),
    ]


def lines(items: list[Line], code: str, path: str = "line_items") -> list[dict[str, Any]]:
    """Lines as the commands want them; one of quantity 0 is none. Raises BadItemError."""
    found = [_line(item, code, f"{path}.{n}") for n, item in enumerate(items)]
    return [line for line in found if line["quantity"]]


def _line(item: Line, code: str, path: str) -> dict[str, Any]:
    if item.key is None:
        raise BadItemError(f"{path}.sku", "sku, variant_id, product_id or id is needed")
    price = item.price if item.original_price is None else item.original_price
    shares = item.discount_allocations or ()
    allocated = [cents(share.amount, code, f"{path}.discount_allocations") or 0 for share in shares]
    return {
        "sku": item.key,
        "quantity": 1 if item.quantity is None else count(item.quantity, f"{path}.quantity"),
        "price_cents": cents(price, code, f"{path}.price"),
        "discount_cents": sum(allocated) or cents(item.total_discount, code, f"{path}.total_discount") or 0,
        "brand": text(item.vendor),
    }


def _visits(order: Order, base: Facts) -> list[Command]:
    landing, referrer = text(order.landing_site), text(order.referring_site)
    if landing is None and referrer is None:
        return []
    facts = {
        "source_id": f"{base['source_id']}/visit",
        "url": bare(landing, "landing_site"),
        "referrer": bare(referrer, "referring_site"),
        "page": urlsplit(landing or "").path or None,
        "campaign": campaign({}, query_of(landing, "landing_site")),
    }
    return [RecordVisit.model_validate(base | facts)]


def _placed(order: Order, base: Facts, code: str) -> Command:
    shipping = [cents(s.price, code, "shipping_lines.price") or 0 for s in order.shipping_lines or ()]
    facts = {
        "order_id": text(order.id),
        "total_cents": cents(order.total_price, code, "total_price"),
        "currency": code,
        "tax_cents": cents(order.total_tax, code, "total_tax") or 0,
        "shipping_cents": sum(shipping),
        "discount_cents": cents(order.total_discounts, code, "total_discounts") or 0,
        "lines": lines(order.line_items, code),
        "store": text(order.location_id) if base["channel"] is Channel.STORE else None,
    }
    return PlaceOrder.model_validate(base | facts)


def _refunded(order: Order, n: int, base: Facts, code: str, clock: Clock) -> Command:
    refund = (order.refunds or [])[n]
    path, known = f"refunds.{n}", text(refund.id)
    if known is None:
        raise BadItemError(f"{path}.id", "is needed")
    when = text(refund.created_at) or text(refund.processed_at) or order.updated_at
    facts = {
        "source_id": f"shopify:refund:{known}",
        "occurred_at": clock.read(when, f"{path}.created_at", history=True),
        "order_id": text(order.id),
        "return_id": known,
        "refund_cents": _money_back(refund.transactions, code, path),
        "currency": code,
        "lines": lines(_returned(order, refund, path), code, f"{path}.refund_line_items"),
        "reason": text(refund.note),
    }
    return ReturnLines.model_validate(base | facts)


def _returned(order: Order, refund: Refund, path: str) -> list[Line]:
    """The order's own lines with the quantities that came back; discounts stay with the order."""
    bought = {text(line.id): line for line in order.line_items}
    found = []
    for n, line in enumerate(refund.refund_line_items):
        item = bought.get(text(line.line_item_id)) or line.line_item
        if item is None:
            raise BadItemError(f"{path}.refund_line_items.{n}.line_item_id", "is no line of this order")
        found.append(_some_of(item, line.quantity))
    return found


def _some_of(item: Line, quantity: int | str | None) -> Line:
    return msgspec.structs.replace(item, quantity=quantity, total_discount=None, discount_allocations=None)


def _money_back(transactions: list[Transaction], code: str, path: str) -> int:
    paid = [t for t in transactions if t.kind == "refund" and t.status in (None, "success")]
    return sum(cents(t.amount, code, f"{path}.transactions.amount") or 0 for t in paid)


def _cancelled(order: Order, base: Facts, code: str, clock: Clock) -> list[Command]:
    """All that no refund has returned yet; as much money as was sent back beside the refunds."""
    if text(order.cancelled_at) is None:
        return []
    refunds = order.refunds or []
    counted = sum(_money_back(r.transactions, code, "refunds") for r in refunds)
    facts = {
        "source_id": f"shopify:cancel:{order.id}",
        "occurred_at": clock.read(order.cancelled_at, "cancelled_at", history=True),
        "order_id": text(order.id),
        "return_id": f"cancel:{order.id}",
        "refund_cents": max(0, _money_back(order.transactions or [], code, "order") - counted),
        "currency": code,
        "lines": lines(_remaining(order), code),
        "reason": "cancelled",
    }
    return [ReturnLines.model_validate(base | facts)]


def _remaining(order: Order) -> list[Line]:
    back: dict[str | None, int] = {}
    for line in (line for refund in order.refunds or () for line in refund.refund_line_items):
        name = text(line.line_item_id)
        back[name] = back.get(name, 0) + count(line.quantity, "refunds.refund_line_items.quantity")
    left = [
        (line, count(line.quantity or 1, "line_items.quantity") - back.get(text(line.id), 0))
        for line in order.line_items
    ]
    return [_some_of(line, max(0, rest)) for line, rest in left]
