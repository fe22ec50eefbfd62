"""The catalogue's items as attributes for models: category, brand, colour, price, season, style, words of the title.

Words are hashed and price bands are fixed, so nothing is fitted to items that are not there yet.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from zlib import crc32

from ml.sequences import Attributes, Field
from readmodels.catalogue import ProductRecord

#: Into how many codes the words of titles are hashed.
WORDS = 4096
#: Bands of prices, two to each doubling of the price in minor units.
BANDS = 80
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
Said = Mapping[str, tuple[int, int, str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Items:
    """``attributes`` of the items in the order of their SKUs; ``vocabularies``: field → the names that its codes stand
    for, where they stand for names."""

    attributes: Attributes
    vocabularies: Mapping[str, tuple[str, ...]]


def items(skus: Sequence[str], records: Mapping[str, ProductRecord], said: Said) -> Items:
    """The attributes of items. ``records``: SKU → what the catalogue says; ``said``: SKU → (at, tag, category, brand)
    by the channels, for what the catalogue does not say."""
    fields: dict[str, Field] = {}
    vocabularies: dict[str, tuple[str, ...]] = {}
    rows = [(records.get(sku, ProductRecord()), said.get(sku, (0, 0, None, None))) for sku in skus]
    for name, read in NAMED.items():
        fields[name], vocabularies[name] = _coded([read(record, told) for record, told in rows])
    fields["price"] = Field.of(([_band(r.price.cents)] if r.price else [] for r, _ in rows), BANDS)
    fields["words"] = Field.of((_hashed(r.listing.title) if r.listing else [] for r, _ in rows), WORDS)
    return Items(Attributes(len(skus), fields), vocabularies)


def _coded(names: Sequence[Iterable[str]]) -> tuple[Field, tuple[str, ...]]:
    vocabulary = tuple(sorted({name for each in names for name in each}))
    codes = {name: code for code, name in enumerate(vocabulary)}
    return Field.of((sorted(codes[name] for name in set(each)) for each in names), len(vocabulary)), vocabulary


Told = tuple[int, int, str | None, str | None]


def _category(record: ProductRecord, told: Told) -> list[str]:
    return _some((record.listing.category if record.listing else None) or told[2])


def _brand(record: ProductRecord, told: Told) -> list[str]:
    return _some((record.listing.brand if record.listing else None) or told[3])


def _colour(record: ProductRecord, told: Told) -> list[str]:
    return _some(record.listing.colour if record.listing else None)


def _seasons(record: ProductRecord, told: Told) -> list[str]:
    """From the tags and the title: "Summer", "season:AW24"."""
    if record.listing is None:
        return []
    words = [word for text in (*record.listing.tags, record.listing.title) for word in _words(text)]
    return sorted({SEASONS[found[1]] for found in map(_SEASON.fullmatch, words) if found})


def _styles(record: ProductRecord, told: Told) -> list[str]:
    """Tags that name no season."""
    tags = record.listing.tags if record.listing else ()
    return [tag.casefold() for tag in tags if not any(map(_SEASON.fullmatch, _words(tag)))]


NAMED: Mapping[str, Callable[[ProductRecord, Told], list[str]]] = {
    "category": _category,
    "brand": _brand,
    "colour": _colour,
    "season": _seasons,
    "style": _styles,
}


def _some(name: str | None) -> list[str]:
    return [name] if name else []


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _hashed(title: str) -> list[int]:
    """Each word once."""
    return sorted({crc32(word.encode()) % WORDS for word in _words(title)})


def _band(cents: int) -> int:
    return min(BANDS - 1, int(2 * log2(cents + 1)))
