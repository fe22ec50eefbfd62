"""Recommendations: candidates → scores → policy → the best, each with its reason. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from domain.availability import may_show
from domain.values import Purpose
from ml.nextitem.model import NextItem
from ml.nextitem.score import Scores, score
from queries.answers import Item
from queries.ports import Shop
from readmodels.catalogue import Product
from readmodels.customer import CustomerRecord
from readmodels.features import cart_of


@dataclass(frozen=True, slots=True)
class Seed:
    """Something the person did that speaks for other items, and how to say so."""

    sku: str
    words: str


def recommend(shop: Shop, record: CustomerRecord, *, limit: int, item: str | None = None) -> tuple[Item, ...]:
    """The best ``limit`` SKUs that can be sold now. ``item``: the SKU whose page is shown counts as the latest view.

    A person who withdrew consent to personalisation gets what anybody would get.
    """
    seeds = _seeds(record) if allowed(record, Purpose.PERSONALISATION) else []
    if item is not None:
        seeds = [Seed(item, "Often viewed after"), *(seed for seed in seeds if seed.sku != item)]
    known = [seed for seed in seeds if seed.sku in shop.model.index]
    scores = score(shop.model, [shop.model.index[seed.sku] for seed in known])
    hidden = {item, *cart_of(record)}
    ranked = _sellable(shop, scores, hidden)[:limit]
    return tuple(_item(shop, scores, known, row) for row in ranked)


def allowed(record: CustomerRecord, purpose: Purpose) -> bool:
    """False once the person has withdrawn a purpose, in whatever medium, and not given it again."""
    return all(consent.given for consent in record.consent if consent.purpose == purpose.value)


def _seeds(record: CustomerRecord) -> list[Seed]:
    """What was looked at, put into the cart or bought, latest first; the same SKU counts once, by its latest."""
    acts = [(v.at, v.tag, Seed(v.sku, "Because you looked at")) for v in record.views]
    acts += [(e.at, e.tag, Seed(e.sku, "Goes with your")) for e in record.cart if e.quantity > 0]
    acts += [(p.at, p.tag, Seed(p.sku, "Because you bought")) for p in record.purchases]
    seeds: dict[str, Seed] = {}
    for _, _, seed in sorted(acts, key=lambda act: act[:2], reverse=True):
        seeds.setdefault(seed.sku, seed)
    return list(seeds.values())


def _sellable(shop: Shop, scores: Scores, hidden: set[str | None]) -> list[int]:
    """Rows by falling score, ties by SKU, without what cannot be sold or is not to be shown."""
    skus = shop.model.skus
    order = np.lexsort((np.arange(len(skus)), -scores.total))
    return [int(row) for row in order if skus[row] not in hidden and _on_sale(shop.products.get(skus[row]))]


def _on_sale(product: Product | None) -> bool:
    return product is not None and may_show(product.available)


def _item(shop: Shop, scores: Scores, seeds: Sequence[Seed], row: int) -> Item:
    product = shop.products[shop.model.skus[row]]
    source, reason = _reason(shop.model, shop.products, scores, seeds, row)
    return Item(product.sku, round(float(scores.total[row]), 6), reason, source)


def _reason(
    model: NextItem, products: Mapping[str, Product], scores: Scores, seeds: Sequence[Seed], row: int
) -> tuple[str, str]:
    """The part that contributed most, by name and in words."""
    because = int(scores.because[row])
    if because >= 0 and scores.by_item[row] >= scores.by_popularity[row]:
        seed = seeds[because]
        known = products.get(seed.sku)
        return "co-occurrence", f"{seed.words} {known.title if known else 'something similar'}"
    category = products[model.skus[row]].category
    if category and model.config.affinity * scores.affinity[row] >= 0.5:
        return "category", f"More {category.lower()}, as you look at them most"
    return "popularity", "Popular with other shoppers"
