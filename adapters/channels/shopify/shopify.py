"""The Shopify channel: verify → parse → commands."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from adapters.channels.channel import Delivery, Parsed, RejectedError, Trust
from adapters.channels.clock import Clock
from adapters.channels.items import BadItemError, Paths, collect, read_whole
from adapters.channels.shopify import carts, customers, data_request, orders, products, redaction
from adapters.channels.shopify.payloads import Webhook
from adapters.channels.shopify.signature import header, verify
from commands.command import Command
from domain.money import known_currency

_Reader = tuple[msgspec.json.Decoder[Any], Callable[[Any, Webhook, Clock], list[Command]]]
_TOPICS: dict[str, _Reader] = {
    "orders/create": (orders.DECODER, orders.commands),
    "orders/updated": (orders.DECODER, orders.commands),
    "carts/create": (carts.CART, carts.replaced),
    "carts/update": (carts.CART, carts.replaced),
    "checkouts/create": (carts.CHECKOUT, carts.checkout),
    "checkouts/update": (carts.CHECKOUT, carts.checkout),
    "customers/create": (customers.DECODER, customers.commands),
    "customers/update": (customers.DECODER, customers.commands),
    "customers/data_request": (data_request.DECODER, data_request.commands),
    "products/create": (products.PRODUCT, products.listed),
    "products/update": (products.PRODUCT, products.listed),
    "inventory_items/create": (products.ITEM, products.costed),
    "inventory_items/update": (products.ITEM, products.costed),
    "inventory_levels/update": (products.LEVEL, products.counted),
}
#: Shopify's resources; from the webhooks of the others nothing is recorded.
_RESOURCES = """
    app app_subscriptions attributed_sessions bulk_operations carts checkouts collection_listings
    collections companies company_contacts company_locations customer_account_settings
    customer_groups customer_payment_methods customer_tags customers
    customers_email_marketing_consent customers_marketing_consent disputes domains draft_orders
    fulfillment_events fulfillment_orders fulfillments inventory_items inventory_levels locales
    locations markets order_transactions orders payment_schedules product_feeds product_listings
    products profiles refunds returns reverse_deliveries scheduled_product_listings segments
    selling_plan_groups shop subscription_billing_attempts subscription_contracts tax_partners
    tax_services tender_transactions themes variants
"""
_KNOWN = frozenset(_RESOURCES.split())
#: Orders to erase must not be acknowledged where nobody carries them out.
_PRIVACY = frozenset({"shop/redact"})
REDACT = "customers/redact"
_TOPIC = "X-Shopify-Topic"
_ID = "X-Shopify-Webhook-Id"
_PATHS = Paths(
    source_id=_ID,
    occurred_at="updated_at",
    identifiers="customer",
    lines="line_items",
    order_id="id",
    return_id="refunds.id",
    refund_cents="refunds.transactions",
    total_cents="total_price",
    tax_cents="total_tax",
    shipping_cents="shipping_lines",
    discount_cents="total_discounts",
    store="location_id",
    reason="refunds.note",
    url="landing_site",
    page="landing_site",
    campaign="landing_site",
    referrer="referring_site",
    details="customer",
    checkout_id="token",
    sku="variants.sku",
    category="product_type",
    brand="vendor",
    colour="variants.option",
    size="variants.option",
    product_ref="id",
    stock_ref="variants.inventory_item_id",
    price_cents="variants.price",
    style="tags",
    season="tags",
    introduced_at="published_at",
    cost_cents="cost",
    compare_at_cents="variants.compare_at_price",
    location="location_id",
)


class Shopify:
    """``secret`` is the app's, or several while one is being replaced; ``currency`` is the shop's own."""

    def __init__(self, secret: bytes | Sequence[bytes], *, currency: str = "USD") -> None:
        self._secrets = [secret] if isinstance(secret, bytes) else list(secret)
        if not self._secrets or not all(self._secrets):
            raise ValueError("a secret is needed")
        self._currency = known_currency(currency)

    def verify(self, delivery: Delivery) -> None:
        """Raises RejectedError (401) unless the signature over the raw bytes is right."""
        verify(delivery, self._secrets)

    def parse(self, delivery: Delivery, trust: Trust) -> Parsed:
        """The commands of one webhook: all of them, or one problem. Raises RejectedError."""
        topic = _topic(delivery)
        webhook = Webhook(_id(delivery), self._currency)
        parsed = Parsed()
        if topic == REDACT:
            return _redaction(delivery)
        if topic not in _TOPICS:
            parsed.skipped += 1
            return parsed
        decoder, build = _TOPICS[topic]
        clock = Clock.of(delivery, trust)
        payload = read_whole(decoder, delivery)
        collect(parsed, 0, lambda: build(payload, webhook, clock), _PATHS)
        return parsed


def _redaction(delivery: Delivery) -> Parsed:
    parsed, payload = Parsed(), read_whole(redaction.DECODER, delivery)
    try:
        parsed.redactions.append(redaction.identifiers(payload))
    except BadItemError as error:
        raise RejectedError("customer", str(error)) from None
    return parsed


def _topic(delivery: Delivery) -> str:
    topic = header(delivery, _TOPIC)
    if topic is None:
        raise RejectedError(_TOPIC, "is needed")
    if topic in _PRIVACY:
        raise RejectedError(_TOPIC, "privacy requests are not taken on this route")
    if topic.partition("/")[0] not in _KNOWN:
        raise RejectedError(_TOPIC, "unknown topic")
    return topic


def _id(delivery: Delivery) -> str:
    found = header(delivery, _ID)
    if found is None or len(found) > 200:
        raise RejectedError(_ID, "is needed, at most 200 characters long")
    return found
