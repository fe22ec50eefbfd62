"""The catalogue fold: what a product's record becomes. Later facts win by their own time."""

from functools import singledispatch
from typing import TypeVar

from msgspec.structs import replace

from domain.event import Event
from domain.product import Product
from projections.moment import millis, tag
from projections.versions import advance
from readmodels.catalogue import Cost, Count, Listing, Price, ProductRecord

T = TypeVar("T", Listing, Price, Cost, Count)


def apply(record: ProductRecord, fact: Event) -> ProductRecord:
    """The record with one more event in it; an event that it has already changes nothing. Raises GapError."""
    return advance(record, fact, fold)


@singledispatch
def fold(fact: Event, record: ProductRecord) -> ProductRecord:
    """Facts of no interest here change nothing but the version."""
    return record


@fold.register
def _(fact: Product.Opened, record: ProductRecord) -> ProductRecord:
    return replace(record, sku=fact.sku)


@fold.register
def _(fact: Product.Listed, record: ProductRecord) -> ProductRecord:
    listing = Listing(
        *_key(fact),
        fact.title,
        fact.category,
        fact.brand,
        fact.colour,
        fact.size,
        fact.tags,
        fact.image,
        fact.active,
        fact.product_ref,
        fact.stock_ref,
        fact.style,
        fact.season,
    )
    since = millis(fact.introduced_at or fact.occurred_at)
    introduced = min(since, record.introduced_at) if record.listing else since
    return replace(record, listing=_later(record.listing, listing), introduced_at=introduced)


@fold.register
def _(fact: Product.PriceChanged, record: ProductRecord) -> ProductRecord:
    price = Price(*_key(fact), fact.price_cents, fact.currency, fact.compare_at_cents)
    return replace(record, price=_later(record.price, price))


@fold.register
def _(fact: Product.Costed, record: ProductRecord) -> ProductRecord:
    return replace(record, cost=_later(record.cost, Cost(*_key(fact), fact.cost_cents, fact.currency)))


@fold.register
def _(fact: Product.StockCounted, record: ProductRecord) -> ProductRecord:
    place = fact.location or ""
    count = _later(record.stock.get(place), Count(*_key(fact), fact.available))
    return replace(record, stock={**record.stock, place: count})


def _later(known: T | None, new: T) -> T:
    return new if known is None or (new.at, new.tag) >= (known.at, known.tag) else known


def _key(fact: Product.Event) -> tuple[int, int]:
    return millis(fact.occurred_at), tag(fact.source_id)
