"""Products as codes."""

import numpy as np
import pytest

from ml.content.features import (
    LONGEST_TEXT,
    MOST_STYLES,
    MOST_TOKENS,
    SIZES,
    Bands,
    Described,
    bounded,
    code,
    coded,
    describe,
    of_record,
    rows_of,
    tokens,
)
from ml.sequences import Field
from readmodels.catalogue import Listing, Price, ProductRecord

SKIRT = Described("Linen skirt, blue", "Skirts", "Acme", "Blue", ("midi", "linen"), "summer", 4_900)


def codes_of(field: Field, item: int) -> list[int]:
    return field.codes[field.indptr[item] : field.indptr[item + 1]].tolist()


def test_codes_never_change() -> None:
    assert [code(field, "linen") for field in ("text", "style", "brand")] == [13009, 1235, 2251]
    assert all(0 <= code(field, word) < size for field, size in SIZES.items() for word in ("", "a", "é" * 99))


def test_all_fields_of_a_product_are_coded_and_none_has_to_be_there() -> None:
    found = describe([SKIRT, Described()], Bands.of([SKIRT.price_cents]))
    assert found.items == 2 and set(found.fields) == set(SIZES)
    for name, field in found.fields.items():
        assert field.size == SIZES[name]
        assert len(codes_of(field, 0)) == {"style": 2, "text": 3}.get(name, 1)
        assert codes_of(field, 1) == []


def test_what_reads_the_same_is_the_same() -> None:
    assert coded("colour", [" BLUE "]) == coded("colour", ["blue"]) == coded("colour", ["\uff42lue"])
    assert coded("colour", ["blue"]) != coded("colour", ["green"])
    assert coded("style", ["midi", "MIDI", None, "", "  "]) == coded("style", ["midi"])
    assert tokens("T-Shirt, t_shirt: 100% COTTON") == ["t", "shirt", "100", "cotton"]


def test_what_comes_from_outside_is_bounded() -> None:
    endless = Described("word " + " ".join(f"w{n}" for n in range(10**5)), styles=tuple(f"s{n}" for n in range(999)))
    found = describe([endless], Bands())
    assert len(tokens(endless.title)) == MOST_TOKENS
    assert len(codes_of(found.fields["style"], 0)) <= MOST_STYLES
    assert coded("brand", ["x" * LONGEST_TEXT]) == coded("brand", ["x" * (LONGEST_TEXT + 10**6)])
    assert coded("brand", ["\ud800 broken"]) != []
    many = bounded(Field.of([list(range(200)), [], [7]], 200), most=64)
    assert codes_of(many, 0) == list(range(64)) and codes_of(many, 1) == [] and codes_of(many, 2) == [7]


def test_price_bands_hold_about_as_many_prices_each() -> None:
    cents = np.round(np.exp(np.random.default_rng(0).normal(8, 1, size=16_000))).astype(int).tolist()
    bands = Bands.of([*cents, None, 0, -5])
    counts = np.bincount([bands.band(each)[0] for each in cents], minlength=SIZES["price"])
    assert len(counts) == SIZES["price"] and counts.min() > 900 and counts.max() < 1100
    assert bands.band(1) == [0] and bands.band(10**9) == [SIZES["price"] - 1]
    assert bands.band(None) == bands.band(0) == bands.band(-1) == []
    assert Bands.of([]).band(500) == [0] and Bands.of([700] * 9).band(700) == [1]


def test_rows_are_taken_in_the_order_asked_for() -> None:
    both = describe([SKIRT, Described("Red hat")], Bands())
    turned = rows_of(both, np.array([1, 0, 1]))
    assert turned.items == 3
    for name, field in both.fields.items():
        assert [codes_of(turned.fields[name], n) for n in range(3)] == [codes_of(field, n) for n in (1, 0, 1)]


@pytest.mark.parametrize("kept", ["title", "category", "brand", "colour", "season"])
def test_a_product_with_one_field_has_codes_there_alone(kept: str) -> None:
    found = describe([Described(**{kept: "winter"})], Bands())
    assert [name for name, field in found.fields.items() if len(field.codes)] == ["text" if kept == "title" else kept]


def test_a_product_of_the_catalogue_is_described_by_what_is_known_of_it() -> None:
    listing = Listing(
        1, 1, "Linen skirt, blue", "Skirts", "Acme", "Blue", "M", ("midi", "linen"), None, True, None, None
    )
    whole = of_record(ProductRecord(2, "S1", listing, Price(1, 1, 4_900, "EUR")))
    assert whole == Described("Linen skirt, blue", "Skirts", "Acme", "Blue", ("midi", "linen"), None, 4_900)
    assert of_record(ProductRecord(1, "S1", listing)).price_cents is None
    assert of_record(ProductRecord(1, "S1", None, Price(1, 1, 4_900, "EUR"))) == Described(price_cents=4_900)
    assert of_record(ProductRecord()) == Described()
