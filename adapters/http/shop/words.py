"""Templates, and the words they use for what was recorded."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.money import from_cents
from queries.answers import LoggedEvent
from readmodels.catalogue import Product

STATIC = Path(__file__).with_name("static")
_NAMES = {
    "customer.opened": "First seen",
    "customer.reopened": "Known again",
    "customer.seen": "Page opened",
    "customer.product_viewed": "Product viewed",
    "customer.category_browsed": "Category browsed",
    "customer.searched": "Searched",
    "customer.added_to_cart": "Added to bag",
    "customer.removed_from_cart": "Removed from bag",
    "customer.cart_replaced": "Bag updated",
    "customer.checkout_started": "Checkout started",
    "customer.order_placed": "Order placed",
    "customer.lines_returned": "Returned",
    "customer.identifier_linked": "Recognised",
    "customer.recommendation_shown": "Recommendations shown",
    "customer.recommendation_clicked": "Recommendation clicked",
}


def event_name(event: LoggedEvent) -> str:
    """What a person calls it."""
    return _NAMES.get(event.name, event.name.rpartition(".")[2].replace("_", " ").capitalize())


def event_facts(event: LoggedEvent, products: Mapping[str, Product]) -> str:
    """What matters of it, in a few words."""
    facts = event.facts
    sku = facts.get("sku") or facts.get("line", {}).get("sku")
    if sku:
        return products[sku].title if sku in products else str(sku)
    if "skus" in facts:
        return f"{how_many(len(facts['skus']))}, {facts.get('placement', '')}"
    if "total_cents" in facts:
        return money(facts["total_cents"], facts.get("currency"))
    return str(facts.get("category") or facts.get("query") or facts.get("page") or facts.get("channel") or "")


def how_many(products: int) -> str:
    """So many products."""
    return f"{products} product{'' if products == 1 else 's'}"


def money(cents: int | None, currency: str | None) -> str:
    """A price as shoppers read it."""
    if cents is None or currency is None:
        return ""
    amount = from_cents(cents, currency)
    return f"${amount:,.2f}" if currency == "USD" else f"{amount:,} {currency}"


def clock(millis: int) -> str:
    """Hours, minutes and seconds of today, else the date too (UTC)."""
    moment = datetime.fromtimestamp(millis / 1000, UTC)
    today = moment.date() == datetime.now(UTC).date()
    return moment.strftime("%H:%M:%S" if today else "%d %b %H:%M")


def path(text: str) -> str:
    """Safe as one part of a URL's path."""
    return quote(text, safe="")


def tone(colour: str | None) -> str:
    """The class of a tile in a product's colour, for where its photo is missing."""
    return f"tone-{colour.lower().replace(' ', '-')}" if colour else ""


def edition() -> str:
    """Changes when a static file does, so that no browser keeps an old one."""
    return sha256(b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))).hexdigest()[:8]


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {
    "event_name": event_name,
    "event_facts": event_facts,
    "money": money,
    "clock": clock,
    "how_many": how_many,
}
_TEMPLATES.globals["edition"] = edition()
_TEMPLATES.filters["path"] = path
_TEMPLATES.filters["tone"] = tone


def render(template: str, **values: Any) -> str:
    """HTML; every value is escaped."""
    return _TEMPLATES.get_template(template).render(**values)
