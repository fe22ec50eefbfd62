"""Over random people and stock: nothing that cannot be sold, and reasons that are true."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.nextitem.model import Config, build
from ml.nextitem.score import score
from queries.ports import Shop
from queries.recommend import recommend
from readmodels.catalogue import Product
from readmodels.customer import CartEntry, Consent, CustomerRecord, Purchase, View, latest
from readmodels.statistics import Statistics

SKUS = tuple("ABCDEFGH")
CATEGORIES = {sku: ("Skirts", "Shoes", None)[n % 3] for n, sku in enumerate(SKUS)}
WORDS = {"Because you looked at": View, "Goes with your": CartEntry, "Because you bought": Purchase}
SOME = settings(max_examples=120, deadline=None)
ROWS = st.dictionaries(st.integers(0, 7), st.integers(1, 5000), max_size=4)
COUNTS = st.builds(
    lambda rows, weights: Statistics(SKUS, tuple(weights), tuple(tuple(sorted(row.items())) for row in rows)),
    st.lists(ROWS, min_size=8, max_size=8),
    st.lists(st.integers(1, 99), min_size=8, max_size=8),
)
CONFIGS = st.builds(
    Config,
    decay=st.sampled_from([0.0, 0.4]),
    backward=st.sampled_from([0.0, 0.6]),
    affinity=st.sampled_from([0.0, 0.5, 2.0]),
    recent=st.sampled_from([1, 3, 20]),
)
STOCK = st.dictionaries(st.sampled_from(SKUS), st.sampled_from([None, -2, 0, 1, 9]))
SEEN = st.lists(st.tuples(st.integers(0, 30), st.sampled_from((*SKUS, "GONE"))), max_size=8)
RECORDS = st.builds(
    lambda views, bought, cart: CustomerRecord(
        views=latest((View(at, n, sku) for n, (at, sku) in enumerate(views)), 20),
        purchases=latest((Purchase(at, 50 + n, 0, sku, 1) for n, (at, sku) in enumerate(bought)), 20),
        cart=latest((CartEntry(at, 90 + n, 0, sku, (1, -1)[n % 2]) for n, (at, sku) in enumerate(cart)), 20),
    ),
    SEEN,
    SEEN,
    SEEN,
)


def shop(counts: Statistics, config: Config, stock: dict[str, int | None]) -> Shop:
    products = {
        sku: Product(sku, f"Thing {sku}", CATEGORIES[sku], None, None, None, 1, "USD", None, stock.get(sku, 3))
        for sku in SKUS
    }
    return Shop(products, build(counts, CATEGORIES, config))


def seeds(record: CustomerRecord, where: Shop) -> list[tuple[str, type]]:
    """What a person did, latest first, each SKU once: written anew from its definition."""
    acts = [(entry.at, entry.tag, entry.sku, type(entry)) for entry in (*record.views, *record.purchases)]
    acts += [(entry.at, entry.tag, entry.sku, CartEntry) for entry in record.cart if entry.quantity > 0]
    found: dict[str, type] = {}
    for _, _, sku, kind in sorted(acts, key=lambda act: act[:2], reverse=True):
        found.setdefault(sku, kind)
    return [(sku, kind) for sku, kind in found.items() if sku in where.model.index]


@SOME
@given(COUNTS, CONFIGS, STOCK, RECORDS, st.integers(1, 9), st.sampled_from([None, "A", "GONE"]))
def test_only_what_can_be_sold_in_order_of_score_each_with_a_reason(
    counts: Statistics,
    config: Config,
    stock: dict[str, int | None],
    record: CustomerRecord,
    limit: int,
    item: str | None,
) -> None:
    where = shop(counts, config, stock)
    found = recommend(where, record, limit=limit, item=item)
    assert len(found) <= limit
    assert len({each.sku for each in found}) == len(found)
    assert item not in {each.sku for each in found}
    assert all(where.products[each.sku].in_stock and each.reason for each in found)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert {each.source for each in found} <= {"co-occurrence", "category", "popularity"}


@SOME
@given(COUNTS, CONFIGS, RECORDS)
def test_a_co_occurrence_names_the_act_that_spoke_most(
    counts: Statistics, config: Config, record: CustomerRecord
) -> None:
    where = shop(counts, config, {})
    acts = seeds(record, where)[: config.recent]
    for each in recommend(where, record, limit=8):
        row = where.model.index[each.sku]
        gains = [alone(where, sku, row) * config.decay**rank for rank, (sku, _) in enumerate(acts)]
        popularity = config.popularity * float(where.model.prior[row])
        if each.source != "co-occurrence":
            assert sum(gains) <= popularity + 1e-6 or not sum(gains)
            continue
        assert sum(gains) >= popularity - 1e-6
        words, _, title = each.reason.rpartition(" Thing ")
        rank = [sku for sku, _ in acts].index(title)
        assert gains[rank] >= max(gains) - 1e-6
        assert WORDS[words] is acts[rank][1]


def alone(where: Shop, sku: str, row: int) -> float:
    """What one SKU alone says for another."""
    return float(score(where.model, [where.model.index[sku]]).by_item[row])


@SOME
@given(COUNTS, CONFIGS, STOCK, RECORDS)
def test_who_withdrew_gets_a_stranger_s_list_without_their_cart(
    counts: Statistics, config: Config, stock: dict[str, int | None], record: CustomerRecord
) -> None:
    where = shop(counts, config, stock)
    no = Consent("personalisation", "web", 1, 0, False, "consent", "1")
    withdrawn = CustomerRecord(views=record.views, purchases=record.purchases, consent=(no,))
    stranger = CustomerRecord()
    assert recommend(where, withdrawn, limit=8) == recommend(where, stranger, limit=8)
    other = Consent("email", "web", 1, 0, False, "consent", "1")
    unmoved = CustomerRecord(views=record.views, consent=(other,))
    assert recommend(where, unmoved, limit=8) == recommend(where, CustomerRecord(views=record.views), limit=8)


def test_a_category_speaks_where_pairs_are_silent() -> None:
    counts = Statistics(SKUS, (5,) * 8, ((),) * 8)
    where = shop(counts, Config(affinity=0.5), {})
    first, *_, last = recommend(where, CustomerRecord(views=(View(1, 0, "A"),)), limit=8)
    assert (first.source, first.reason) == ("category", "More skirts, as you look at them most")
    assert CATEGORIES[first.sku] == "Skirts" and last.source == "popularity"


def test_equal_scores_come_in_a_fixed_order() -> None:
    counts = Statistics(SKUS, (5,) * 8, ((),) * 8)
    found = recommend(shop(counts, Config(), {}), CustomerRecord(), limit=8)
    assert [each.sku for each in found] == list(SKUS)
    assert len(np.unique([each.score for each in found])) == 1
