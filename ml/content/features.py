"""What a shop says of its products, as codes. Nothing is fitted and no vocabulary is kept: a value's code is a hash of
it, the same for ever, so a product that comes next year is coded as those were that the model learnt from."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from math import log2

import msgspec
import numpy as np

from ml.sequences import Attributes, Field, Sequences, ragged
from readmodels.catalogue import ProductRecord

#: How many codes a field has.
SIZES = {
    "category": 4096,
    "brand": 16384,
    "colour": 1024,
    "style": 4096,
    "season": 256,
    "price": 80,
    "text": 16384,
}
MOST_TAGS = 16
MOST_TOKENS = 24
#: Codes of one field that count; further ones of an item are left out.
MOST_CODES = 64
LONGEST_TEXT = 1000
SEASONS = {
    "spring": "spring",
    "summer": "summer",
    "autumn": "autumn",
    "fall": "autumn",
    "winter": "winter",
    "ss": "summer",
    "aw": "winter",
    "fw": "winter",
}
_WORD = re.compile(r"[^\W_]+")
_SEASON = re.compile(rf"({'|'.join(SEASONS)})(\d\d|\d{{4}})?")
#: SKU → (at, tag, category, brand): what channels said last of an item.
Said = Mapping[str, tuple[int, int, str | None, str | None]]


class Described(msgspec.Struct, frozen=True):
    """What is known of a product; everything may be missing. ``tags``: as the shop keeps them. ``price_cents``: in the
    shop's currency."""

    title: str | None = None
    category: str | None = None
    brand: str | None = None
    colour: str | None = None
    tags: tuple[str, ...] = ()
    price_cents: int | None = None


def of_record(record: ProductRecord, category: str | None = None, brand: str | None = None) -> Described:
    """What the catalogue says of a product; ``category`` and ``brand`` where it does not say."""
    listing, price = record.listing, record.price
    cents = price.cents if price else None
    if listing is None:
        return Described(category=category, brand=brand, price_cents=cents)
    return Described(
        listing.title, listing.category or category, listing.brand or brand, listing.colour, listing.tags, cents
    )


def catalogue(skus: Sequence[str], records: Mapping[str, ProductRecord], said: Said) -> Attributes:
    """The attributes of the items with these SKUs, a row each. ``records``: SKU → what the catalogue says; ``said``: by
    the channels, for what the catalogue does not say."""
    silent = (0, 0, None, None)
    return attributes_of(of_record(records.get(sku, ProductRecord()), *said.get(sku, silent)[2:]) for sku in skus)


def attributes_of(products: Iterable[Described]) -> Attributes:
    """The attributes of products, a row each: in training and in serving."""
    described = list(products)
    fields = {name: Field.of(map(coder, described), SIZES[name]) for name, coder in CODERS.items()}
    return Attributes(len(described), fields)


def seasons(product: Described) -> list[str]:
    """Those that the tags and the title name: "Summer", "season:AW24"."""
    words = [word for text in (*product.tags[:MOST_TAGS], product.title or "") for word in _words(text)]
    return sorted({SEASONS[found[1]] for found in map(_SEASON.fullmatch, words) if found})


def styles(product: Described) -> list[str]:
    """Tags that name no season."""
    return [tag for tag in product.tags[:MOST_TAGS] if not any(map(_SEASON.fullmatch, _words(tag)))]


def band(cents: int | None) -> list[int]:
    """The band of a price, two to each doubling, as a list of one; none for a price that is missing or not above
    zero."""
    if cents is None or cents <= 0:
        return []
    return [min(SIZES["price"] - 1, int(2 * log2(cents)))]


def coded(field: str, values: Iterable[str | None]) -> list[int]:
    """The codes of a field's values, each once, in order. Letters' cases, widths and blanks at the ends are one."""
    plain = (plainly(each) for each in values if each)
    return sorted({code(field, each) for each in plain if each})


def code(field: str, value: str) -> int:
    """A value's code: BLAKE2b of the value, keyed by the field's name, modulo the field's size."""
    digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8, key=field.encode()).digest()
    return int.from_bytes(digest, "big") % SIZES[field]


def tokens(title: str | None) -> list[str]:
    """The first different words of a title."""
    return list(dict.fromkeys(_words(title or "")))[:MOST_TOKENS]


def _words(text: str) -> list[str]:
    return _WORD.findall(plainly(text))


def plainly(text: str) -> str:
    """One form for what reads the same: NFKC, without case; no longer than ``LONGEST_TEXT``."""
    return unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold().strip()


def bounded(field: Field, most: int = MOST_CODES) -> Field:
    """The field with each item's first ``most`` codes alone."""
    lengths = np.minimum(np.diff(field.indptr), most)
    indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Field(indptr, field.codes[ragged(field.indptr[:-1], lengths)], field.size)


def rows_of(attributes: Attributes, rows: np.ndarray) -> Attributes:
    """The attributes of these items alone, in this order."""
    found = {}
    for name, field in attributes.fields.items():
        some = Sequences(field.indptr, field.codes).take(rows)
        found[name] = Field(some.indptr, some.items, field.size)
    return Attributes(len(rows), found)


CODERS: Mapping[str, Callable[[Described], list[int]]] = {
    "category": lambda product: coded("category", [product.category]),
    "brand": lambda product: coded("brand", [product.brand]),
    "colour": lambda product: coded("colour", [product.colour]),
    "style": lambda product: coded("style", styles(product)),
    "season": lambda product: coded("season", seasons(product)),
    "price": lambda product: band(product.price_cents),
    "text": lambda product: coded("text", tokens(product.title)),
}
