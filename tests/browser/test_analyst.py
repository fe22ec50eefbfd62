"""The analysts' pages in a real browser, on real servers, over a log that was really written."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from app import up
from app.children import Children
from app.projecting import folding
from app.settings import Settings
from app.wiring import Wiring
from commands.experiment import DesignExperiment
from domain.design import Design, Variant
from tests.app.test_experiment_report import START, begin, facts, lived

CHROMIUM = Path(os.environ.get("BESPOKE_CHROMIUM", "/usr/bin/chromium"))
HOME = "/analyst/experiments"
WAIT_MS = 60_000

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
    page.set_viewport_size({"width": 390, "height": 800})
    for path in (HOME, f"{HOME}/hero", f"{HOME}/unseen"):
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.goto(f"{HOME}/hero")
    expect(page.locator("figure .narrow svg")).to_be_visible()
    expect(page.locator("figure .wide svg")).to_be_hidden()


def test_on_paper_there_is_the_report_alone(page: Page) -> None:
    page.emulate_media(media="print")
    for gone in (".bar", ".links", "form.screen"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator(".verdict")).to_be_visible()
    expect(page.locator("figure .wide svg")).to_be_visible()


def test_the_heads_of_all_tables_are_told_to_screen_readers(page: Page) -> None:
    assert page.locator("table").count() == page.locator("table:has(th[scope=row])").count()
    assert page.locator(".picture svg:not([aria-label])").count() == 0
    assert page.locator("main h1").count() == 1
