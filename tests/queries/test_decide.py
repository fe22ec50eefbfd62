"""Decisions: the same for the same, whatever order things came in; only what can be sold; each with a reason."""

import random
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queries.recommend.decide import Rung, Without, decide
from queries.recommend.decision import Reason
from queries.recommend.placements import RECIPES
from queries.recommend.segments import segments_of
from queries.recommend.serving import Serving
from queries.recommend.subject import Subject
from queries.recommend.trace import Trace
from queries.recommend.weights import Weights
from readmodels.catalogue import ProductRecord
from readmodels.customer import CartEntry, Consent, CustomerRecord, Latest, Purchase, View
from readmodels.statistics import Statistics
from tests.queries.serving import ask, decided, snapshot, sold

N = 60
SKUS = tuple(f"SKU-{n:03d}" for n in range(N))
SOME = settings(max_examples=60, deadline=None)


def product(n: int, available: int | None = 9, **fields: Any) -> ProductRecord:
    made = {
        "category": ("Dresses", "Shoes", "Bags", "Coats", "Hats")[n % 5],
        "brand": f"B{n % 7}",
        "colour": ("red", "black", "blue")[n % 3],
        "cents": 1_000 + 100 * n,
        "introduced_ms": n,
    }
    return sold(SKUS[n], available, title=f"Thing {n}", **(made | fields))


def counts(seed: int = 1) -> Statistics:
    chance = random.Random(seed)
    rows = [[(j, chance.randrange(1, 9_000)) for j in sorted(chance.sample(range(N), 6))] for _ in range(N)]
    return Statistics.of(SKUS, [chance.randrange(1, 99) for _ in range(N)], rows)


def shop(products: list[ProductRecord] | None = None, **parts: object) -> Serving:
    return snapshot(products or [product(n) for n in range(N)], counts(), **parts)


def looked(*rows: int, **fields: object) -> CustomerRecord:
    views = tuple(View(1_000 - i, 0, SKUS[row]) for i, row in enumerate(rows))
    return CustomerRecord(version=7, first_at=1, last_at=2_000, views=views, **fields)  # type: ignore[arg-type]


RECORDS = st.builds(
    lambda views, cart, bought: looked(
        *views,
        cart=tuple(CartEntry(500 + i, 0, 0, SKUS[n], 1) for i, n in enumerate(cart)),
        purchases=tuple(Purchase(100 + i, 0, 0, SKUS[n], 1) for i, n in enumerate(bought)),
    ),
    st.lists(st.integers(0, N - 1), max_size=8),
    st.lists(st.integers(0, N - 1), max_size=3, unique=True),
    st.lists(st.integers(0, N - 1), max_size=3),
)


@SOME
@given(RECORDS, st.sampled_from(sorted(RECIPES)), st.randoms(use_true_random=False))
def test_the_order_of_rows_is_of_no_matter(record: CustomerRecord, placement: str, chance: random.Random) -> None:
    asked = ask(placement, 12, item=SKUS[4], skus=SKUS[10:40], category="Shoes")
    products = [product(n) for n in range(N)]
    first = decided(shop(products), record, asked)
    chance.shuffle(products)
    assert decided(shop(products), record, asked) == first


@SOME
@given(RECORDS, st.sampled_from(sorted(RECIPES)), st.lists(st.sampled_from((None, 0, 1, 5)), min_size=N, max_size=N))
def test_only_what_can_be_sold_once_and_with_a_reason(
    record: CustomerRecord, placement: str, stock: list[int | None]
) -> None:
    serving = shop([product(n, stock[n]) for n in range(N)])
    decision = decided(serving, record, ask(placement, 12, item=SKUS[4], skus=SKUS[10:40], category="Shoes"))
    shown = [item.sku for item in decision.items]
    assert len(set(shown)) == len(shown) <= 12
    assert all(stock[SKUS.index(sku)] != 0 for sku in shown)
    history = {act.sku for part in (record.views, record.cart, record.purchases) for act in part} | {
        *SKUS[10:40],
        SKUS[4],
    }
    for item in decision.items:
        assert item.reason in set(Reason)
        assert item.because is None or item.because in history or item.because == item.sku
    if placement not in ("search", "category"):
        assert SKUS[4] not in shown or placement == "home_hero"


def test_the_same_question_has_the_same_bytes_for_an_answer() -> None:
    record = looked(3, 9, 3)
    assert decided(shop(), record) == decided(shop(), record)


def test_a_category_has_at_most_three_places_while_others_can_fill_them() -> None:
    serving = shop([product(n, category=f"C{n % 12}") for n in range(N)])
    shown = [SKUS.index(item.sku) % 12 for item in decided(serving, looked(3), ask("home", 20)).items]
    assert max(shown.count(category) for category in shown) <= 3


def test_a_shop_of_two_categories_still_fills_its_page() -> None:
    serving = shop([product(n, category=("X", "Y")[n % 2]) for n in range(N)])
    shown = decided(serving, looked(3), ask("home", 20)).items
    assert len(shown) == 20
    halves = [SKUS.index(item.sku) % 2 for item in shown]
    assert abs(halves.count(0) - halves.count(1)) <= 1


def test_complete_the_look_is_of_other_categories() -> None:
    decision = decided(shop(), looked(3), ask("complete_the_look", 8, item=SKUS[5]))
    assert decision.items and all(SKUS.index(item.sku) % 5 != 0 for item in decision.items)


def test_a_search_orders_the_hits_and_adds_none() -> None:
    decision = decided(shop(), looked(3), ask("search", 20, skus=("NO-SUCH", *SKUS[20:30])))
    assert sorted(item.sku for item in decision.items) == list(SKUS[20:30])


def test_in_a_shop_only_what_that_shop_has() -> None:
    serving = shop([product(n, stock={"s1": n % 2, "s2": 1}) for n in range(N)])
    there = decided(serving, looked(3), ask("home", 20, store="s1"))
    assert there.items and all(SKUS.index(item.sku) % 2 == 1 for item in there.items)
    assert decided(serving, looked(3), ask("home", 20, store="s2")).items != there.items


def test_of_a_product_in_many_sizes_one_is_shown() -> None:
    sizes = [product(n) for n in range(N)]
    sizes = [msgspec.structs.replace(p, listing=replaced(p, f"style {n // 4}")) for n, p in enumerate(sizes)]
    shown = [SKUS.index(item.sku) // 4 for item in decided(shop(sizes), looked(3), ask("home", 12)).items]
    assert len(shown) == len(set(shown)) == 12


def replaced(record: ProductRecord, ref: str) -> Any:
    return msgspec.structs.replace(record.listing, product_ref=ref)


def test_money_counts_as_much_as_its_weight_says() -> None:
    cheap, dear = ([product(n, cents=100 if n < 30 else 90_000) for n in range(N)], looked(3))
    flat = Weights(revenue=0, margin=0, clearance=0, relevance=1, diversity=0)
    greedy = Weights(revenue=1, margin=0, clearance=0, relevance=0, diversity=0)
    prices = [
        np.mean([int(SKUS.index(i.sku) >= 30) for i in decided(shop(cheap, weights=w), dear, ask(limit=10)).items])
        for w in (flat, greedy)
    ]
    assert prices[1] > prices[0]


def test_a_last_piece_gives_way() -> None:
    low = [product(n, 1 if n == 0 else 50) for n in range(N)]
    plenty = decided(shop(), looked(3), ask("category", 12, category="Dresses")).items
    scarce = decided(shop(low), looked(3), ask("category", 12, category="Dresses")).items
    assert [i.sku for i in scarce].index(SKUS[0]) >= [i.sku for i in plenty].index(SKUS[0])
    score = {i.sku: np.frombuffer(i.score, "<f4")[0] for i in scarce}
    before = {i.sku: np.frombuffer(i.score, "<f4")[0] for i in plenty}
    assert score[SKUS[0]] == pytest.approx(before[SKUS[0]] / 2, rel=1e-5)


def test_who_withdrew_gets_a_stranger_s_answer() -> None:
    no = Consent("personalisation", "web", 1, 0, False, "consent", "1")
    withdrawn = looked(3, 9, consent=(no,))
    serving, stranger = shop(), CustomerRecord(version=7)
    mine, theirs = decided(serving, withdrawn), decided(serving, stranger)
    assert mine.items == theirs.items and mine.rest == theirs.rest


def test_of_a_child_no_profile_is_made_whatever_was_agreed_to() -> None:
    yes = Consent("personalisation", "web", 1, 0, True, "consent", "1")
    child = looked(3, 9, consent=(yes,), context={"age_range": Latest(1, 1, "under 16")})
    youth = looked(3, 9, consent=(yes,), context={"age_range": Latest(1, 1, "16-17")})
    serving, stranger = shop(), CustomerRecord(version=7)
    assert decided(serving, child).items == decided(serving, stranger).items
    assert decided(serving, youth).items != decided(serving, stranger).items
    assert segments_of(child, 5) == frozenset() != segments_of(youth, 5)


def test_the_rungs_do_less_and_say_so() -> None:
    serving, record = shop(), looked(3, 9)
    full, plain, popular = (decided(serving, record, rung=rung) for rung in (Rung.FULL, Rung.PLAIN, Rung.POPULAR))
    assert (full.rung, plain.rung, popular.rung) == ("full", "plain", "popular")
    assert {item.source for item in popular.items} == {"popularity"}
    scores = [np.frombuffer(item.score, "<f4")[0] for item in plain.items]
    assert scores == sorted(scores, reverse=True)


def test_why_is_told_step_by_step() -> None:
    trace = Trace()
    serving = shop()
    decision = decided(serving, looked(3, 9), trace=trace)
    row = serving.assortment.index[decision.items[0].sku]
    assert [step for step, *_ in trace.of(row)][:3] == ["probability", "objectives", "inventory"]
    assert ("candidates" in dict(trace.said[row])) and trace.of(row)[0][2] >= 1


def test_an_unknown_placement_is_an_error() -> None:
    with pytest.raises(KeyError):
        decide(shop(), ask("cellar"), Subject(UUID(int=1)))


def test_leaving_out_exploration_changes_nothing_where_there_is_none() -> None:
    serving = shop()
    assert decided(serving, looked(1), without=Without(exploration=True)) == decided(serving, looked(1))
    assert replace(serving, explorer=None) == serving
