"""What models see of a record at a moment. Training and serving both call ``features``, and so see the same.

Nothing is looked up that is not in the record: no clock, no catalogue, no statistics.
"""

from math import cos, log1p, pi, sin

import msgspec

from readmodels.customer import CustomerRecord, Purchase, View

#: A session ends where nothing happens for so long.
SESSION_GAP_MS = 30 * 60_000
#: Kinds of interaction, in the order of their strength.
VIEW, CART, PURCHASE = 0, 1, 2
KINDS = ("view", "cart", "purchase")
#: A category bought counts so many times a category looked at, as in the profile.
BOUGHT = 5
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_HOURS = tuple((sin(2 * pi * hour / 24), cos(2 * pi * hour / 24)) for hour in range(24))
_WEEKDAYS = tuple((sin(2 * pi * day / 7), cos(2 * pi * day / 7)) for day in range(7))

#: The age band of children: of nobody known to be in it is a profile made.
CHILD = "under 16"
#: (at, tag, part, kind, SKU): ordered by time, then source.
Act = tuple[int, int, int, int, str]

#: The columns of ``Features.values``. Times are UTC; "recent" is within a session's gap before the moment.
NAMES = (
    "views_kept",
    "views_recent",
    "cart_skus",
    "lines_bought_kept",
    "orders_log",
    "hours_since_seen_log",
    "days_since_first_log",
    "viewed_price_log",
    "bought_price_log",
    "searched_recently",
    "checkout_open",
    "impressions_log",
    "clicks_log",
    "member",
    "hour_sin",
    "hour_cos",
    "weekday_sin",
    "weekday_cos",
)


class Features(msgspec.Struct, frozen=True):
    """``acts``: the kept views, additions to the open cart and purchases, in the order of their time. ``categories``:
    category → how often looked at or bought, as channels named it. ``values``: one number for each of ``NAMES``."""

    acts: tuple[Act, ...]
    categories: dict[str, int]
    values: tuple[float, ...]


class Example(msgspec.Struct, frozen=True):
    """An interaction with an item, and what the record was just before it. ``session`` counts a person's sessions and
    ``position`` the interactions of the session before this one, each from 0."""

    at: int
    tag: int
    part: int
    kind: int
    weight: float
    sku: str
    category: str | None
    brand: str | None
    session: int
    position: int
    features: Features


def features(record: CustomerRecord, at_ms: int) -> Features:
    """The features at a moment (milliseconds since 1970) of a record in which only earlier events are."""
    return Features(acts(record), _categories(record), _values(record, at_ms))


def acts(record: CustomerRecord) -> tuple[Act, ...]:
    """All interactions with items that the record keeps, in the order of their time."""
    found = [(v.at, v.tag, 0, VIEW, v.sku) for v in record.views]
    found += [(e.at, e.tag, e.part, CART, e.sku) for e in record.cart if e.quantity > 0]
    found += [(p.at, p.tag, p.part, PURCHASE, p.sku) for p in record.purchases]
    found.sort()
    return tuple(found)


def cart_of(record: CustomerRecord) -> dict[str, int]:
    """SKU → pieces, from what was added and removed since the cart was last cleared, in the order it happened."""
    cart: dict[str, int] = {}
    for entry in reversed(record.cart):
        cart[entry.sku] = max(0, cart.get(entry.sku, 0) + entry.quantity)
    return {sku: quantity for sku, quantity in cart.items() if quantity}


def _categories(record: CustomerRecord) -> dict[str, int]:
    count: dict[str, int] = {}
    for view in record.views:
        if view.category:
            count[view.category] = count.get(view.category, 0) + 1
    for purchase in record.purchases:
        if purchase.category:
            count[purchase.category] = count.get(purchase.category, 0) + BOUGHT
    return count


def _values(record: CustomerRecord, at: int) -> tuple[float, ...]:
    since = at - SESSION_GAP_MS
    return (
        len(record.views),
        _recent(record.views, since),
        len(cart_of(record)) if record.cart else 0,
        len(record.purchases),
        log1p(_orders(record)),
        _since(at - record.last_at, HOUR_MS) if record.last_at else -1.0,
        _since(at - record.first_at, DAY_MS) if record.first_at else -1.0,
        _price(record.views),
        _price(record.purchases),
        float(record.searched_at > since),
        float(record.checkout_at > max(since, record.cart_cleared[0])),
        log1p(record.impressions),
        log1p(record.clicks),
        float(record.loyalty_at > 0),
        *_HOURS[at // HOUR_MS % 24],
        *_WEEKDAYS[at // DAY_MS % 7],
    )


def _recent(views: tuple[View, ...], since: int) -> int:
    """How many are later; the latest come first."""
    for place, view in enumerate(views):
        if view.at <= since:
            return place
    return len(views)


def _orders(record: CustomerRecord) -> int:
    """How many; what two systems report of one order counts once."""
    if not record.orders:
        return 0
    repeated = len(record.orders) - len({order.key for order in record.orders})
    return sum(spend.orders for spend in record.spend) - repeated


def _since(milliseconds: int, unit: int) -> float:
    """As a logarithm, to two digits: nobody is known again by the exact time between two clicks."""
    return round(log1p(max(0, milliseconds) / unit), 2)


def _price(entries: tuple[View, ...] | tuple[Purchase, ...]) -> float:
    """The mean list price in minor units, as a logarithm; 0 where none is known."""
    prices = [entry.cents for entry in entries if entry.cents]
    return log1p(sum(prices) / len(prices)) if prices else 0.0
