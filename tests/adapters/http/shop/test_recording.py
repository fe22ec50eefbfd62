"""What visitors do is recorded through the Segment channel, before the page that follows is made."""

from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from commands.browse import (
    BrowseCategory,
    ClickRecommendation,
    RecordSearch,
    RecordView,
    RecordVisit,
    ShowRecommendations,
)
from commands.cart import AddToCart, RemoveFromCart, StartCheckout
from commands.command import CustomerCommand
from commands.order import PlaceOrder
from domain.identity import IdentifierKind
from domain.values import Channel
from tests.adapters.http.fakes import PERSON, MemoryWriter
from tests.adapters.http.shop.world import DECISION, Onlooker, Shelves, garment, kinds, recorded

Browser = TestClient[Litestar]


def only(writer: MemoryWriter, kind: type[Any]) -> Any:
    """The one command of a kind."""
    (found,) = [command for command in recorded(writer) if isinstance(command, kind)]
    return found


def test_a_visit_is_recorded_once_however_often_home_is_opened(client: Browser, writer: MemoryWriter) -> None:
    for _ in range(3):
        client.get("/")

    assert only(writer, RecordVisit).page == "Home"
    assert kinds(writer) == ["RecordVisit", *["ShowRecommendations"] * 3]


def test_a_product_page_records_the_view_with_what_the_catalogue_says(client: Browser, writer: MemoryWriter) -> None:
    client.get("/product/M2")

    view = only(writer, RecordView)
    assert (view.sku, view.category, view.price_cents, view.currency) == ("M2", "Trousers", 6200, "USD")
    assert view.channel == Channel.WEB
    assert view.source_id.startswith("segment:")
    (visitor,) = view.identifiers
    assert (visitor.kind, visitor.value) == (IdentifierKind.ANONYMOUS, client.cookies["visitor"])


def test_the_strip_is_asked_for_only_after_the_view_is_reflected(client: Browser, reader: Onlooker) -> None:
    client.get("/product/M2")

    asked = [entry for entry in reader.asked if entry[0] in ("wait_for", "recommend")]
    assert asked == [
        ("wait_for", PERSON, 1, 300),
        ("recommend", "product", PERSON, 6, "M2"),
        ("recommend", "home", PERSON, 7, None),
    ]


def test_a_slow_projector_delays_no_page_for_ever(client: Browser, reader: Onlooker) -> None:
    reader.keeps_up = False
    assert client.get("/product/M2").status_code == 200


def test_category_and_search_pages(client: Browser, writer: MemoryWriter) -> None:
    client.get("/category/Skirts")
    client.get("/search", params={"q": "red  SKIRT"})

    assert only(writer, BrowseCategory).category == "Skirts"
    assert only(writer, RecordSearch).query == "red  SKIRT"


@pytest.mark.parametrize("q", ["", "   "])
def test_an_empty_search_is_none(client: Browser, writer: MemoryWriter, q: str) -> None:
    assert client.get("/search", params={"q": q}).status_code == 200
    assert "RecordSearch" not in kinds(writer)


def test_what_is_shown_is_recorded_in_the_order_of_the_page(client: Browser, writer: MemoryWriter) -> None:
    client.get("/")

    shown = only(writer, ShowRecommendations)
    assert (shown.placement, shown.skus, shown.decision_id) == ("home", ("M2", "M1"), str(DECISION))


def test_the_second_strip_of_a_page_repeats_nothing_of_the_first(client: Browser, writer: MemoryWriter) -> None:
    client.get("/product/M4")

    shown = [command for command in recorded(writer) if isinstance(command, ShowRecommendations)]
    assert [(one.placement, one.skus) for one in shown] == [("product", ("M2", "M1"))]


def test_a_click_on_the_strip_is_recorded_before_the_view(client: Browser, writer: MemoryWriter) -> None:
    page = client.get("/").text
    link = f"/product/M1?placement=home&amp;pos=2&amp;decision={DECISION}"
    assert link in page

    client.get(link.replace("&amp;", "&"))

    click = only(writer, ClickRecommendation)
    assert (click.placement, click.sku, click.position, click.decision_id) == ("home", "M1", 2, str(DECISION))
    names = kinds(writer)
    assert names.index("ClickRecommendation") < names.index("RecordView")


def test_a_reload_clicks_no_second_time_but_another_visitor_does(client: Browser, writer: MemoryWriter) -> None:
    link = f"/product/M1?placement=home&pos=2&decision={DECISION}"
    for _ in range(2):
        client.get(link)
    client.cookies.clear()
    client.get(link)

    clicks = [command.source_id for command in recorded(writer) if isinstance(command, ClickRecommendation)]
    assert clicks[0] == clicks[1] != clicks[2]


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"?placement=elsewhere&pos=1&decision={DECISION}",
        f"?placement=home&decision={DECISION}",
        "?placement=home&pos=1",
    ],
)
def test_other_ways_to_a_product_are_no_clicks(client: Browser, writer: MemoryWriter, query: str) -> None:
    assert client.get(f"/product/M1{query}").status_code == 200
    assert "ClickRecommendation" not in kinds(writer)


def test_adding_to_the_bag_leads_there(client: Browser, writer: MemoryWriter) -> None:
    answer = client.post("/bag/add", data={"sku": "M1"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/bag")
    added = only(writer, AddToCart)
    assert (added.line.sku, added.line.quantity, added.line.price_cents) == ("M1", 1, 3850)
    assert added.identifiers[0].value == client.cookies["visitor"]


def test_removing_takes_all_pieces_out(client: Browser, writer: MemoryWriter, reader: Onlooker) -> None:
    client.get("/")
    reader.cart = {"M1": 3, "gone": 2}
    client.post("/bag/remove", data={"sku": "M1"})
    client.post("/bag/remove", data={"sku": "gone"})
    client.post("/bag/remove", data={"sku": "M2"})

    removed = [command for command in recorded(writer) if isinstance(command, RemoveFromCart)]
    assert [(one.sku, one.quantity) for one in removed] == [("M1", 3), ("gone", 2)]


def test_an_order_has_the_lines_and_the_total_of_the_bag(
    client: Browser, writer: MemoryWriter, reader: Onlooker
) -> None:
    client.get("/")
    reader.cart = {"M1": 2, "M2": 1}
    answer = client.post("/bag/order")

    assert answer.headers["location"] == "/"
    order = only(writer, PlaceOrder)
    assert [(line.sku, line.quantity, line.price_cents) for line in order.lines] == [("M1", 2, 3850), ("M2", 1, 6200)]
    assert (order.total_cents, order.currency) == (13_900, "USD")
    assert only(writer, StartCheckout).total_cents == 13_900


@pytest.mark.parametrize(("currency", "cents"), [("EUR", 1999), ("JPY", 4200), ("KWD", 12_345)])
def test_an_order_is_in_the_currency_of_its_products(
    client: Browser, writer: MemoryWriter, reader: Onlooker, shelves: Shelves, currency: str, cents: int
) -> None:
    shelves.products = {"E1": garment("E1", "Robe", currency=currency, cents=cents)}
    client.get("/")
    reader.cart, reader.items = {"E1": 2}, ()
    client.post("/bag/order")

    order = only(writer, PlaceOrder)
    assert (order.total_cents, order.currency) == (2 * cents, currency)


def test_each_order_has_a_number_of_its_own(client: Browser, writer: MemoryWriter, reader: Onlooker) -> None:
    client.get("/")
    reader.cart = {"M1": 1}
    for _ in range(2):
        client.post("/bag/order")
    orders = [command.order_id for command in recorded(writer) if isinstance(command, PlaceOrder)]
    assert len(orders) == len(set(orders)) == 2


def test_an_empty_bag_is_not_ordered(client: Browser, writer: MemoryWriter) -> None:
    assert client.post("/bag/order").status_code == 303
    assert recorded(writer) == []


def test_everything_goes_to_the_visitor_of_the_cookie(client: Browser, writer: MemoryWriter) -> None:
    for path in ("/", "/product/M1", "/category/Skirts", "/search?q=red"):
        client.get(path)
    client.post("/bag/add", data={"sku": "M1"})

    told = [command for command in recorded(writer) if isinstance(command, CustomerCommand)]
    assert len(told) == len(recorded(writer)) > 8
    assert {one.value for command in told for one in command.identifiers} == {client.cookies["visitor"]}
    assert len(client.cookies["visitor"]) == 32 and UUID(client.cookies["visitor"])


def test_looking_at_the_live_panel_records_nothing(client: Browser, writer: MemoryWriter) -> None:
    assert client.get("/live").status_code == 200
    assert recorded(writer) == []


def test_who_is_in_an_arm_of_prices_sees_them_on_every_page_and_pays_them(
    client: Browser, writer: MemoryWriter, reader: Onlooker
) -> None:
    plain = client.get("/product/M2").text
    assert "$62.00" in plain and "$38.50" in plain
    reader.factor, reader.cart = 1.1, {"M1": 2, "M2": 1}
    for path, prices in (
        ("/", ("$42.35", "$68.20")),
        ("/category/Trousers", ("$68.20",)),
        ("/product/M2", ("$68.20", "$42.35")),
        ("/search?q=skirt", ("$42.35",)),
        ("/bag", ("$84.70", "$68.20", "$152.90")),
    ):
        text = client.get(path).text
        assert all(price in text for price in prices), path
        assert "$38.50" not in text and "$62.00" not in text, path
    client.post("/bag/add", data={"sku": "M1"})
    assert only(writer, AddToCart).line.price_cents == 4235
    client.post("/bag/order")
    order = only(writer, PlaceOrder)
    assert [(line.sku, line.quantity, line.price_cents) for line in order.lines] == [("M1", 2, 4235), ("M2", 1, 6820)]
    assert order.total_cents == 15_290
