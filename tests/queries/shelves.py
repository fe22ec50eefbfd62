"""Random catalogues, and an assortment's content in terms that do not depend on the order of rows."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from queries.recommend.assortment import NAMED, Assortment
from readmodels.catalogue import Cost, Count, Listing, Price, ProductRecord

SKUS = ("A", "B", "C", "D", "inventory:1", "inventory:2", "inventory:9")
PLACES = ("", "Rome", "Bari")
SOME = st.sampled_from([None, "x", "y", "z"])


def _records() -> st.SearchStrategy[ProductRecord]:
    listing = st.builds(
        Listing,
        at=st.just(1),
        tag=st.just(1),
        title=st.sampled_from(["A skirt", "Skirt"]),
        category=SOME,
        brand=SOME,
        colour=SOME,
        size=SOME,
        tags=st.sampled_from([(), ("Sale",), ("new",)]),
        image=SOME,
        active=st.booleans(),
        product_ref=SOME,
        stock_ref=st.sampled_from([None, "1", "2", "3"]),
        style=SOME,
        season=SOME,
    )
    currency = st.sampled_from(["EUR", "USD"])
    price = st.builds(Price, st.just(1), st.just(1), st.integers(0, 5), currency, st.none() | st.integers(0, 5))
    return st.builds(
        ProductRecord,
        version=st.integers(1, 9),
        sku=st.sampled_from(SKUS),
        listing=st.none() | listing,
        price=st.none() | price,
        stock=st.dictionaries(
            st.sampled_from(PLACES), st.builds(Count, st.just(1), st.just(1), st.integers(-2, 5)), max_size=3
        ),
        cost=st.none() | st.builds(Cost, st.just(1), st.just(1), st.integers(0, 5), currency),
        introduced_at=st.integers(0, 5),
    )


RECORDS = _records()


def content(of: Assortment) -> dict[str, Any]:
    """All that is known of each SKU; two of the same catalogue are equal, however they were made."""
    rows = np.arange(len(of))
    places = {place: of.stock_at(place, rows) for place in of.sources.stores.names}
    columns = ("tie", "group", "cents", "compare_at", "clearance", "introduced_ms", "available", "active")
    found: dict[str, Any] = {}
    for row, sku in enumerate(of.skus):
        assert of.index[sku] == row
        found[sku] = {
            **{name: of.name(name, row) for name in NAMED},
            **{name: getattr(of, name)[row].item() for name in columns},
            "margin": of.margin[row].tobytes(),
            "stock": {place: int(counts[row]) for place, counts in places.items() if counts[row] >= 0},
            "words": of.words[row],
            "product": of.products[row],
        }
    assert len(found) == len(of)
    return found
