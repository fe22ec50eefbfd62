"""What the shop sells, as serving needs it."""

from collections.abc import Iterable, Mapping

import msgspec

#: Raised when a record says something else than before; what is stored in another shape is folded anew.
SHAPE = 2
#: What begins the SKU of an inventory item, which is no product: its counts and its cost belong to whoever names it.
ITEM = "inventory:"
#: Tags by which a shop says that a product is to go.
CLEARANCE = frozenset({"clearance", "sale", "final sale", "outlet"})


class Listing(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """The latest description of a product."""

    at: int
    tag: int
    title: str
    category: str | None
    brand: str | None
    colour: str | None
    size: str | None
    tags: tuple[str, ...]
    image: str | None
    active: bool
    product_ref: str | None
    stock_ref: str | None
    style: str | None = None
    season: str | None = None


class Price(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """The latest price, in minor units."""

    at: int
    tag: int
    cents: int
    currency: str
    compare_at_cents: int | None = None


class Cost(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """The latest cost of one piece, in minor units."""

    at: int
    tag: int
    cents: int
    currency: str


class Count(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """The latest count at a location."""

    at: int
    tag: int
    available: int


class ProductRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One product stream: a SKU, or an inventory item whose counts and cost belong to the SKU that names it.
    ``introduced_at``: when it was first on the shelf, ms since 1970, 0 where it never was."""

    version: int = 0
    sku: str = ""
    listing: Listing | None = None
    price: Price | None = None
    stock: dict[str, Count] = {}
    cost: Cost | None = None
    introduced_at: int = 0


class Product(msgspec.Struct, frozen=True):
    """A SKU that can be shown. ``available`` None: nobody counts it."""

    sku: str
    title: str
    category: str | None
    brand: str | None
    colour: str | None
    image: str | None
    cents: int | None
    currency: str | None
    compare_at_cents: int | None
    available: int | None

    @property
    def in_stock(self) -> bool:
        """Whether one can be sold now."""
        return self.available is None or self.available > 0


def encode(record: ProductRecord) -> bytes:
    """4 bytes of version, big endian, then the record."""
    return record.version.to_bytes(4, "big") + _ENCODER.encode(record)


def decode(stored: bytes) -> ProductRecord:
    """The record of ``encode``. Raises msgspec.DecodeError."""
    return _DECODER.decode(stored[4:])


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(ProductRecord)


def products(records: Iterable[ProductRecord]) -> Mapping[str, Product]:
    """SKU → product, for all that are listed and on sale; counts of inventory items joined."""
    records = list(records)
    counted = {r.sku: r.stock for r in records}
    return {r.sku: _product(r, counted) for r in records if r.listing is not None and r.listing.active}


def _product(record: ProductRecord, counted: Mapping[str, dict[str, Count]]) -> Product:
    listing = record.listing
    assert listing is not None
    stock = record.stock or counted.get(f"inventory:{listing.stock_ref}", {})
    price = record.price
    return Product(
        sku=record.sku,
        title=listing.title,
        category=listing.category,
        brand=listing.brand,
        colour=listing.colour,
        image=listing.image,
        cents=price.cents if price else None,
        currency=price.currency if price else None,
        compare_at_cents=price.compare_at_cents if price else None,
        available=sum(c.available for c in stock.values()) if stock else None,
    )
