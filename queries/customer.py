"""The unified profile, from a person's record."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from domain.money import from_cents
from readmodels.catalogue import Product
from readmodels.customer import CustomerRecord, Purchase, View, told
from readmodels.features import BOUGHT, SESSION_GAP_MS, cart_of

Act = TypeVar("Act", View, Purchase)
FAVOURITES = 3


def enrich(record: CustomerRecord, products: Mapping[str, Product]) -> CustomerRecord:
    """The record with category, brand and price from the catalogue where the channel named none."""
    return replace(
        record,
        views=tuple(_enriched(view, products.get(view.sku)) for view in record.views),
        purchases=tuple(_enriched(purchase, products.get(purchase.sku)) for purchase in record.purchases),
    )


def _enriched(act: Act, product: Product | None) -> Act:
    if product is None:
        return act
    return replace(
        act,
        category=act.category or product.category,
        brand=act.brand or product.brand,
        cents=product.cents if act.cents is None else act.cents,
    )


def intent(record: CustomerRecord) -> str:
    """What the latest session is about: checkout, cart, search, a category, or nothing in particular."""
    if not record.last_at:
        return "none"
    since = record.last_at - SESSION_GAP_MS
    if record.checkout_at > max(since, record.cart_cleared[0]):
        return "checking_out"
    if any(entry.at > since for entry in record.cart) and cart_of(record):
        return "buying"
    recent = Counter(view.category for view in record.views if view.at > since and view.category)
    if recent:
        return f"browsing_{recent.most_common(1)[0][0].lower().replace(' ', '_')}"
    if record.browsed and record.browsed.at > since:
        return f"browsing_{record.browsed.value.lower().replace(' ', '_')}"
    return "searching" if record.searched_at > since else "none"


def favourites(record: CustomerRecord, what: str) -> list[str]:
    """The categories or brands (``what``) looked at and bought most; a purchase counts ``BOUGHT`` times."""
    count: Counter[str] = Counter()
    for view in record.views:
        count[getattr(view, what) or ""] += 1
    for purchase in record.purchases:
        count[getattr(purchase, what) or ""] += BOUGHT
    count.pop("", None)
    return [name for name, _ in sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))[:FAVOURITES]]


def sizes(record: CustomerRecord) -> dict[str, str]:
    """Category → the size bought last."""
    return {p.category or "other": p.size for p in reversed(record.purchases) if p.size}


def discount_affinity(record: CustomerRecord) -> float | None:
    """The share of list prices that was not paid, 0 … 1; None before the first purchase."""
    listed = sum(s.listed for s in record.spend)
    return round(min(1.0, sum(s.discount for s in record.spend) / listed), 2) if listed else None


def price_sensitivity(record: CustomerRecord) -> str:
    """Whether cheaper things are bought than looked at: high below 80 % of the price, low above the same price."""
    seen = [view.cents for view in record.views if view.cents]
    bought = [p.cents for p in record.purchases if p.cents]
    if not seen or not bought:
        return "unknown"
    ratio = (sum(bought) / len(bought)) / (sum(seen) / len(seen))
    return "high" if ratio < 0.8 else "low" if ratio > 1.0 else "medium"


def behaviour(record: CustomerRecord) -> dict[str, Any]:
    """The behaviour part of the profile. Money by currency, as decimal text; refunds are taken off."""
    net = {s.currency: s.total - s.refunded for s in record.spend}
    return {
        "lifetime_value": {c: str(from_cents(cents, c)) for c, cents in net.items()},
        "order_count": sum(s.orders for s in record.spend),
        "avg_order_value": {
            s.currency: str(from_cents(round(s.total / s.orders), s.currency)) for s in record.spend if s.orders
        },
        "favorite_categories": favourites(record, "category"),
        "size_profile": sizes(record),
        "brand_affinity": favourites(record, "brand"),
        "price_sensitivity": price_sensitivity(record),
        "discount_affinity": discount_affinity(record),
        "loyalty_since": moment(record.loyalty_at),
        "recommendations": {"shown": record.impressions, "clicked": record.clicks},
        "first_seen": moment(record.first_at),
        "last_seen": moment(record.last_at),
    }


def context(record: CustomerRecord, products: Mapping[str, Product]) -> dict[str, Any]:
    """The real-time part of the profile."""
    cart = cart_of(record)
    return {
        "current_session_intent": intent(record),
        "cart_items": [{"sku": sku, "quantity": n, "title": _title(sku, products)} for sku, n in cart.items()],
        "recent_views": [{"sku": v.sku, "at": moment(v.at), "title": _title(v.sku, products)} for v in record.views],
        **{name: record.context[name].value for name in ("channel", "device", "location") if name in record.context},
    }


def demographics(record: CustomerRecord) -> dict[str, str]:
    """Bands that the person or a shop system told."""
    names = {"age_range": "age_range", "gender": "gender", "home": "location"}
    return {shown: value for name, shown in names.items() if (value := told(record, name))}


def moment(millis: int) -> str | None:
    """ISO 8601 in UTC, None for 0."""
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="seconds") if millis else None


def _title(sku: str, products: Mapping[str, Product]) -> str | None:
    return products[sku].title if sku in products else None
