"""What a shop says of its products, as codes. No vocabulary is kept: a value's code is a hash of it, the same for ever,
so a product that comes next year is coded as those were that the model learnt from."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Self

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
    "price": 16,
    "text": 16384,
}
MOST_STYLES = 16
MOST_TOKENS = 24
#: Codes of one field that count; further ones of an item are left out.
MOST_CODES = 64
LONGEST_TEXT = 1000
_WORD = re.compile(r"[^\W_]+")


class Described(msgspec.Struct, frozen=True):
    """What is known of a product; everything may be missing. ``styles``: tags too. ``price_cents``: in one currency."""

    title: str | None = None
    category: str | None = None
    brand: str | None = None
    colour: str | None = None
    styles: tuple[str, ...] = ()
    season: str | None = None
    price_cents: int | None = None


def of_record(record: ProductRecord) -> Described:
    """What the catalogue says of a product; its tags are taken for styles."""
    listing, price = record.listing, record.price
    cents = price.cents if price else None
    if listing is None:
        return Described(price_cents=cents)
    return Described(listing.title, listing.category, listing.brand, listing.colour, listing.tags, price_cents=cents)


class Bands(msgspec.Struct, frozen=True):
    """Price bands: ``edges`` are logarithms of cents, ascending, with as many prices of the catalogue between any two.

    They are stored with the weights, as a band means something to these weights alone.
    """

    edges: tuple[float, ...] = ()

    @classmethod
    def of(cls, cents: Iterable[int | None]) -> Self:
        """The bands of a catalogue's prices; those that are missing, or are not above zero, do not count."""
        logs = np.log([each for each in cents if each is not None and each > 0])
        if not len(logs):
            return cls()
        return cls(tuple(np.unique(np.quantile(logs, np.arange(1, SIZES["price"]) / SIZES["price"])).tolist()))

    def band(self, cents: int | None) -> list[int]:
        """The band of a price, as a list of one; none for a price that is missing or not above zero."""
        if cents is None or cents <= 0:
            return []
        return [int(np.searchsorted(self.edges, np.log(cents), side="right"))]


def describe(products: Sequence[Described], bands: Bands) -> Attributes:
    """The attributes of products, a row each."""
    coders: dict[str, Callable[[Described], list[int]]] = {
        "category": lambda product: coded("category", [product.category]),
        "brand": lambda product: coded("brand", [product.brand]),
        "colour": lambda product: coded("colour", [product.colour]),
        "style": lambda product: coded("style", product.styles[:MOST_STYLES]),
        "season": lambda product: coded("season", [product.season]),
        "price": lambda product: bands.band(product.price_cents),
        "text": lambda product: coded("text", tokens(product.title)),
    }
    fields = {name: Field.of([coder(each) for each in products], SIZES[name]) for name, coder in coders.items()}
    return Attributes(len(products), fields)


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
    words = _WORD.findall(plainly(title or ""))
    return list(dict.fromkeys(words))[:MOST_TOKENS]


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
