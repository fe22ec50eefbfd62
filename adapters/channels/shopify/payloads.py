"""What of Shopify's payloads is read. Everything else in them is ignored."""

from decimal import Decimal
from typing import Any

import msgspec

from adapters.channels.items import Id, text


class Money(msgspec.Struct):
    amount: Decimal | None = None
    currency_code: str | None = None


class MoneySet(msgspec.Struct):
    shop_money: Money | None = None


class Allocation(msgspec.Struct):
    amount: Decimal | None = None


class Line(msgspec.Struct):
    """A line of an order, cart, checkout or refund. ``quantity`` of an order's line is the original one."""

    id: Id = None
    sku: str | None = None
    variant_id: Id = None
    product_id: Id = None
    quantity: Id = None
    price: Decimal | None = None
    original_price: Decimal | None = None
    total_discount: Decimal | None = None
    discount_allocations: list[Allocation] | None = None
    vendor: str | None = None
    price_set: MoneySet | None = None

    @property
    def key(self) -> str | None:
        """The SKU; for a variant without one its id, for a line without a product its own."""
        if sku := text(self.sku):
            return sku
        for name, value in (("variant", self.variant_id), ("product", self.product_id), ("line", self.id)):
            if value is not None:
                return f"{name}:{value}"
        return None


class Address(msgspec.Struct):
    address1: str | None = None
    city: str | None = None
    province: str | None = None
    country: str | None = None
    country_code: str | None = None
    zip: Id = None


class Marketing(msgspec.Struct):
    state: str | None = None
    consent_updated_at: str | None = None


class Customer(msgspec.Struct):
    id: Id = None
    email: str | None = None
    phone: Id = None
    first_name: str | None = None
    last_name: str | None = None
    updated_at: str | None = None
    created_at: str | None = None
    default_address: Address | None = None
    accepts_marketing: bool | None = None
    accepts_marketing_updated_at: str | None = None
    email_marketing_consent: Marketing | None = None


class RefundLine(msgspec.Struct):
    line_item_id: Id = None
    quantity: Id = None
    line_item: Line | None = None


class Transaction(msgspec.Struct):
    kind: str | None = None
    status: str | None = None
    amount: Decimal | None = None


class Refund(msgspec.Struct):
    id: Id = None
    created_at: str | None = None
    processed_at: str | None = None
    note: str | None = None
    refund_line_items: list[RefundLine] = []
    transactions: list[Transaction] = []


class Shipping(msgspec.Struct):
    price: Decimal | None = None


class Sale(msgspec.Struct):
    """What orders and checkouts share."""

    id: Id = None
    email: str | None = None
    contact_email: str | None = None
    phone: Id = None
    customer: Customer | None = None
    cart_token: Id = None
    checkout_token: Id = None
    token: Id = None
    currency: str | None = None
    total_price: Decimal | None = None
    created_at: str | None = None
    processed_at: str | None = None
    updated_at: str | None = None
    line_items: list[Line] = []


class Order(Sale):
    total_tax: Decimal | None = None
    total_discounts: Decimal | None = None
    shipping_lines: list[Shipping] | None = None
    cancelled_at: str | None = None
    source_name: str | None = None
    location_id: Id = None
    landing_site: str | None = None
    referring_site: str | None = None
    refunds: list[Refund] | None = None
    transactions: list[Transaction] | None = None


class Cart(msgspec.Struct):
    id: Id = None
    token: Id = None
    updated_at: str | None = None
    created_at: str | None = None
    line_items: list[Line] = []


class Option(msgspec.Struct):
    name: str | None = None
    position: int | None = None


class Image(msgspec.Struct):
    id: Id = None
    src: str | None = None


class Variant(msgspec.Struct):
    id: Id = None
    sku: str | None = None
    title: str | None = None
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    inventory_item_id: Id = None
    image_id: Id = None
    option1: str | None = None
    option2: str | None = None
    option3: str | None = None


class Product(msgspec.Struct):
    id: Id = None
    title: str | None = None
    product_type: str | None = None
    vendor: str | None = None
    tags: str | list[str] | None = None
    status: str | None = None
    published_at: str | None = None
    updated_at: str | None = None
    created_at: str | None = None
    options: list[Option] = []
    variants: list[Variant] = []
    image: Image | None = None
    images: list[Image] = []


class InventoryItem(msgspec.Struct):
    id: Id = None
    cost: Decimal | None = None
    updated_at: str | None = None


class InventoryLevel(msgspec.Struct):
    inventory_item_id: Id = None
    location_id: Id = None
    available: int | None = None
    updated_at: str | None = None


class Webhook(msgspec.Struct):
    """What all commands of one webhook share: its id and the currency of amounts that name none."""

    id: str
    currency: str
    count: int = 0

    def source(self) -> str:
        """The source id of the webhook's next command."""
        self.count += 1
        return f"shopify:{self.id}/{self.count}"


Facts = dict[str, Any]
