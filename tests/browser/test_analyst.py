"""The analysts' pages in a real browser, on real servers, over a log that was really written."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from app import up
from app.children import Children
from app.jobs.keeping import RESTATE, Keeping
from app.projecting import folding
from app.settings import Settings
from app.wiring import Wiring
from commands.experiment import DesignExperiment
from domain.design import Design, Variant
from tests.app.test_experiment_report import START, begin, facts, lived
from tests.browser import owed_orders
from tests.browser.owed_orders import MAY

CHROMIUM = Path(os.environ.get("BESPOKE_CHROMIUM", "/usr/bin/chromium"))
HOME = "/analyst/experiments"
WAIT_MS = 60_000
ADDRESS = f"/analyst/attribution?from={MAY['from']}&to={MAY['to']}"
BESIDE = f"{ADDRESS}&experiment=hero"
#: Okabe and Ito's, and greys, tints and shades of them that stand beside a word.
PALETTE = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f2b48a", "#8a3b00"}
GREYS = {"#000000", "#1b1f24", "#59626d", "#aab2bb", "#e9ecef", "#eef0f3", "#fff", "none"}


pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here; apt-get install chromium")


@pytest.fixture(scope="module")
def served(servers: Wiring, settings: Settings) -> Iterator[tuple[str, str]]:
    """Address and key of a shop with an experiment that shows something, and one that nobody was in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = settings.model_copy(update={"namespace": "analyst", "port": port})
    with Wiring(own) as wiring:
        wiring.provision()
        folding.start_generation(wiring)
        begin(wiring, guardrail_metrics=("refunds",), minimum_effect=0.05)
        lived(wiring)
        shares = tuple(Variant(name=name, buckets=5_000) for name in ("control", "quiet"))
        design = Design(hypothesis="Nobody has seen it", primary_metric="revenue", variants=shares)
        wiring.bus().dispatch([DesignExperiment(design=design, **facts("none", START, key="unseen"))])
        owed_orders.walked(wiring)
        owed_orders.published(wiring)
        owed_orders.happened_since(wiring)
        Keeping(wiring).do(RESTATE, 1)
        with Children(own) as children:
            children.start("serve")
            up.wait_until_ready(own, children)
            yield f"http://127.0.0.1:{port}", own.generated_keys()["server"]
        wiring.drop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, served: tuple[str, str]) -> Iterator[Page]:
    """Somebody who is logged in; whatever the browser complains of fails the test, and so does a foreign address."""
    address, key = served
    complaints: list[str] = []
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((address, "data:")) else complaints.append(r.url))
    page.goto(f"{HOME}/hero")
    page.fill("#key", key)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".verdict")).to_be_visible(timeout=WAIT_MS)
    yield page
    context.close()
    assert complaints == []


def test_the_login_leads_to_what_was_asked_for(page: Page) -> None:
    assert page.url.endswith(f"{HOME}/hero")
    expect(page.locator(".verdict h2")).to_have_text("Better than the control")
    assert page.evaluate("document.cookie") == "", "scripts cannot read the session"
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{HOME}/hero")
    expect(page.locator("h1")).to_have_text("Log in")


def test_a_report_says_all_of_it(page: Page) -> None:
    expect(page.locator("figure .wide svg")).to_be_visible()
    expect(page.locator("figcaption")).to_contain_text("shown on")
    expect(page.locator("section", has_text="Are the arms comparable?").first).to_contain_text("Yes.")
    expect(page.locator(".board")).to_contain_text("Cart abandonment")
    expect(page.get_by_text("Fishing.")).to_be_visible()
    expect(page.locator(".history li").first).to_contain_text("Opened")
    page.get_by_text("looks as a table").click()
    assert page.locator(".looks tbody tr").count() > 10


def test_a_pinned_report_is_that_report(page: Page) -> None:
    verdict, rows = page.locator(".verdict").inner_text(), page.locator("table").all_inner_texts()
    page.get_by_role("link", name="This very report").click()
    expect(page.locator(".verdict")).to_be_visible(timeout=WAIT_MS)
    assert "at=" in page.url
    assert page.locator(".verdict").inner_text() == verdict
    assert page.locator("table").all_inner_texts() == rows
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert Path(download.value.path()).read_text().startswith("part,by,segment")


def test_another_way_to_look_at_it(page: Page) -> None:
    page.get_by_text("Look at it another way").click()
    page.get_by_label("Until").fill("2026-05-01")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_text("Nothing to compare yet.")).to_be_visible(timeout=WAIT_MS)
    assert page.url.endswith("?until=2026-05-01")


def test_the_list_finds_by_what_is_typed(page: Page) -> None:
    page.goto(HOME)
    rows = page.locator("#experiments tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("hero")
    page.fill("#filter", "NOBODY")
    expect(rows.first).to_be_hidden()
    expect(rows.nth(1)).to_be_visible()
    page.fill("#filter", "zzz")
    expect(page.locator("#none")).to_be_visible()


def test_what_nobody_was_in_has_nothing_to_compare(page: Page) -> None:
    page.goto(f"{HOME}/unseen")
    expect(page.get_by_text("Nothing to compare yet.")).to_be_visible(timeout=WAIT_MS)


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    for path in (HOME, f"{HOME}/hero", f"{HOME}/unseen"):
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        assert _width(page) <= 375, path
    page.goto(f"{HOME}/hero")
    expect(page.locator("figure .narrow svg")).to_be_visible()
    expect(page.locator("figure .wide svg")).to_be_hidden()


def test_on_paper_there_is_the_report_alone(page: Page) -> None:
    page.set_viewport_size({"width": 672, "height": 900})  # of A4 between its margins
    page.emulate_media(media="print")
    for gone in (".bar", ".links", "form.screen"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator(".verdict")).to_be_visible()
    expect(page.locator("figure .wide svg")).to_be_visible()
    assert _width(page) <= 672
    expect(page.locator("table.stack thead").first).to_be_visible()


def test_the_heads_of_all_tables_are_told_to_screen_readers(page: Page) -> None:
    assert page.locator("table").count() == page.locator("table:has(th[scope=row])").count()
    assert page.locator(".picture svg:not([aria-label])").count() == 0
    assert page.locator("main h1").count() == 1


def dollars(page: Page, heading: str) -> Locator:
    """A section of the currency that most was ordered in, which comes first."""
    return page.locator("section", has=page.get_by_role("heading", name=heading)).first


def shown(page: Page, address: str = BESIDE) -> Page:
    page.goto(address)
    expect(page.locator("table.models").first).to_be_visible(timeout=WAIT_MS)
    return page


def test_models_stand_side_by_side_and_the_books_balance(page: Page) -> None:
    shown(page)
    expect(page.locator("h2").first).to_have_text("USD: the books balance")
    models = dollars(page, "Models side by side")
    assert models.locator("thead th").count() == 2 + 12
    channels = models.locator("tbody th").all_inner_texts()
    assert {"e-mail", "ads: google", "organic search", "direct", "recommendation clicked"} <= set(channels)
    for cell in models.locator("tbody td[data-name=Linear] small").all_inner_texts():
        assert re.fullmatch(r"[\d,]+\.\d\d", cell)
    linear = models.locator("tbody td[data-name=Linear] small").all_inner_texts()
    cents = sum(round(100 * float(text.replace(",", ""))) for text in linear)
    books = page.locator(".legend li").first.inner_text()
    assert f"{cents / 100:,.2f} USD" in books and "to the last cent" in page.locator("section p").first.inner_text()


def test_ways_and_times_are_drawn_and_told(page: Page) -> None:
    shown(page)
    ways = page.locator("figure .wide svg.sankey")
    expect(ways).to_be_visible()
    assert ways.locator("path").count() > 5 and "orders" in (ways.locator("path title").first.text_content() or "")
    page.get_by_text("The ways as a table").click()
    first = page.locator("figure + details tbody tr").first
    expect(first).to_contain_text("USD")
    times = page.locator("table.bars").first
    expect(times).to_contain_text("1 to 3 days")
    assert "90" not in times.inner_text(), "nobody's touch is so old, so there is no such row"


def test_credit_stands_beside_what_was_measured(page: Page) -> None:
    shown(page, ADDRESS)
    expect(page.locator(".measured").first).to_contain_text("nobody knows what recommendations cause")
    page.get_by_label("Beside it, measured by").select_option("hero")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.locator(".measured .lift").first).to_be_visible(timeout=WAIT_MS)
    assert "experiment=hero" in page.url and "model=" not in page.url
    lift = page.locator(".lift").first
    expect(lift).to_contain_text("Conversion")
    expect(lift).not_to_contain_text("no difference is shown")
    expect(page.locator(".credited").first).to_contain_text("Linear")
    expect(page.locator(".measured").nth(1)).to_contain_text("shop's own, USD")


def test_a_restatement_names_each_cause(page: Page) -> None:
    shown(page)
    expect(page.locator(".published")).to_contain_text("restated once")
    causes = page.locator(".cause")
    expect(causes.filter(has_text="Refund")).to_contain_text("\N{MINUS SIGN}15.00 USD")
    expect(causes.filter(has_text="Late event")).to_contain_text("+250.00 USD")
    merge = causes.filter(has_text="Merge")
    expect(merge).to_contain_text("unattributed \N{MINUS SIGN}250.00 USD")
    merge.get_by_text("Which credits moved").click()
    expect(merge.locator("tbody tr").first).to_contain_text("USD")


def test_a_pinned_attribution_report_can_be_taken_away(page: Page) -> None:
    shown(page)
    rows = page.locator("table").all_inner_texts()
    page.get_by_role("link", name="This very report").click()
    expect(page.locator("table.models").first).to_be_visible(timeout=WAIT_MS)
    assert "as_of_position=" in page.url and page.locator("table").all_inner_texts() == rows
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert Path(download.value.path()).read_text().startswith("currency,model,heading,channel,cents")


def test_attribution_on_a_phone_is_looked_through_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    shown(page)
    assert _width(page) <= 375
    expect(page.locator("figure .narrow svg")).to_be_visible()
    expect(page.locator("figure .wide svg")).to_be_hidden()
    table = page.locator(".scroll").first
    assert table.evaluate("each => each.scrollWidth > each.clientWidth"), "models are looked through sideways"
    table.evaluate("each => { each.scrollLeft = 400; }")
    name = table.locator("tbody th").first
    assert name.evaluate("each => each.getBoundingClientRect().left") >= 0, "and channels stay where they are"


def test_attribution_on_paper_has_wide_pages(page: Page) -> None:
    page.set_viewport_size({"width": 1032, "height": 700})  # of A4 on its side, between its margins
    shown(page)
    page.emulate_media(media="print")
    for gone in (".bar", ".links", "form.options", "form.screen >> nth=-1"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator("figure .wide svg")).to_be_visible()
    assert _width(page) <= 1032
    table = page.locator(".scroll").first
    assert table.evaluate("each => each.scrollWidth <= each.clientWidth"), "no model is cut off"
    boxes = re.findall(rb"/MediaBox *\[0 0 ([\d.]+) ([\d.]+)\]", page.pdf(prefer_css_page_size=True))
    assert boxes and all(float(wide) > float(high) for wide, high in boxes)


def test_colours_are_those_that_the_colour_blind_tell_apart_and_none_stands_alone(page: Page) -> None:
    shown(page)
    used = page.evaluate(
        """() => [...document.querySelectorAll("main svg *")].flatMap(each =>
            [each.getAttribute("fill"), each.getAttribute("stroke")]).filter(Boolean)"""
    )
    assert {colour.lower() for colour in used} <= PALETTE | GREYS
    assert (
        page.locator("svg.sankey rect").count()
        == page.locator("svg.sankey text").count() - page.locator("svg.sankey text[font-size='11']").count()
    )
    assert page.locator("svg[role=img]:not([aria-label])").count() == 0
    assert page.locator("main h1").count() == 1


def _width(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found
