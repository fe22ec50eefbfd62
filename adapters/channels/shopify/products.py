"""Products, costs and stock.

Inventory items say what a piece costs. Inventory levels are the truth about stock: the sums that product webhooks carry
lag behind and name no location, so they are ignored.
"""

from datetime import datetime

import msgspec

from adapters.channels.clock import Clock, parse
from adapters.channels.items import BadItemError, cents, text
from adapters.channels.shopify.payloads import Facts, InventoryItem, InventoryLevel, Product, Variant, Webhook
from commands.command import Command
from commands.stock import ChangePrice, CountStock, ListProduct, TellCost, inventory_key
from domain.product import said_by_tags

PRODUCT = msgspec.json.Decoder(Product)
ITEM = msgspec.json.Decoder(InventoryItem)
LEVEL = msgspec.json.Decoder(InventoryLevel)
_COLOUR = frozenset({"color", "colour"})
_SIZE = frozenset({"size"})
_ONLY_VARIANT = "Default Title"


def listed(product: Product, webhook: Webhook, clock: Clock) -> list[Command]:
    """ListProduct and ChangePrice for each variant. Raises BadItemError."""
    when = clock.read(text(product.updated_at) or text(product.created_at), "updated_at")
    listing = {"introduced_at": _introduced(product, clock)}
    found: list[Command] = []
    for n, variant in enumerate(product.variants):
        sku = text(variant.sku) or (f"variant:{variant.id}" if text(variant.id) else None)
        if sku is None:
            raise BadItemError(f"variants.{n}.sku", "sku or id is needed")
        base: Facts = {"source_id": webhook.source(), "occurred_at": when, "sku": sku}
        found.append(ListProduct.model_validate(base | listing | _listing(product, variant)))
        if variant.price is not None:
            facts = {"source_id": webhook.source()} | _price(variant, webhook, f"variants.{n}")
            found.append(ChangePrice.model_validate(base | facts))
    return found


def costed(item: InventoryItem, webhook: Webhook, clock: Clock) -> list[Command]:
    """TellCost; nothing for an item whose cost nobody entered. Raises BadItemError."""
    if text(item.id) is None:
        raise BadItemError("id", "is needed")
    if item.cost is None:
        return []
    facts = {
        "source_id": webhook.source(),
        "occurred_at": clock.read(text(item.updated_at), "updated_at"),
        "sku": inventory_key(text(item.id) or ""),
        "cost_cents": cents(item.cost, webhook.currency, "cost"),
        "currency": webhook.currency,
    }
    return [TellCost.model_validate(facts)]


def counted(level: InventoryLevel, webhook: Webhook, clock: Clock) -> list[Command]:
    """CountStock; nothing for an item whose stock is not tracked. Raises BadItemError."""
    if text(level.inventory_item_id) is None:
        raise BadItemError("inventory_item_id", "is needed")
    if level.available is None:
        return []
    facts = {
        "source_id": webhook.source(),
        "occurred_at": clock.read(text(level.updated_at), "updated_at"),
        "sku": inventory_key(text(level.inventory_item_id) or ""),
        "location": text(level.location_id),
        "available": level.available,
    }
    return [CountStock.model_validate(facts)]


def _listing(product: Product, variant: Variant) -> Facts:
    title, own = text(product.title), text(variant.title)
    tags = _tags(product.tags)
    style, season = said_by_tags(tags)
    on_sale = product.published_at is not None if product.status is None else product.status == "active"
    return {
        "title": f"{title} / {own}" if title and own and own != _ONLY_VARIANT else title or own,
        "category": text(product.product_type),
        "brand": text(product.vendor),
        "colour": _option(product, variant, _COLOUR),
        "size": _option(product, variant, _SIZE),
        "tags": tags,
        "image": _image(product, variant),
        "active": on_sale,
        "product_ref": text(product.id),
        "stock_ref": text(variant.inventory_item_id),
        "style": style,
        "season": season,
    }


def _introduced(product: Product, clock: Clock) -> datetime | None:
    """When it came, or will come, into the shop; of what is still to come nothing is said."""
    field = "published_at" if text(product.published_at) else "created_at"
    said = text(getattr(product, field))
    when = parse(said, field) if said else None
    return clock.judge(when, field, history=True) if when and when <= clock.received_at else None


def _price(variant: Variant, webhook: Webhook, path: str) -> Facts:
    return {
        "price_cents": cents(variant.price, webhook.currency, f"{path}.price"),
        "currency": webhook.currency,
        "compare_at_cents": cents(variant.compare_at_price, webhook.currency, f"{path}.compare_at_price"),
    }


def _option(product: Product, variant: Variant, names: frozenset[str]) -> str | None:
    values = (variant.option1, variant.option2, variant.option3)
    for n, option in enumerate(product.options, start=1):
        position = option.position or n
        if (option.name or "").casefold() in names and 1 <= position <= len(values):
            return text(values[position - 1])
    return None


def _tags(tags: str | list[str] | None) -> tuple[str, ...]:
    parts = tags.split(",") if isinstance(tags, str) else tags or []
    return tuple(dict.fromkeys(tag.strip() for tag in parts[:250] if tag.strip()))


def _image(product: Product, variant: Variant) -> str | None:
    own = [image.src for image in product.images if image.id is not None and image.id == variant.image_id]
    first = [image.src for image in (product.image, *product.images) if image is not None]
    return next((src for src in (*own, *first) if src), None)
