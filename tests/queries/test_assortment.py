"""An assortment is the same however its records came, and a change of a few SKUs touches nothing else."""

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from queries.recommend.assortment import Assortment, build, tie
from queries.recommend.coded import CHUNK, Chunked, Codes, Groups
from readmodels.catalogue import Cost, Count, Listing, Price, Product, ProductRecord, products
from tests.queries.shelves import RECORDS, content


def record(sku: str, cents: int = 1000, *, stock: dict[str, int] | None = None, **more: Any) -> ProductRecord:
    said: dict[str, Any] = {"category": "Skirts", "stock_ref": None, "tags": (), "product_ref": None} | more
    listing = Listing(
        1,
        1,
        f"Skirt {sku}",
        said["category"],
        "Acme",
        "red",
        "M",
        said["tags"],
        None,
        True,
        said["product_ref"],
        said["stock_ref"],
    )
    counts = {place: Count(1, 1, count) for place, count in (stock or {}).items()}
    return ProductRecord(
        1, sku, listing, Price(1, 1, cents, "EUR", said.get("compare_at")), counts, said.get("cost"), 5
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(RECORDS, max_size=8), max_size=6), st.integers(0, 5))
def test_any_sequence_of_changes_is_a_build_from_scratch(batches: list[list[ProductRecord]], early: int) -> None:
    found, latest, rows = Assortment.empty(), dict[str, ProductRecord](), dict[str, int]()
    known: list[tuple[Assortment, dict[str, Any]]] = []
    for position, batch in enumerate(batches, 1):
        # As in the log: what was once listed, counted or costed stays so.
        whole = [_grown(latest.get(each.sku), each) for each in _last(batch)]
        stale = [latest[each.sku] for each in whole if each.sku in latest]
        latest |= {each.sku: each for each in whole}
        known.append((found, content(found)))
        found = found.with_changes([*stale, *whole], position)
        rows |= {sku: row for sku, row in found.index.items() if sku not in rows}
        assert dict(found.index) == rows
    assert content(found) == content(build(latest.values(), 9))
    assert {sku: found.on_sale[sku] for sku in found.on_sale} == _truth(latest)
    for row, name in enumerate(found.codes["category"].names):
        at = np.flatnonzero(found.category == row)
        assert found.rows_of(name).tolist() == at.tolist()
    for before, was in known[early:]:  # what was given out never changes
        assert content(before) == was


def _last(batch: list[ProductRecord]) -> list[ProductRecord]:
    return list({each.sku: each for each in batch}.values())


def _grown(before: ProductRecord | None, now: ProductRecord) -> ProductRecord:
    if before is None:
        return now
    return ProductRecord(
        now.version,
        now.sku,
        now.listing or before.listing,
        now.price or before.price,
        {**before.stock, **now.stock},
        now.cost or before.cost,
        now.introduced_at,
    )


def _truth(latest: dict[str, ProductRecord]) -> dict[str, Any]:
    """By the plain function of the read model; what is oversold counts as nothing here."""
    found = products(latest.values())
    return {sku: _floored(product) for sku, product in found.items()}


def _floored(product: Product) -> Product:
    return replace(product, available=None if product.available is None else max(0, product.available))


def test_what_an_inventory_item_says_counts_for_whoever_names_it_first_or_later() -> None:
    item = ProductRecord(1, "inventory:7", stock={"Rome": Count(1, 1, 3)}, cost=Cost(1, 1, 250, "EUR"))
    named = record("A", stock_ref="7")
    for order in ([item, named], [named, item]):
        found = Assortment.empty()
        for position, each in enumerate(order, 1):
            found = found.with_changes([each], position)
        assert (list(found.skus), found.available.tolist(), found.margin.tolist()) == (["A"], [3], [0.75])
    moved = found.with_changes([record("A", stock_ref="8")], 3)
    assert (moved.available.tolist(), np.isnan(moved.margin).tolist()) == ([-1], [True])
    own = moved.with_changes([record("A", stock={"Bari": 9}, stock_ref="7")], 4)
    assert (own.available.tolist(), own.stock_at("Rome", np.array([0])).tolist()) == ([9], [-1])


def test_the_margin_is_unknown_without_a_price_or_in_another_currency() -> None:
    costs = [Cost(1, 1, 400, "EUR"), Cost(1, 1, 400, "USD"), None, Cost(1, 1, 2000, "EUR")]
    found = build(
        [record(str(n), 1000, cost=cost) for n, cost in enumerate(costs)] + [record("free", 0, cost=costs[0])], 1
    )
    assert found.margin.tolist() == pytest.approx([0.6, np.nan, np.nan, -1.0, np.nan], nan_ok=True)


def test_clearance_is_a_lowered_price_or_a_tag() -> None:
    found = build(
        [record("A", compare_at=1200), record("B", compare_at=900), record("C", tags=("Sale",)), record("D")], 1
    )
    assert found.clearance.tolist() == [True, False, True, False]


def test_variants_of_a_product_are_a_group() -> None:
    found = build([record("A", product_ref="p"), record("B", product_ref="p"), record("C")], 1)
    assert found.group[0] == found.group[1] != found.group[2] == found.tie[2] == tie("C")


def test_stock_at_a_location_for_rows_in_any_order_and_twice() -> None:
    found = build(
        [record("A", stock={"Rome": 1, "Bari": 0}), record("B", stock={"": 5}), record("C", stock={"Rome": -2})], 1
    )
    assert found.stock_at("Rome", np.array([2, 0, 1, 0])).tolist() == [0, 1, -1, 1]
    assert found.stock_at("Bari", np.array([0])).tolist() == [0]
    assert found.stock_at("nowhere", np.array([0, 1])).tolist() == [-1, -1]
    assert found.stock_at("Rome", np.array([], dtype=np.int64)).tolist() == []


def test_a_change_of_stock_shares_all_other_columns() -> None:
    found = build([record(str(n), stock={"Rome": n}) for n in range(2000)], 1)
    later = found.with_changes([record("7", stock={"Rome": 99})], 2)
    assert (later.position, int(later.available[7]), int(found.available[7])) == (2, 99, 7)
    for name in ("index", "tie", "category", "cents", "margin", "active", "introduced_ms", "categories"):
        assert getattr(later, name) is getattr(found, name)
    assert found.with_changes([], 1) is found
    with pytest.raises(ValueError, match="read-only"):
        later.available[0] = 1


def test_a_hundred_changes_of_stock_take_little_though_there_are_many_skus() -> None:
    found = build([record(str(n), stock={"Rome": n}) for n in range(50_000)], 1)
    changed = [record(str(n * 100), stock={"Rome": 1}) for n in range(100)]
    took = []
    for position in range(2, 12):
        began = time.perf_counter()
        found.with_changes(changed, position)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.02


@given(st.lists(st.integers(-1, 4)), st.integers(5, 2**16 + 5))
def test_groups_are_the_rows_of_each_code(codes: list[int], names: int) -> None:
    found = Groups.of(np.array(codes, dtype=np.int32), names)
    for code in (*range(5), names - 1):
        assert found.rows(code).tolist() == [row for row, each in enumerate(codes) if each == code]
    assert found.rows(-1).tolist() == []


@given(st.lists(st.tuples(st.dictionaries(st.integers(0, 3 * CHUNK), st.integers()), st.integers(0, CHUNK))))
def test_a_chunked_list_is_a_list(steps: list[tuple[dict[int, int], int]]) -> None:
    plain, chunked = list[int](), Chunked[int]()
    kept: list[tuple[list[int], Chunked[int]]] = []
    for values, more in steps:
        kept.append((list(plain), chunked))
        fitting = {at: value for at, value in values.items() if at < len(plain)}
        for at, value in fitting.items():
            plain[at] = value
        new = list(range(more))
        plain, chunked = plain + new, chunked.put(fitting, new)
    for was, now in [*kept, (plain, chunked)]:
        assert list(now) == was == now[:] == [now[at] for at in range(len(now))]
    with pytest.raises(IndexError):
        chunked[len(plain)]


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(st.none() | st.sampled_from("abcdef")))))
def test_codes_keep_their_numbers_in_whatever_copy_names_are_added(steps: list[tuple[int, list[str | None]]]) -> None:
    plain: list[list[str]] = [[]]
    copies = [Codes()]
    for which, names in steps:
        at = which % len(copies)
        copies.append(copies[at].with_names(names))
        plain.append([*plain[at], *(n for n in dict.fromkeys(names) if n is not None and n not in plain[at])])
    for was, now in zip(plain, copies, strict=True):
        assert (list(now), dict(now)) == (was, {name: number for number, name in enumerate(was)})
        assert [now.code(name) for name in "abcdef"] == [was.index(n) if n in was else -1 for n in "abcdef"]
        assert [name in now for name in "abcdef"] == [name in was for name in "abcdef"]
        assert now.of([*was, None]).tolist() == [*range(len(was)), -1]
