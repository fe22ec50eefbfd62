"""Products as codes."""

import numpy as np
import pytest
from msgspec import structs

from ml.content.features import (
    LONGEST_TEXT,
    MOST_TAGS,
    MOST_TOKENS,
    SIZES,
    Described,
    attributes_of,
    band,
    bounded,
    catalogue,
    code,
    coded,
    of_record,
    rows_of,
    seasons,
    styles,
    tokens,
)
from ml.sequences import Attributes, Field
from readmodels.catalogue import Listing, Price, ProductRecord

SKIRT = Described("Linen skirt, blue", "Skirts", "Acme", "Blue", ("midi", "linen", "summer"), 4_900)


def codes_of(field: Field, item: int) -> list[int]:
    return field.codes[field.indptr[item] : field.indptr[item + 1]].tolist()


def test_codes_never_change() -> None:
    assert [code(field, "linen") for field in ("text", "style", "brand")] == [13009, 1235, 2251]
    assert all(0 <= code(field, word) < size for field, size in SIZES.items() for word in ("", "a", "é" * 99))


def test_all_fields_of_a_product_are_coded_and_none_has_to_be_there() -> None:
    found = attributes_of([SKIRT, Described()])
    assert found.items == 2 and set(found.fields) == set(SIZES)
    for name, field in found.fields.items():
        assert field.size == SIZES[name]
        assert len(codes_of(field, 0)) == {"style": 2, "text": 3}.get(name, 1)
        assert codes_of(field, 1) == []


def test_seasons_are_read_from_tags_and_title_and_other_tags_are_styles() -> None:
    one = Described("Red Summer Dress", tags=("Boho", "SS24", "season:winter"))
    assert (seasons(one), styles(one)) == (["summer", "winter"], ["Boho"])
    assert seasons(Described("Fall classic")) == ["autumn"]
    assert seasons(Described("Summerhouse", tags=("awning",))) == []


def test_what_reads_the_same_is_the_same() -> None:
    assert coded("colour", [" BLUE "]) == coded("colour", ["blue"]) == coded("colour", ["\uff42lue"])
    assert coded("colour", ["blue"]) != coded("colour", ["green"])
    assert coded("style", ["midi", "MIDI", None, "", "  "]) == coded("style", ["midi"])
    assert tokens("T-Shirt, t_shirt: 100% COTTON") == ["t", "shirt", "100", "cotton"]


def test_what_comes_from_outside_is_bounded() -> None:
    endless = Described("word " + " ".join(f"w{n}" for n in range(10**5)), tags=tuple(f"s{n}" for n in range(999)))
    found = attributes_of([endless])
    assert len(tokens(endless.title)) == MOST_TOKENS
    assert len(codes_of(found.fields["style"], 0)) <= MOST_TAGS
    assert coded("brand", ["x" * LONGEST_TEXT]) == coded("brand", ["x" * (LONGEST_TEXT + 10**6)])
    assert coded("brand", ["\ud800 broken"]) != []
    many = bounded(Field.of([list(range(200)), [], [7]], 200), most=64)
    assert codes_of(many, 0) == list(range(64)) and codes_of(many, 1) == [] and codes_of(many, 2) == [7]


def test_a_price_twice_as_high_is_two_bands_higher_and_none_is_beyond_the_last() -> None:
    assert [band(cents) for cents in (1, 2, 3, 4, 400, 800)] == [[0], [2], [3], [4], [17], [19]]
    assert band(None) == band(0) == band(-1) == []
    assert band(10**30) == [SIZES["price"] - 1]


def test_rows_are_taken_in_the_order_asked_for() -> None:
    both = attributes_of([SKIRT, Described("Red hat")])
    turned = rows_of(both, np.array([1, 0, 1]))
    assert turned.items == 3
    for name, field in both.fields.items():
        assert [codes_of(turned.fields[name], n) for n in range(3)] == [codes_of(field, n) for n in (1, 0, 1)]


@pytest.mark.parametrize("kept", ["title", "category", "brand", "colour"])
def test_a_product_with_one_field_has_codes_there_alone(kept: str) -> None:
    found = attributes_of([Described(**{kept: "linen"})])
    assert [name for name, field in found.fields.items() if len(field.codes)] == ["text" if kept == "title" else kept]


LISTING = Listing(
    1, 1, "Linen skirt, blue", "Skirts", None, "Blue", "M", ("midi", "linen", "summer"), None, True, None, None
)


def test_a_product_of_the_catalogue_is_described_by_what_is_known_of_it() -> None:
    price = Price(1, 1, 4_900, "EUR")
    assert of_record(ProductRecord(2, "S1", LISTING, price), "Trousers", "Acme") == SKIRT
    assert of_record(ProductRecord(1, "S1", LISTING)).price_cents is None
    assert of_record(ProductRecord(1, "S1", None, price), None, "Acme") == Described(brand="Acme", price_cents=4_900)
    assert of_record(ProductRecord()) == Described()


def test_a_product_has_the_same_codes_whichever_others_there_are_and_in_whatever_order() -> None:
    """So a model that learned from a catalogue can be shown next year's products."""
    records = {
        f"S{n}": ProductRecord(1, f"S{n}", structs.replace(LISTING, title=f"Skirt {n}", tags=("SS24", f"look {n}")))
        for n in range(20)
    }
    whole = catalogue(sorted(records), records, {"S3": (1, 1, "Hats", "Acme"), "told": (1, 1, "Hats", None)})
    alone = attributes_of([of_record(records["S7"]), of_record(records["S3"], "Hats", "Acme")])
    rows = [sorted(records).index(sku) for sku in ("S7", "S3")]
    same(alone, rows_of(whole, np.array(rows)))
    told = catalogue(["told"], {}, {"told": (1, 1, "Hats", None)})
    same(told, attributes_of([Described(category="hats")]))


def same(one: Attributes, other: Attributes) -> None:
    assert (one.items, one.fields.keys()) == (other.items, other.fields.keys())
    for name, field in one.fields.items():
        assert field.size == other.fields[name].size
        assert [codes_of(field, n) for n in range(one.items)] == [
            codes_of(other.fields[name], n) for n in range(one.items)
        ]
