"""What the pages say, and the headers and cookies they come with."""

import re
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http.shop import ShopDesk, shop_routes
from queries.answers import LoggedEvent
from tests.adapters.http.fakes import PERSON
from tests.adapters.http.shop.world import LOADED, Onlooker, Shelves, garment

Browser = TestClient[Litestar]
PAGES = ("/", "/product/M1", "/category/Skirts", "/search?q=red", "/bag", "/live", "/product/none")


def text(html: str) -> str:
    """What a reader sees."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_may_load_from_itself_alone_and_is_kept_by_no_cache(client: Browser, path: str) -> None:
    answer = client.get(path)
    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["img-src"] == policy["form-action"] == "'self'"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
def test_nothing_in_a_page_needs_another_host_or_inline_script(client: Browser, path: str) -> None:
    html = client.get(path).text
    assert not re.search(r'(src|href|action)="(https?:)?//', html)
    assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=", html)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: Browser) -> None:
    told = client.get("/").headers["set-cookie"].lower()
    assert "httponly" in told and "samesite=lax" in told and "path=/" in told


def test_text_from_outside_is_escaped(client: Browser, reader: Onlooker) -> None:
    reader.items = ("M4",)
    reader.logged = (LoggedEvent(PERSON, 1, "customer.searched", 0, 0, {"query": "<img src=x>"}),)
    for path in ("/product/M4", "/category/Tops%20%26%20more", "/search?q=<script>", "/bag", "/live"):
        html = client.get(path).text
        assert "<script>" not in html and "<img src=x" not in html, path
    home = client.get("/").text
    assert "A &lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in home
    assert "A visitor &lt;from&gt; Poland" in home
    assert 'href="/category/Tops%20%26%20more"' in home


def test_home_has_every_category_and_the_strip_with_reasons(client: Browser) -> None:
    seen = text(client.get("/").text)
    assert "Skirts 2 products" in seen and "Trousers 1 product " in seen
    assert "For you, because… Navy blue trousers 2 $62.00 Because of M2 Blue skirt 1 $38.50 Because of M1" in seen


def test_what_is_sold_out_says_so_and_has_no_button(client: Browser) -> None:
    assert "Red skirt 3 $38.50 sold out" in text(client.get("/category/Skirts").text)
    page = client.get("/product/M3").text
    assert "Sold out" in page and "Add to bag" not in page
    assert client.post("/bag/add", data={"sku": "M3"}).status_code == 404


@pytest.mark.parametrize(
    ("available", "words"),
    [(None, "In stock"), (6, "In stock"), (5, "Only 5 left"), (1, "Only 1 left"), (0, "Sold out")],
)
def test_stock_in_words(client: Browser, shelves: Shelves, available: int | None, words: str) -> None:
    shelves.products["M9"] = garment("M9", "Robe", available=available)
    assert f"{words} · blue" in text(client.get("/product/M9").text)


def test_a_product_of_which_little_is_known(client: Browser, shelves: Shelves) -> None:
    shelves.products["M9"] = garment("M9", "Robe", None, colour=None, cents=None, currency=None, available=None)
    seen = text(client.get("/product/M9").text)
    assert "Robe In stock Add to bag" in seen


def test_the_bag_shows_pieces_prices_and_their_sum(client: Browser, reader: Onlooker) -> None:
    client.get("/")
    reader.cart = {"M1": 2, "M2": 1}
    seen = text(client.get("/bag").text)
    assert "Blue skirt 1 2 $77.00" in seen and "Navy blue trousers 2 1 $62.00" in seen
    assert "Total $139.00" in seen
    assert "Bag 3" in text(client.get("/").text)


def test_an_empty_bag_says_so(client: Browser) -> None:
    seen = text(client.get("/bag").text)
    assert "It is empty." in seen and "Place order" not in seen


@pytest.mark.parametrize(
    ("q", "titles"),
    [("skirt", ["Blue skirt 1", "Red skirt 3"]), ("RED", ["Red skirt 3"]), ("trousers navy", ["Navy blue trousers 2"])],
)
def test_search_wants_all_words(client: Browser, reader: Onlooker, q: str, titles: list[str]) -> None:
    reader.items = ()
    found = re.findall(r'class="name">([^<]+)<', client.get("/search", params={"q": q}).text)
    assert found == titles


def test_search_says_when_nothing_matches(client: Browser) -> None:
    assert "Nothing matches" in client.get("/search?q=spacesuit").text


def test_shopping_as_somebody_else_and_as_nobody(client: Browser) -> None:
    answer = client.post("/shop-as", data={"visitor": LOADED})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.cookies["visitor"] == LOADED
    assert re.search(rf'value="{LOADED}" selected', client.get("/").text)

    client.post("/shop-as", data={"visitor": ""})
    assert "visitor" not in client.cookies
    client.get("/")
    assert client.cookies["visitor"] != LOADED


def test_nobody_is_shopped_as_who_is_not_offered(client: Browser) -> None:
    client.post("/shop-as", data={"visitor": "1b9f4c2e-7d1a-4f4e-9a55-1c3f6f0e2d12"})
    assert "visitor" not in client.cookies


def test_the_panel_tells_the_profile_and_the_events(client: Browser, reader: Onlooker) -> None:
    client.get("/")
    reader.cart = {"M1": 2}
    reader.logged = (
        LoggedEvent(PERSON, 3, "customer.product_viewed", 0, 0, {"sku": "M2"}),
        LoggedEvent(PERSON, 2, "customer.recommendation_shown", 0, 0, {"skus": ["M1", "M2"], "placement": "home"}),
        LoggedEvent(PERSON, 1, "customer.order_placed", 0, 0, {"total_cents": 13_900, "currency": "USD"}),
    )
    seen = text(client.get("/live").text)
    assert "Intent browsing skirts Favours Skirts Views kept 0 In the bag 2 Orders 2" in seen
    assert "Product viewed Navy blue trousers 2" in seen
    assert "Recommendations shown 2 products, home" in seen
    assert "Order placed $139.00" in seen
    assert seen.index("Product viewed") < seen.index("Order placed")


def test_the_footer_says_whose_data_and_photos_these_are(client: Browser) -> None:
    seen = text(client.get("/").text)
    assert "Łapczyński &amp; Białowąs 2013, CC BY 4.0" in seen
    assert "Photos are illustrative, matched by kind of garment (Clothing dataset, CC0)" in seen


def test_photos_are_kept_and_nothing_else_is_served(client: Browser) -> None:
    photo = client.get("/photos/M1.jpg")
    assert (photo.status_code, photo.headers["content-type"]) == (200, "image/jpeg")
    assert "max-age" in photo.headers["cache-control"]
    for name in ("M2.jpg", "notes.txt", "..%2Fsecret.jpg", "%2e%2e/secret.jpg", "M1.JPG", "M1.jpg%00"):
        assert client.get(f"/photos/{name}").status_code == 404, name


def test_a_shop_without_photos_opens_all_the_same(tmp_path: Path, client: Browser) -> None:
    desk = ShopDesk(None, None, Shelves(), None)  # type: ignore[arg-type]
    assert shop_routes(desk, tmp_path / "none")
    assert 'class="photo tone-blue"' in client.get("/").text


def test_a_browser_asks_anew_for_a_style_sheet_that_changed(client: Browser) -> None:
    sheet = re.search(r'href="(/static/shop\.css\?v=[0-9a-f]{8})"', client.get("/").text)
    assert sheet and client.get(sheet[1]).headers["content-type"] == "text/css; charset=utf-8"


def test_the_pages_are_no_part_of_the_api_description(client: Browser) -> None:
    assert "/bag" not in client.get("/schema/openapi.json").json()["paths"]
