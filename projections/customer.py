"""The customer fold: event by event, what a stream's record becomes.

Pure, and by event time only: the same events in any order of arrival make the same record.
"""

from datetime import datetime
from functools import singledispatch
from typing import Any

from msgspec.structs import replace

from domain.customer import Customer
from domain.event import Event
from domain.values import Channel, Details, Line
from projections.moment import digest, millis, tag
from projections.versions import advance
from readmodels.customer import (
    CART_ENTRIES,
    ORDERS_KEPT,
    RECENT,
    CartEntry,
    Consent,
    CustomerRecord,
    Latest,
    Order,
    Purchase,
    Return,
    View,
    add,
    consents,
    contexts,
    latest,
    spends,
)

AGE_BANDS = ((18, "under 18"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64"))


def apply(record: CustomerRecord, fact: Event) -> CustomerRecord:
    """The record with one more event in it; an event that it has already changes nothing. Raises GapError."""
    return advance(record, fact, fold)


@singledispatch
def fold(fact: Event, record: CustomerRecord) -> CustomerRecord:
    """Facts of no interest here change nothing but the version."""
    return record


@fold.register
def _(fact: Customer.Opened, record: CustomerRecord) -> CustomerRecord:
    return replace(record, kind=fact.kind.value)


@fold.register
def _(fact: Customer.IdentifierLinked, record: CustomerRecord) -> CustomerRecord:
    return replace(record, links=tuple(sorted({*record.links, fact.other})))


@fold.register
def _(fact: Customer.IdentifierUnlinked, record: CustomerRecord) -> CustomerRecord:
    return replace(record, links=tuple(link for link in record.links if link != fact.other))


@fold.register
def _(fact: Customer.DetailsGiven, record: CustomerRecord) -> CustomerRecord:
    return _seen(fact, record, **_bands(fact.details, fact.occurred_at))


@fold.register
def _(fact: Customer.LoyaltyJoined, record: CustomerRecord) -> CustomerRecord:
    at = millis(fact.occurred_at)
    return _seen(fact, replace(record, loyalty_at=min(at, record.loyalty_at or at)))


@fold.register
def _(fact: Customer.Seen, record: CustomerRecord) -> CustomerRecord:
    return _seen(fact, record, device=fact.device, location=fact.location)


@fold.register
def _(fact: Customer.ProductViewed, record: CustomerRecord) -> CustomerRecord:
    view = View(*_key(fact), fact.sku, fact.category, fact.brand, fact.price_cents)
    record = replace(record, views=latest((*record.views, view), RECENT))
    return _seen(fact, record, device=fact.device, location=fact.location)


@fold.register
def _(fact: Customer.CategoryBrowsed, record: CustomerRecord) -> CustomerRecord:
    browsed = Latest(*_key(fact), fact.category)
    return _seen(fact, replace(record, browsed=max(browsed, record.browsed or browsed)))


@fold.register
def _(fact: Customer.Searched, record: CustomerRecord) -> CustomerRecord:
    return _seen(fact, replace(record, searched_at=max(record.searched_at, millis(fact.occurred_at))))


@fold.register
def _(fact: Customer.AddedToCart, record: CustomerRecord) -> CustomerRecord:
    line = fact.line
    return _seen(fact, _cart(record, CartEntry(*_key(fact), 0, line.sku, line.quantity, line.price_cents)))


@fold.register
def _(fact: Customer.RemovedFromCart, record: CustomerRecord) -> CustomerRecord:
    return _seen(fact, _cart(record, CartEntry(*_key(fact), 0, fact.sku, -fact.quantity)))


@fold.register
def _(fact: Customer.CartReplaced, record: CustomerRecord) -> CustomerRecord:
    key = _key(fact)
    lines = (CartEntry(*key, i, s.sku, s.quantity, s.price_cents) for i, s in enumerate(fact.lines))
    return _seen(fact, _cart(_clear(record, key), *lines))


@fold.register
def _(fact: Customer.CheckoutStarted, record: CustomerRecord) -> CustomerRecord:
    return _seen(fact, replace(record, checkout_at=max(record.checkout_at, millis(fact.occurred_at))))


@fold.register
def _(fact: Customer.OrderPlaced, record: CustomerRecord) -> CustomerRecord:
    """An online order empties the cart; a sale at a till does not."""
    at, tag_ = key = _key(fact)
    listed = sum((s.price_cents or 0) * s.quantity for s in fact.lines)
    discount = fact.discount_cents or sum(s.discount_cents for s in fact.lines)
    order = Order(at, digest(fact.order_id), fact.currency, fact.total_cents, listed, discount)
    sums = {s.currency: [s.orders, s.total, s.refunded, s.listed, s.discount] for s in record.spend}
    add(sums, fact.currency, 1, fact.total_cents, 0, listed, discount)
    bought = (_purchase(at, tag_, part, line) for part, line in enumerate(fact.lines))
    record = replace(
        record,
        spend=spends(sums),
        orders=latest((*record.orders, order), ORDERS_KEPT),
        purchases=latest((*record.purchases, *bought), RECENT),
    )
    return _seen(fact, record if fact.channel is Channel.STORE else _clear(record, key), location=fact.store)


@fold.register
def _(fact: Customer.LinesReturned, record: CustomerRecord) -> CustomerRecord:
    sums = {s.currency: [s.orders, s.total, s.refunded, s.listed, s.discount] for s in record.spend}
    add(sums, fact.currency, 0, 0, fact.refund_cents)
    back = Return(millis(fact.occurred_at), digest(fact.return_id), fact.currency, fact.refund_cents)
    return _seen(fact, replace(record, spend=spends(sums), returns=latest((*record.returns, back), ORDERS_KEPT)))


@fold.register
def _(fact: Customer.ConsentGiven, record: CustomerRecord) -> CustomerRecord:
    return _consent(fact, record, given=True)


@fold.register
def _(fact: Customer.ConsentWithdrawn, record: CustomerRecord) -> CustomerRecord:
    return _consent(fact, record, given=False)


@fold.register
def _(fact: Customer.RecommendationShown, record: CustomerRecord) -> CustomerRecord:
    return _seen(fact, replace(record, impressions=record.impressions + 1))


@fold.register
def _(fact: Customer.RecommendationClicked, record: CustomerRecord) -> CustomerRecord:
    return _seen(fact, replace(record, clicks=record.clicks + 1))


def _key(fact: Customer.Event) -> tuple[int, int]:
    return millis(fact.occurred_at), tag(fact.source_id)


def _seen(fact: Customer.Event, record: CustomerRecord, **context: str | None) -> CustomerRecord:
    """What every fact tells: when something happened, in which channel, and what else is known of the moment."""
    at, tag_ = _key(fact)
    told = {"channel": fact.channel.value, **context}
    now = {name: Latest(at, tag_, value) for name, value in told.items() if value}
    return replace(
        record,
        first_at=min(at, record.first_at or at),
        last_at=max(at, record.last_at),
        context=contexts((record.context, now)),
    )


def _cart(record: CustomerRecord, *entries: CartEntry) -> CustomerRecord:
    kept = (e for e in (*record.cart, *entries) if (e.at, e.tag) >= record.cart_cleared)
    return replace(record, cart=latest(kept, CART_ENTRIES))


def _clear(record: CustomerRecord, key: tuple[int, int]) -> CustomerRecord:
    return _cart(replace(record, cart_cleared=max(key, record.cart_cleared)))


def _purchase(at: int, tag_: int, part: int, line: Line) -> Purchase:
    return Purchase(at, tag_, part, line.sku, line.quantity, line.category, line.brand, line.size, line.price_cents)


def _consent(
    fact: Customer.ConsentGiven | Customer.ConsentWithdrawn, record: CustomerRecord, *, given: bool
) -> CustomerRecord:
    medium = fact.medium.value if fact.medium else ""
    said = Consent(fact.purpose.value, medium, *_key(fact), given, fact.basis.value, fact.policy_version)
    return _seen(fact, replace(record, consent=consents((*record.consent, said))))


def _bands(details: Details, when: datetime) -> dict[str, Any]:
    """Age band, gender and town: no name, street or date of birth."""
    age = details.age
    if details.birth_date is not None:
        born = tuple(int(part) for part in details.birth_date.split("-"))
        age = when.year - born[0] - ((when.month, when.day) < born[1:])
    band = None if age is None else next((name for limit, name in AGE_BANDS if age < limit), "65+")
    home = ", ".join(part for part in (details.city, details.region or details.country) if part)
    return {"age_range": band, "gender": details.gender, "home": home or None}
