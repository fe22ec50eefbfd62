"""Recommendations: what may be shown, and why it is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from queries.ports import Shop
from readmodels.catalogue import Product
from readmodels.customer import CartEntry, Consent, CustomerRecord, Purchase, View
from readmodels.statistics import Statistics
from tests.queries.serving import recommend, shop_of

SKUS = ("A", "B", "C", "D", "E")
COUNTS = Statistics.of(SKUS, (50, 40, 30, 20, 10), (((1, 5000), (4, 9000)), ((3, 9000),), (), (), ()))


def product(sku: str, available: int | None = 5) -> Product:
    return Product(sku, f"Thing {sku}", "Skirts", None, None, None, 100, "USD", None, available)


def shop(**stock: int | None) -> Shop:
    products = {sku: product(sku, stock.get(sku, 5)) for sku in SKUS}
    return shop_of(products, COUNTS)


def skus(record: CustomerRecord, where: Shop | None = None, limit: int = 5, item: str | None = None) -> list[str]:
    return [found.sku for found in recommend(where or shop(), record, limit=limit, item=item)]


LOOKED = CustomerRecord(views=(View(2, 0, "A"),), last_at=2)


def test_a_stranger_gets_what_is_popular_and_is_told_so() -> None:
    found = recommend(shop(), CustomerRecord(), limit=3)
    assert [item.sku for item in found] == ["A", "B", "C"]
    assert {(item.source, item.reason) for item in found} == {("popularity", "Popular with other shoppers")}


def test_a_view_changes_the_answer_and_says_why() -> None:
    first = recommend(shop(), LOOKED, limit=5)[0]
    assert (first.sku, first.source, first.reason) == ("E", "co-occurrence", "Because you looked at Thing A")


def test_the_product_whose_page_is_shown_counts_as_the_latest_view_and_is_not_recommended() -> None:
    found = recommend(shop(), LOOKED, limit=5, item="B")
    assert found[0].sku == "D" and found[0].reason == "Often viewed after Thing B"
    assert "B" not in [item.sku for item in found]


def test_what_is_in_the_cart_speaks_for_others_and_is_not_recommended() -> None:
    record = CustomerRecord(cart=(CartEntry(1, 0, 0, "A", 1),))
    found = recommend(shop(), record, limit=5)
    assert found[0].reason == "Goes with your Thing A"
    assert "A" not in [item.sku for item in found]


def test_the_latest_act_gives_the_reason() -> None:
    record = CustomerRecord(views=(View(1, 0, "A"),), purchases=(Purchase(5, 0, 0, "A", 1),))
    assert recommend(shop(), record, limit=1)[0].reason == "Because you bought Thing A"


def test_who_withdrew_consent_gets_what_anybody_gets() -> None:
    no = Consent("personalisation", "", 1, 0, False, "consent", "1")
    record = CustomerRecord(views=LOOKED.views, consent=(no,))
    assert skus(record) == skus(CustomerRecord())
    yes = Consent("personalisation", "", 2, 0, True, "consent", "1")
    assert skus(CustomerRecord(views=LOOKED.views, consent=(yes,))) == skus(LOOKED)


def test_the_limit_is_kept() -> None:
    assert [len(skus(LOOKED, limit=n)) for n in (1, 3, 50)] == [1, 3, 5]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(SKUS), st.sampled_from([None, -1, 0, 1])),
    st.lists(st.sampled_from(SKUS), max_size=6),
)
def test_nothing_out_of_stock_and_always_a_reason(stock: dict[str, int | None], seen: list[str]) -> None:
    record = CustomerRecord(views=tuple(View(n, 0, sku) for n, sku in enumerate(seen)))
    found = recommend(shop(**stock), record, limit=5)
    assert {item.sku for item in found} == {sku for sku in SKUS if stock.get(sku, 5) is None or stock.get(sku, 5) > 0}  # type: ignore[operator]
    assert all(item.reason and item.source for item in found)


def test_what_is_not_on_sale_is_not_shown() -> None:
    assert skus(LOOKED, shop_of({"C": product("C")}, COUNTS)) == ["C"]
