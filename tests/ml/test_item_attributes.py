"""A catalogue's items as attributes."""

from typing import Any

from ml.catalogue import BANDS, WORDS, items
from readmodels.catalogue import Listing, Price, ProductRecord


def record(title: str = "", cents: int | None = None, **fields: Any) -> ProductRecord:
    told: dict[str, Any] = {"category": None, "brand": None, "colour": None, "tags": ()} | fields
    listing = Listing(
        0, 0, title, told["category"], told["brand"], told["colour"], None, told["tags"], None, True, None, None
    )
    return ProductRecord(listing=listing, price=None if cents is None else Price(0, 0, cents, "EUR"))


def test_each_field_has_the_codes_of_its_names() -> None:
    records = {
        "A": record("Red Summer Dress", 2_000, category="Dresses", brand="Acme", colour="red", tags=("Boho", "SS24")),
        "B": record("Blue dress", 9_000, category="Dresses", colour="blue", tags=("boho", "season:winter")),
    }
    made = items(["A", "B", "C"], records, {"C": (1, 1, "Hats", "Acme"), "A": (2, 2, "other", "other")})
    told = {
        name: [[names[code] for code in each.codes[a:b]] for a, b in zip(each.indptr, each.indptr[1:], strict=False)]
        for name, names in made.vocabularies.items()
        for each in [made.attributes.fields[name]]
    }
    assert told == {
        "category": [["Dresses"], ["Dresses"], ["Hats"]],
        "brand": [["Acme"], [], ["Acme"]],
        "colour": [["red"], ["blue"], []],
        "season": [["summer"], ["winter"], []],
        "style": [["boho"], ["boho"], []],
    }
    words = made.attributes.fields["words"]
    a, b, c = (set(words.codes[words.indptr[i] : words.indptr[i + 1]].tolist()) for i in range(3))
    assert (len(a), len(b), len(c), len(a & b)) == (3, 2, 0, 1)
    assert words.size == WORDS
    price = made.attributes.fields["price"]
    assert price.indptr.tolist() == [0, 1, 2, 2]
    assert 0 < price.codes[0] < price.codes[1] < BANDS


def test_a_price_ten_times_higher_is_in_a_higher_band_and_none_is_beyond_the_last() -> None:
    skus = [f"{cents}" for cents in (0, 10, 100, 10**5, 10**12)]
    made = items(skus, {sku: record(cents=int(sku)) for sku in skus}, {})
    codes = made.attributes.fields["price"].codes.tolist()
    assert codes == sorted(set(codes))
    assert codes[0] == 0 and codes[-1] == BANDS - 1


def test_no_items_have_no_attributes() -> None:
    made = items([], {}, {})
    assert made.attributes.items == 0
    assert all(len(field.codes) == 0 for field in made.attributes.fields.values())
