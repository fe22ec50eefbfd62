"""The catalogue: later facts win by their own time, however they arrive; kept in step by compare-and-set."""

import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event
from domain.product import Product, product_id
from projections.catalogue import apply
from projections.moment import millis
from projections.ports import Recorded
from projections.project_catalogue import CatalogueProjection
from projections.runner import StoreRestartedError
from projections.versions import GapError
from readmodels.catalogue import ProductRecord, decode, encode, products
from readmodels.stores import Shelved
from tests.projections.facts import START

PRICES = st.builds(lambda cents: (Product.PriceChanged, {"price_cents": cents, "currency": "USD"}), st.integers(1, 9))
COUNTS = st.builds(
    lambda n, where: (Product.StockCounted, {"available": n, "location": where}),
    st.integers(-3, 9),
    st.sampled_from([None, "Rome"]),
)
LISTINGS = st.builds(
    lambda title, active: (Product.Listed, {"title": title, "active": active, "category": "Skirts"}),
    st.sampled_from(["A skirt", "Skirt"]),
    st.booleans(),
)
HAPPENED = st.lists(st.tuples(st.one_of(PRICES, COUNTS, LISTINGS), st.integers(0, 5), st.integers(0, 2)), max_size=20)
SOME = settings(max_examples=80, deadline=None)


class MemoryCatalogueStore:
    """Fields and a position; ``beside`` is done once, before the next write."""

    def __init__(self) -> None:
        self.fields: dict[UUID, bytes] = {}
        self.changes: dict[UUID, int] = {}
        self.at = 0
        self.beside: Any = None

    def position(self) -> int:
        return self.at

    def read(self, streams: Sequence[UUID]) -> dict[UUID, bytes | None]:
        return {stream: self.fields.get(stream) for stream in streams}

    def write(self, was: int, position: int, records: Sequence[Shelved]) -> int:
        if self.beside:
            beside, self.beside = self.beside, None
            beside()
        if was == self.at:
            self.fields |= {each.stream: each.value for each in records}
            self.changes |= {each.stream: each.position for each in records}
            self.at = position
        return self.at


class Log:
    """A catalogue's log, in the order in which it was recorded."""

    def __init__(self, happened: Iterable[tuple[int, tuple[tuple[Any, dict[str, Any]], int, int]]]) -> None:
        shelf: dict[str, Product] = {}
        self.recorded: list[Recorded] = []
        for source, ((kind, fields), minute, which) in happened:
            sku = f"S{which}"
            product = shelf.get(sku) or shelf.setdefault(sku, Product.open(sku, occurred_at=START))
            when = START + timedelta(minutes=minute)
            product.record(kind, source_id=f"s{source}", occurred_at=when, **fields)
            for event in product.collect_events():
                assert isinstance(event, Event)
                self.recorded.append(Recorded(len(self.recorded) + 1, event))

    def streams(self, streams: Sequence[UUID]) -> Iterable[tuple[UUID, list[Event]]]:
        for stream in streams:
            yield stream, [each.event for each in self.recorded if each.event.originator_id == stream]


def folded(log: Log, position: int) -> dict[UUID, bytes]:
    """The catalogue at a position, event by event."""
    records: dict[UUID, ProductRecord] = {}
    for each in log.recorded[:position]:
        stream = each.event.originator_id
        records[stream] = apply(records.get(stream, ProductRecord()), each.event)
    return {stream: encode(record) for stream, record in records.items()}


def stored(log: Log, size: int = 1000) -> dict[UUID, bytes]:
    store = MemoryCatalogueStore()
    projection = CatalogueProjection(store, log)
    for start in range(0, len(log.recorded), size):
        projection.apply(log.recorded[start : start + size])
    return store.fields


@SOME
@given(HAPPENED, st.integers(1, 7), st.randoms(use_true_random=False))
def test_shuffled_in_batches_is_ordered_at_once(happened: Any, size: int, chance: random.Random) -> None:
    numbered = list(enumerate(happened))
    assert stored(Log(chance.sample(numbered, len(numbered))), size) == stored(Log(numbered))


@SOME
@given(HAPPENED, st.integers(0, 20))
def test_repeated_from_anywhere_is_once(happened: Any, start: int) -> None:
    log, store = Log(enumerate(happened)), MemoryCatalogueStore()
    projection = CatalogueProjection(store, log)
    projection.apply(log.recorded)
    before = dict(store.fields)
    projection.apply(log.recorded[start:])
    assert store.fields == before


def price(cents: int, minute: int, which: int = 0) -> Any:
    return (Product.PriceChanged, {"price_cents": cents, "currency": "USD"}), minute, which


def test_the_latest_price_by_its_own_time_wins() -> None:
    (value,) = stored(Log(enumerate([price(5, 9), price(7, 3)]))).values()
    found = decode(value).price
    assert found is not None and found.cents == 5


def test_counts_at_two_places_add_up_and_the_later_count_of_each_wins() -> None:
    def counted(n: int, where: str, minute: int) -> Any:
        return (Product.StockCounted, {"available": n, "location": where}), minute, 0

    listed = (Product.Listed, {"title": "A skirt"}), 0, 0
    log = Log(enumerate([listed, counted(3, "Rome", 5), counted(9, "Rome", 1), counted(2, "Bari", 1)]))
    assert products(map(decode, stored(log).values()))["S0"].available == 5


def test_a_record_that_is_missing_is_refilled_from_the_log_up_to_the_batch_and_never_guessed() -> None:
    log = Log(enumerate([price(5, 1), price(6, 2), price(7, 3)]))
    with pytest.raises(GapError):
        apply(ProductRecord(), log.recorded[2].event)
    store = MemoryCatalogueStore()
    CatalogueProjection(store, log).apply(log.recorded[2:3])
    assert (store.at, store.fields) == (3, folded(log, 3))


@SOME
@given(HAPPENED, st.lists(st.integers(0, 24), max_size=6))
def test_whatever_is_delivered_twice_the_records_are_the_fold_up_to_the_position(
    happened: Any, cuts: list[int]
) -> None:
    log, store = Log(enumerate(happened)), MemoryCatalogueStore()
    for cut in cuts:
        begin = store.at  # a projector begins where the store is, or before
        CatalogueProjection(store, log).apply(log.recorded[max(0, begin - 2) : cut])
        assert store.at == max(begin, min(cut, len(log.recorded)))
        assert store.fields == folded(log, store.at)
        assert store.changes == {each.event.originator_id: each.position for each in log.recorded[: store.at]}


def test_what_is_no_product_moves_the_position_alone() -> None:
    store = MemoryCatalogueStore()
    stranger = Event(originator_id=UUID(int=1), originator_version=1, timestamp=START)
    CatalogueProjection(store, Log([])).apply([Recorded(4, stranger)])
    assert (store.at, store.fields) == (4, {})


def test_another_projector_in_between_does_no_harm() -> None:
    log, store = Log(enumerate([price(5, 1), price(6, 2)])), MemoryCatalogueStore()
    store.beside = lambda: CatalogueProjection(store, log).apply(log.recorded[:2])
    CatalogueProjection(store, log).apply(log.recorded)
    assert (store.at, store.fields) == (3, folded(log, 3))


def test_a_store_that_lost_something_is_not_written_on() -> None:
    log, store = Log(enumerate([price(5, 1), price(6, 2)])), MemoryCatalogueStore()
    projection = CatalogueProjection(store, log)
    projection.apply(log.recorded[:2])
    store.at = 1
    with pytest.raises(StoreRestartedError):
        projection.apply(log.recorded[2:])
    projection.restart()
    assert (projection.position, store.at) == (1, 1)


def test_a_product_came_with_its_first_listing_or_when_the_shop_says() -> None:
    def listed(minute: int, **more: Any) -> Any:
        return (Product.Listed, {"title": "A skirt", **more}), minute, 0

    def came(*happened: Any) -> int:
        (value,) = stored(Log(enumerate(happened))).values()
        return decode(value).introduced_at - millis(START)

    assert came(listed(9), listed(4), price(5, 1)) == 4 * 60_000
    assert came(listed(9), listed(4, introduced_at=START)) == 0


def test_the_latest_cost_by_its_own_time_wins() -> None:
    def costed(cents: int, minute: int) -> Any:
        return (Product.Costed, {"cost_cents": cents, "currency": "USD"}), minute, 0

    (value,) = stored(Log(enumerate([costed(5, 9), costed(7, 3)]))).values()
    found = decode(value).cost
    assert found is not None and found.cents == 5


def test_a_product_is_named_by_its_first_event() -> None:
    fields = stored(Log(enumerate([price(5, 1, which=2)])))
    assert set(fields) == {product_id("S2")}
    record = decode(fields[product_id("S2")])
    assert (record.sku, record.version) == ("S2", 2)
    assert encode(record) == fields[product_id("S2")]
