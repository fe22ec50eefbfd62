"""The demo shop in a real browser, on real servers, with real clicks behind it."""

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from app import load, up
from app.children import Children
from app.demo import eshop
from app.projecting import folding
from app.settings import Settings
from app.wiring import Wiring
from tests.app.looking import wait_for

CHROMIUM = Path(os.environ.get("BESPOKE_CHROMIUM", "/usr/bin/chromium"))
#: The clicks are moved by whole weeks, so how recent they are, and whether anything trends, depends on the day.
OF_A_STRANGER = {"Popular with other shoppers", "Trending now"}
BATCHES = 2 * 217 + 8  # all products and stock, then 4,000 clicks

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here; apt-get install chromium")


@pytest.fixture(scope="module")
def shop(servers: Wiring, settings: Settings) -> Iterator[str]:
    """The address of a running shop."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = settings.model_copy(update={"namespace": "browser", "port": port})
    with Wiring(own) as wiring:
        wiring.provision()
        folding.start_generation(wiring)
        with Children(own) as children:
            children.start("project", "--follow")
            children.start("serve")
            up.wait_until_ready(own, children)
            load.load(wiring, chain(islice(load.demo(wiring), BATCHES), picked()))
            yield f"http://127.0.0.1:{port}"
        wiring.drop()


def picked() -> Iterator[load.Sent]:
    """The clicks of the visitors whom the picker offers."""
    rows = [row for row in eshop.csv_rows(eshop.DATA) if row.session_id in eshop.PICKED]
    shift = eshop.week_shift(eshop.last_day(rows), datetime.now(UTC).date())
    for body in eshop.batches(eshop.segment_messages(rows, shift_days=shift)):
        yield "segment", {"content-type": "application/json"}, body


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, shop: str) -> Iterator[Page]:
    """A new visitor's page; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    context = browser.new_context(base_url=shop)
    page = context.new_page()
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    yield page
    context.close()
    assert complaints == []


def strip(page: Page) -> list[str]:
    return page.locator("section[aria-labelledby=for-you] .card .name").all_inner_texts()


def reasons(page: Page) -> set[str]:
    return set(page.locator("section[aria-labelledby=for-you] .reason").all_inner_texts())


def test_the_strip_follows_a_click_and_says_why(page: Page) -> None:
    before = strip(page)
    assert len(before) == 6
    assert reasons(page) <= OF_A_STRANGER

    page.goto("/product/M080")
    seen = page.locator("h1").inner_text()
    wait_for(lambda: page.goto("/") and strip(page) != before)
    expect(page.locator("section[aria-labelledby=for-you] .reason").first).to_have_text(f"Because you looked at {seen}")


def test_the_live_log_shows_what_was_just_done(page: Page) -> None:
    page.goto("/product/M012")

    first = page.locator(".log li", has_text="Product viewed").first
    expect(first).to_contain_text(page.locator("h1").inner_text())
    expect(page.locator(".profile")).to_contain_text("browsing trousers")


def test_a_clicked_recommendation_is_recorded_as_one(page: Page) -> None:
    name = strip(page)[2]
    page.locator("section[aria-labelledby=for-you] .card").nth(2).click()

    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator(".log li", has_text="Recommendation clicked").first).to_contain_text(name)


def test_the_bag_counts_pieces_and_is_empty_after_the_order(page: Page) -> None:
    in_stock = next(item for item in eshop.catalogue() if item.stock > 5)
    for _ in range(2):
        page.goto(f"/product/{in_stock.sku}")
        page.get_by_role("button", name="Add to bag").click()
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("td").nth(1)).to_have_text("2")
    expect(page.locator("tfoot td").first).to_have_text(f"${2 * in_stock.cents / 100:.2f}")
    expect(page.locator(".bag b")).to_have_text("2")

    page.get_by_role("button", name="Place order").click()
    expect(page.locator(".log li", has_text="Order placed").first).to_be_visible()
    expect(page.locator(".bag b")).to_have_count(0)


def test_what_is_sold_out_is_never_recommended_and_cannot_be_bought(page: Page) -> None:
    gone = next(item for item in eshop.catalogue() if item.stock == 0)
    page.goto(f"/product/{gone.sku}")
    expect(page.locator(".stock")).to_contain_text("Sold out")
    expect(page.get_by_role("button", name="Add to bag")).to_have_count(0)
    assert gone.title not in strip(page)


def test_shopping_as_somebody_known_and_as_nobody_again(page: Page) -> None:
    stranger = strip(page)
    with page.expect_navigation():
        page.select_option("#as", label=eshop.PICKED[19_469])

    expect(page.locator("#as option:checked")).to_have_text(eshop.PICKED[19_469])
    expect(page.locator(".log li", has_text="Product viewed").first).to_contain_text("trousers")
    expect(page.locator(".profile")).to_contain_text("Trousers")
    assert strip(page) != stranger
    assert any(reason.startswith("Because you looked at") for reason in reasons(page))

    with page.expect_navigation():
        page.select_option("#as", "")
    expect(page.locator(".log li", has_text="Product viewed")).to_have_count(0)
    assert reasons(page) <= OF_A_STRANGER


def test_the_live_log_follows_by_itself(page: Page, shop: str) -> None:
    """Another tab of the same visitor looks at something."""
    other = page.context.new_page()
    other.goto("/product/M012")
    seen = other.locator("h1").inner_text()
    other.close()

    expect(page.locator(".log li", has_text="Product viewed").first).to_contain_text(seen)


def test_without_its_photo_a_product_is_a_tile_in_its_colour(browser: Any, shop: str) -> None:
    context = browser.new_context(base_url=shop)
    bare = context.new_page()
    bare.route("**/photos/*", lambda route: route.abort())
    bare.goto("/search?q=burgundy")
    tile = bare.locator(".grid .photo").first
    expect(tile).to_have_css("background-color", "rgb(180, 138, 147)")
    expect(bare.locator(".photo img")).to_have_count(0)
    context.close()


def test_search_finds_by_colour_and_says_when_nothing_matches(page: Page) -> None:
    page.fill("#q", "black skirt")
    page.press("#q", "Enter")
    found = page.locator(".shelf .card .name").all_inner_texts()
    assert found and all(name.startswith("Black skirt") for name in found)
    expect(page.locator(".log li", has_text="Searched").first).to_contain_text("black skirt")

    page.goto("/search?q=spacesuit")
    expect(page.locator("main")).to_contain_text("Nothing matches")


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/", "/product/M050", "/category/Sale", "/bag"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_an_unknown_product_is_a_friendly_404(page: Page, browser: Any, shop: str) -> None:
    context = browser.new_context(base_url=shop)
    other = context.new_page()
    answer = other.goto("/product/M999")
    assert answer is not None and answer.status == 404
    expect(other.locator("h1")).to_have_text("This product is not on sale.")
    context.close()
