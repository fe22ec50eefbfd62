"""Snapshots for tests, and answers of them as a shopper gets them."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from ml.nextitem.model import Config
from queries.answers import Item
from queries.ports import Shop
from queries.recommend.ask import Ask
from queries.recommend.assemble import Assembler, Parts
from queries.recommend.assortment import build
from queries.recommend.decide import decide
from queries.recommend.decision import Decision
from queries.recommend.serving import Serving
from queries.recommend.subject import Subject
from queries.recommender import Clock, Recommender, Unkept, told
from readmodels.catalogue import Cost, Count, Listing, Price, Product, ProductRecord
from readmodels.customer import CustomerRecord
from readmodels.statistics import Statistics

SOMEBODY, ONE = UUID(int=1), UUID(int=2)
AT_MS = 1_790_000_000_000


def sold(
    sku: str,
    available: int | None = 5,
    *,
    title: str = "",
    category: str | None = "Skirts",
    brand: str | None = None,
    colour: str | None = None,
    cents: int | None = 100,
    cost: int | None = None,
    introduced_ms: int = 0,
    stock: Mapping[str, int] | None = None,
    **fields: Any,
) -> ProductRecord:
    """A product's record. ``stock``: pieces by location instead of a number in all."""
    counted = {"": available} if stock is None and available is not None else stock or {}
    listing = Listing(
        1, 1, title or f"Thing {sku}", category, brand, colour, None, (), None, True, None, None, **fields
    )
    return ProductRecord(
        1,
        sku,
        listing,
        None if cents is None else Price(1, 1, cents, "USD"),
        {place: Count(1, 1, pieces) for place, pieces in counted.items()},
        None if cost is None else Cost(1, 1, cost, "USD"),
        introduced_ms,
    )


def snapshot(
    records: Iterable[ProductRecord], counts: Statistics, config: Config | None = None, **parts: Any
) -> Serving:
    """Of products' records and published counts."""
    whole = Parts(assortment=build(records, 1), statistics=counts, digest="d1", config=config or Config(), **parts)
    return Assembler().assemble(whole)


def shop_of(products: Mapping[str, Product], counts: Statistics, config: Config | None = None) -> Shop:
    """As the reader has it."""
    records = [
        sold(p.sku, p.available, title=p.title, category=p.category, brand=p.brand, cents=p.cents)
        for p in products.values()
    ]
    serving = snapshot(records, counts, config)
    return Shop(serving.assortment.on_sale, serving)


def ask(placement: str = "home", limit: int = 20, decision: UUID = ONE, **fields: Any) -> Ask:
    """A request at a fixed moment."""
    return Ask(decision, placement, AT_MS, limit, **fields)


def decided(serving: Serving, record: CustomerRecord, asked: Ask | None = None, **options: Any) -> Decision:
    """For somebody with this record."""
    return decide(serving, asked or ask(), Subject(SOMEBODY, ((SOMEBODY, record.version),), record), **options)


def recommend(shop: Shop, record: CustomerRecord, *, limit: int, item: str | None = None) -> tuple[Item, ...]:
    """For the home page, or a product's."""
    placement = "home" if item is None else "product"
    decision = decided(shop.serving, record, ask(placement, limit, item=item))
    return told(shop.serving, decision, decision.rung, "en").items


def recommender(new_id: UUID = ONE) -> Recommender:
    """Keeps nothing; all its answers have one id and one moment."""
    return Recommender(Unkept(), Clock(lambda: new_id, lambda: AT_MS))
