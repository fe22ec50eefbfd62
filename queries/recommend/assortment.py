"""What the shop sells, as arrays: the catalogue's log folded up to a position, a row for each SKU."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from queries.recommend.coded import Chunked, Codes, Column, Groups, Rows, empty, put
from queries.recommend.sources import Sources, item
from readmodels.catalogue import CLEARANCE, ITEM, Product, ProductRecord

UNKNOWN = -1
NAMED = ("category", "brand", "colour", "style", "season", "currency")


class Words(msgspec.Struct, frozen=True, gc=False):
    """What only whoever shows a product needs."""

    title: str
    image: str | None = None
    size: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Assortment:
    """N rows, of SKUs that are on sale or were, or of which only a price or a count is known. Frozen, as its arrays
    are; a row never changes its SKU.

    ``position``: in the catalogue's log. ``index``: SKU → row. ``tie`` uint64: BLAKE2b-8 of the SKU, which orders rows
    whatever their numbers are; ``group`` uint64: the same of the product whose variant it is. ``category``, ``brand``,
    ``colour``, ``style``, ``season``, ``currency`` int32: codes of ``codes``, -1 none. ``cents`` and ``compare_at``
    int64: the price and the one before, in minor units, -1 unknown. ``margin`` float32: (price - cost) / price, NaN
    unknown. ``clearance`` bool: the shop has lowered the price, or says so in a tag. ``introduced_ms`` int64: since
    1970, 0 where it was never listed. ``available`` int32: how many can be sold, -1 where nobody counts; ``active``
    bool: on sale.
    """

    position: int
    index: Codes
    codes: Mapping[str, Codes]
    tie: NDArray[np.uint64]
    group: NDArray[np.uint64]
    category: NDArray[np.int32]
    brand: NDArray[np.int32]
    colour: NDArray[np.int32]
    style: NDArray[np.int32]
    season: NDArray[np.int32]
    currency: NDArray[np.int32]
    cents: NDArray[np.int64]
    compare_at: NDArray[np.int64]
    margin: NDArray[np.float32]
    clearance: NDArray[np.bool_]
    introduced_ms: NDArray[np.int64]
    available: NDArray[np.int32]
    active: NDArray[np.bool_]
    stock_source: NDArray[np.int32]
    cost_source: NDArray[np.int32]
    words: Chunked[Words]
    sources: Sources
    categories: Groups

    @classmethod
    def empty(cls) -> Self:
        """Nothing, at position 0."""
        codes = {name: Codes() for name in NAMED}
        kinds = dict.fromkeys(NAMED, np.int32) | KINDS
        columns = {name: empty(kind) for name, kind in kinds.items()}
        return cls(
            position=0,
            index=Codes(),
            codes=codes,
            words=Chunked(),
            sources=Sources.none(),
            categories=Groups.of(columns["category"], 0),
            **columns,
        )

    def __len__(self) -> int:
        return len(self.index)

    @property
    def skus(self) -> Sequence[str]:
        """The SKU of each row."""
        return self.index.names

    @property
    def products(self) -> Sequence[Product]:
        """The product of each row; its SKU stands for the title of one that was never listed."""
        return _Products(self)

    @property
    def on_sale(self) -> Mapping[str, Product]:
        """SKU → product, of those that are listed and active."""
        return _OnSale(self)

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """Column of codes → what each code stands for."""
        return {column: codes.names for column, codes in self.codes.items()}

    def tagged(self, tag: str) -> NDArray[np.intp]:
        """The rows that have a tag, whatever its case. Looks at all of them."""
        wanted = tag.casefold()
        return np.array([row for row, said in enumerate(self.words) if wanted in map(str.casefold, said.tags)], np.intp)

    def name(self, column: str, row: int) -> str | None:
        """What a row's code in a column of names stands for."""
        code = int(getattr(self, column)[row])
        return self.codes[column].names[code] if code >= 0 else None

    def rows_of(self, category: str) -> Rows:
        """The rows of a category, ascending; those that are not on sale too."""
        return self.categories.rows(self.codes["category"].code(category))

    def stock_at(self, store: str, rows: NDArray[np.integer]) -> NDArray[np.int32]:
        """How many of these rows are at a location, (K,); -1 where nobody counts there."""
        return self.sources.at(store, self.stock_source[rows].tolist())

    def with_changes(self, changed: Iterable[ProductRecord], position: int) -> "Assortment":
        """The assortment once these records are so, at a later position. What no record changes is shared. Of several
        records of a SKU the last one counts."""
        latest = {record.sku: record for record in changed if record.sku}
        if not latest:
            return self if position == self.position else replace(self, position=position)
        return _changed(self, latest.values(), position)


KINDS = {
    "tie": np.uint64,
    "group": np.uint64,
    "cents": np.int64,
    "compare_at": np.int64,
    "margin": np.float32,
    "clearance": np.bool_,
    "introduced_ms": np.int64,
    "available": np.int32,
    "active": np.bool_,
    "stock_source": np.int32,
    "cost_source": np.int32,
}


def build(records: Iterable[ProductRecord], position: int) -> Assortment:
    """The assortment of a whole catalogue."""
    return Assortment.empty().with_changes(records, position)


def tie(text: str) -> int:
    """64 bits that order SKUs, the same everywhere: BLAKE2b with 8 bytes, big endian."""
    return int(_ties([text])[0])


def _ties(texts: Sequence[str]) -> NDArray[np.uint64]:
    digests = {text: blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in set(texts)}
    return np.frombuffer(b"".join([digests[text] for text in texts]), dtype=">u8").astype(np.uint64)


def _changed(old: Assortment, records: Collection[ProductRecord], position: int) -> Assortment:
    products = [r for r in records if r.listing is not None or not r.sku.startswith(ITEM)]
    index = old.index.with_names(record.sku for record in products)
    rows = index.of(record.sku for record in products).astype(np.int64)
    said, codes = _said(products, records, old.codes)
    items = [item(record.listing.stock_ref) if record.listing else None for record in products]
    sources, touched = old.sources.with_changes(records, items, codes["currency"])
    said |= {
        "stock_source": sources.codes.of(r.sku if r.stock else i for r, i in zip(products, items, strict=True)),
        "cost_source": sources.codes.of(r.sku if r.cost else i for r, i in zip(products, items, strict=True)),
    }
    columns = {name: put(getattr(old, name), rows, values, len(index)) for name, values in said.items()}
    columns |= _joined(old, columns, sources, _affected(columns, sources, rows, touched))
    words = {row: _words(record) for row, record in zip(rows.tolist(), products, strict=True)}
    new = [words.pop(row) for row in range(len(old), len(index))]
    category = columns["category"]
    return replace(
        old,
        position=position,
        index=index,
        codes=codes,
        words=old.words.put(words, new),
        sources=sources,
        categories=old.categories if category is old.category else Groups.of(category, len(codes["category"])),
        **columns,
    )


def _said(
    products: Sequence[ProductRecord], records: Iterable[ProductRecord], codes: Mapping[str, Codes]
) -> tuple[dict[str, Column], dict[str, Codes]]:
    """The columns of what the products say themselves, and the codes with the new names."""
    listings, prices = [r.listing for r in products], [r.price for r in products]
    names: dict[str, list[str | None]] = {
        "category": [each.category if each else None for each in listings],
        "brand": [each.brand if each else None for each in listings],
        "colour": [each.colour if each else None for each in listings],
        "style": [each.style if each else None for each in listings],
        "season": [each.season if each else None for each in listings],
        "currency": [each.currency if each else None for each in prices],
    }
    more = {name: codes[name].with_names(values) for name, values in names.items()}
    more["currency"] = more["currency"].with_names(r.cost.currency for r in records if r.cost)
    refs = [(each.product_ref if each else None) or r.sku for each, r in zip(listings, products, strict=True)]
    said: dict[str, Column] = {name: more[name].of(values) for name, values in names.items()}
    said |= {
        "tie": _ties([r.sku for r in products]),
        "group": _ties(refs),
        "cents": np.array([p.cents if p else UNKNOWN for p in prices], dtype=np.int64),
        "compare_at": np.array(
            [UNKNOWN if p is None or p.compare_at_cents is None else p.compare_at_cents for p in prices], dtype=np.int64
        ),
        "clearance": np.array([_clearance(r) for r in products], dtype=np.bool_),
        "introduced_ms": np.array([r.introduced_at for r in products], dtype=np.int64),
        "active": np.array([each is not None and each.active for each in listings], dtype=np.bool_),
    }
    return said, more


def _clearance(record: ProductRecord) -> bool:
    """A price below the one it is compared with, or a tag that says so."""
    price = record.price
    if price is not None and price.compare_at_cents is not None and price.compare_at_cents > price.cents:
        return True
    return record.listing is not None and _to_go(record.listing.tags)


@lru_cache(4096)
def _to_go(tags: tuple[str, ...]) -> bool:
    return any(tag.casefold() in CLEARANCE for tag in tags)


def _words(record: ProductRecord) -> Words:
    listing = record.listing
    return Words(record.sku) if listing is None else Words(listing.title, listing.image, listing.size, listing.tags)


def _affected(columns: Mapping[str, Column], sources: Sources, rows: Rows, touched: Rows) -> Rows:
    """The rows whose count or margin may have changed: their own, and those that have it from a source that did."""
    changed = np.zeros(len(sources.total) + 1, dtype=np.bool_)  # the last is that of -1
    changed[touched] = True
    affected = changed[columns["stock_source"]] | changed[columns["cost_source"]]
    affected[rows] = True
    return np.flatnonzero(affected)


def _joined(old: Assortment, columns: Mapping[str, Column], sources: Sources, rows: Rows) -> dict[str, Column]:
    """What products have from sources."""
    stock, cost = columns["stock_source"][rows], columns["cost_source"][rows]
    price, length = columns["cents"][rows], len(columns["cents"])
    available = np.append(sources.total, np.int32(UNKNOWN))[stock]
    paid = np.append(sources.cost, UNKNOWN)[cost]
    currency = np.append(sources.currency, np.int32(UNKNOWN))[cost]
    known = (paid >= 0) & (price > 0) & (currency == columns["currency"][rows])
    margin = np.full(len(rows), np.nan, dtype=np.float32)
    margin[known] = (price[known] - paid[known]) / price[known]
    return {
        "available": put(old.available, rows, available, length),
        "margin": put(old.margin, rows, margin, length),
    }


class _Products(Sequence[Product]):
    def __init__(self, assortment: Assortment) -> None:
        self._of = assortment

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, row: int) -> Product:  # type: ignore[override]
        of = self._of
        words, cents, compare_at = of.words[row], int(of.cents[row]), int(of.compare_at[row])
        available = int(of.available[row])
        return Product(
            sku=of.skus[row],
            title=words.title,
            category=of.name("category", row),
            brand=of.name("brand", row),
            colour=of.name("colour", row),
            image=words.image,
            cents=cents if cents >= 0 else None,
            currency=of.name("currency", row),
            compare_at_cents=compare_at if compare_at >= 0 else None,
            available=available if available >= 0 else None,
        )


class _OnSale(Mapping[str, Product]):
    def __init__(self, assortment: Assortment) -> None:
        self._of = assortment

    def __len__(self) -> int:
        return int(np.count_nonzero(self._of.active))

    def __iter__(self) -> Iterator[str]:
        skus = self._of.skus
        return (skus[row] for row in np.flatnonzero(self._of.active).tolist())

    def __getitem__(self, sku: str) -> Product:
        row = self._of.index[sku]
        if not self._of.active[row]:
            raise KeyError(sku)
        return self._of.products[row]

    def __contains__(self, sku: object) -> bool:
        row = self._of.index.get(sku) if isinstance(sku, str) else None
        return row is not None and bool(self._of.active[row])
