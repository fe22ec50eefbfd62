"""The compliance page in a real browser: who gets in, what is seen, and who may decide."""

import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from adapters.http.compliance.officers import Role
from app import up
from app.children import Children
from app.identities.link import link_all
from app.projecting import folding, runners
from app.settings import Settings
from app.wiring import Wiring
from commands.browse import RecordSearch, ShowRecommendations
from commands.consent import GiveConsent, RequestAccess, WithdrawConsent
from commands.identify import Identify
from commands.order import PlaceOrder
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel, Details, Line, Purpose
from queries.cases import ENTRIES
from tests.app.alike import ANNA, MAYBE, use_model
from tests.app.test_remaking import SKUS, listed
from tests.browser.test_shop import CHROMIUM
from tests.namespaces import namespace

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here; apt-get install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
CANARY = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\'"{{7*7}}'
MAIL, ASKED = "maria.rossi@example.org", "shopify:data_request:42"
SHOTS = os.environ.get("BESPOKE_SHOTS")


class House:
    """A running web process, its officers' keys, and one person in it."""

    def __init__(self, wiring: Wiring, address: str) -> None:
        self.wiring, self.address = wiring, address
        self.keys = {
            "rita": wiring.officers.add("rita", [Role.REQUESTER]),
            "paul": wiring.officers.add("paul", [Role.APPROVER]),
            "both": wiring.officers.add("both", list(Role)),
        }
        self.person = known(wiring, MAIL)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> tuple[int, str]:
        """As a script would, without the browser's manners."""
        host = self.address.removeprefix("http://")
        connection = HTTPConnection(host, timeout=20)
        told = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        connection.request("POST", path, urlencode(fields), told)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text


def known(wiring: Wiring, mail: str) -> UUID:
    stream = wiring.directory.find(Identifier(kind=IdentifierKind.EMAIL, value=mail))
    assert stream is not None
    return stream


def story(wiring: Wiring, mail: str) -> None:
    """Ten days of somebody, hostile words among them."""
    start, bus = datetime.now(UTC) - timedelta(days=10), wiring.bus()
    who = (
        Identifier(kind=IdentifierKind.EMAIL, value=mail),
        Identifier(kind=IdentifierKind.ANONYMOUS, value=str(uuid4())),
    )

    def told(kind: Any, day: float, **fields: Any) -> Any:
        at = start + timedelta(days=day)
        return kind(
            source_id=f"{mail} {kind.__name__} {day}", occurred_at=at, identifiers=who, channel=Channel.WEB, **fields
        )

    words = {"purpose": Purpose.PERSONALISATION, "policy_version": "2026-01"}
    bus.dispatch(
        [
            told(Identify, 0, details=Details(name=f"Maria {CANARY}", city="Rome", birth_date="1990-05-05")),
            told(GiveConsent, 0.1, **words),
            told(GiveConsent, 0.2, purpose=Purpose.EMAIL, medium=Channel.EMAIL, policy_version="2026-01"),
            told(RecordSearch, 1, query=CANARY),
            told(ShowRecommendations, 2, placement="home", skus=(SKUS[1], SKUS[2]), decision_id=CANARY[:100]),
            told(
                PlaceOrder,
                3,
                order_id=f"A-1001 {mail}",
                total_cents=12_900,
                currency="EUR",
                lines=(Line(sku=SKUS[1], quantity=1, price_cents=12_900),),
            ),
            told(WithdrawConsent, 5, **words),
            told(RequestAccess, 9, request_id=ASKED if mail == MAIL else f"{mail}-request"),
        ]
    )


@pytest.fixture(scope="module")
def house(servers: Wiring, settings: Settings) -> Iterator[House]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with namespace(settings, port=port, erasure_window_h=0.0) as wiring:
        for number in range(6):
            wiring.bus().dispatch(listed(number))
        for mail in (MAIL, "erased@example.org", "held@example.org"):
            story(wiring, mail)
        runners.catch_up(wiring, folding.start_generation(wiring))
        with Children(wiring.settings) as children:
            children.start("project", "--follow")
            children.start("serve")
            up.wait_until_ready(wiring.settings, children)
            house = House(wiring, f"http://127.0.0.1:{port}")
            house.post("/v1/recommendations", {})  # a first answer loads the shop
            yield house


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, house: House) -> Iterator[Any]:
    """Pages of officers who are logged in; whatever the browser complains of fails the test, and so does a script that
    came from what somebody typed."""
    opened: list[tuple[Page, list[str]]] = []

    def as_officer(name: str | None, width: int = 1280) -> Page:
        context = browser.new_context(base_url=house.address, viewport={"width": width, "height": 900})
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        opened.append((page, complaints))
        page.goto("/compliance")
        if name is not None:
            page.fill("#key", house.keys[name])
            page.get_by_role("button", name="Log in").click()
            expect(page.locator("h1")).to_have_text("Cases and requests")
        return page

    yield as_officer
    for page, complaints in opened:
        assert page.evaluate("window.pwned") is None
        page.context.close()
        assert [each for each in complaints if "status of 4" not in each] == []


def find(page: Page, mail: str, purpose: str = "") -> None:
    page.goto("/compliance")
    page.select_option("#kind", "email")
    page.fill("#value", mail)
    page.fill("#purpose", purpose)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#line")).to_be_visible()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_nobody_gets_in_without_a_key_of_their_own(visit: Any, house: House) -> None:
    page = visit(None)
    expect(page.locator("h1")).to_have_text("Compliance")
    shot(page, "login-1280")
    for path in (f"/compliance/person/{house.person}", "/compliance/verify", "/compliance/public-key"):
        answer = page.goto(path)
        assert answer is not None and answer.status == 401
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        assert MAIL not in page.content()
    page.fill("#key", house.wiring.settings.generated_keys()["server"])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This key is not known.")


def test_a_case_shows_everything_and_runs_nothing(visit: Any, house: House) -> None:
    page = visit("rita")
    expect(page.locator("section[aria-labelledby=accesses]")).to_contain_text(ASKED)
    find(page, MAIL, "ticket 4711")
    assert MAIL not in page.url
    main = page.locator("#case")
    expect(main).to_contain_text(MAIL)
    expect(main).to_contain_text(f"Maria {CANARY}")
    expect(page.locator(".line .searched")).to_contain_text(CANARY)
    expect(page.locator(".line .order_placed")).to_contain_text("129.00 EUR")
    assert page.locator("#case img").count() == page.locator("#case script").count() == 0
    assert "49" not in page.locator(".line .searched span").inner_text()
    expect(main.locator("tr", has_text="Personalisation")).to_contain_text("Withdrawn")
    expect(page.locator(".readings li", has_text="search")).to_contain_text("ticket 4711")
    page.locator(".answer details").first.evaluate("d => { d.open = true }") if page.locator(
        ".answer"
    ).count() else None
    shot(page, "person-1280")
    person = page.locator("p.id").inner_text()
    entries = house.wiring.audit.latest(10, streams=[house.person, UUID(person)])
    assert {entry.actor for entry in entries} == {"officer:rita"}
    assert {"compliance.search", "compliance.case"} <= {entry.action for entry in entries}


def test_the_slider_goes_back_in_time(visit: Any) -> None:
    page = visit("paul")
    find(page, MAIL)
    page.locator("#slider").evaluate(
        "s => { s.value = 500; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')) }"
    )
    expect(page.locator("#line")).to_contain_text("as of")
    expect(page.locator(".line .order_placed")).to_have_count(1)
    expect(page.locator(".line .access_requested")).to_have_count(0)
    shot(page, "travel-1280")
    page.fill("#as_of", (datetime.now(UTC) - timedelta(days=8.5)).strftime("%Y-%m-%dT%H:%M:%S"))
    page.get_by_role("button", name="Go").click()
    expect(page.locator(".line .searched")).to_have_count(1)
    expect(page.locator(".line .order_placed")).to_have_count(0)
    expect(page.locator("#case tr", has_text="Personalisation")).to_contain_text("Given")


def test_a_long_timeline_has_pages_back_to_its_beginning(visit: Any, house: House) -> None:
    who, start = (Identifier(kind=IdentifierKind.EMAIL, value="long@example.org"),), datetime.now(UTC)
    facts: dict[str, Any] = {"identifiers": who, "channel": Channel.WEB}
    searches = [
        RecordSearch(source_id=f"{n}", occurred_at=start - timedelta(minutes=500 - n), query=f"number {n};", **facts)
        for n in range(ENTRIES + 20)
    ]
    house.wiring.bus().dispatch(searches)
    page = visit("rita")
    find(page, "long@example.org")
    entries = page.locator(".line li")
    expect(page.locator("#line")).to_contain_text(f"{ENTRIES + 21} entries, the latest {ENTRIES} shown")
    expect(entries.first).to_contain_text(f"number {ENTRIES + 19};")
    expect(page.get_by_role("link", name="Newer")).to_have_count(0)
    page.get_by_role("link", name="Older").click()
    expect(entries).to_have_count(21)
    expect(entries.first).to_contain_text("number 19;")
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    shot(page, "older-1280")
    page.get_by_role("link", name="Newer").click()
    expect(entries).to_have_count(ENTRIES)
    page.fill("#as_of", (start - timedelta(minutes=500 - 210)).strftime("%Y-%m-%dT%H:%M:%S"))
    page.get_by_role("button", name="Go").click()
    page.get_by_role("link", name="Older").click()
    expect(page.locator("#line")).to_contain_text("as of")
    assert "as_of=" in page.url and entries.count() < 21


def test_two_who_may_be_one_are_decided_with_a_reason(visit: Any, house: House) -> None:
    bus = house.wiring.bus()
    for number, details in enumerate((ANNA, MAYBE)):
        who = (Identifier(kind=IdentifierKind.USER, value=f"grey{number}"),)
        told = {"source_id": f"grey{number}", "occurred_at": datetime.now(UTC), "channel": Channel.WEB}
        bus.dispatch([Identify(identifiers=who, details=details, **told)])
    page = visit("paul")
    page.get_by_role("link", name="One person or two").click()
    expect(page.locator(".none")).to_contain_text("no identity model in use")
    use_model(house.wiring)
    link_all(house.wiring)
    page.reload()
    pair = page.locator(".pair", has_text=str(grey(house, 0)))
    expect(pair).to_contain_text("1980")
    expect(pair.locator("h2")).to_contain_text("% likely one person")
    shot(page, "review-1280")
    pair.get_by_role("button", name="Two people").click()
    expect(pair).to_have_count(1)  # without a reason nothing is sent
    pair.get_by_label("Why").fill("mother and daughter")
    pair.get_by_role("button", name="Two people").click()
    expect(pair).to_have_count(0)
    found = {s: e for log in house.wiring.customers for s, e in log.streams([grey(house, 0)])}
    (kept,) = (e for e in found[grey(house, 0)] if isinstance(e, Customer.KeptApart))
    assert (kept.officer, kept.reason, kept.other) == ("officer:paul", "mother and daughter", grey(house, 1))
    actions = [entry.action for entry in house.wiring.audit.latest(20, streams=[grey(house, 0)])]
    assert {"compliance.review", "compliance.decide"} <= set(actions)


def grey(house: House, number: int) -> UUID:
    found = house.wiring.directory.find(Identifier(kind=IdentifierKind.USER, value=f"grey{number}"))
    assert found is not None
    return found


def test_the_export_is_a_file_and_closes_the_request(visit: Any) -> None:
    page = visit("rita")
    page.locator("section[aria-labelledby=accesses] tr", has_text=ASKED).get_by_role("link").click()
    expect(page.locator("#request")).to_have_value(ASKED)
    with page.expect_download() as download:
        page.get_by_role("button", name="To read (HTML)").click()
    text = Path(download.value.path()).read_text()
    assert MAIL in text and "<script" not in text and "<img" not in text
    page.goto("/compliance")
    expect(page.locator("section[aria-labelledby=accesses] tr", has_text=ASKED)).to_contain_text("Handed out")


def test_a_correction_is_seen_at_once(visit: Any) -> None:
    page = visit("rita")
    find(page, "held@example.org")
    page.select_option("#field", "city")
    page.fill("#right", "Milan")
    page.fill("#why", "said so on the phone")
    page.get_by_role("button", name="Correct").click()
    expect(page.locator(".two div", has_text="City")).to_contain_text("Milan")
    expect(page.locator(".line .details_corrected")).to_contain_text("officer:rita")


def test_erasing_takes_two_and_its_proof_verifies(visit: Any, house: House, tmp_path: Path) -> None:
    rita, paul = visit("rita"), visit("paul")
    find(rita, "erased@example.org")
    rita.select_option("#verified", "document")
    rita.get_by_role("button", name="Request erasure").click()
    expect(rita.locator("h1")).to_have_text("Request to erase")
    expect(rita.get_by_role("button", name="Approve")).to_have_count(0)
    expect(rita.locator("aside")).to_contain_text("somebody else has to approve")
    shot(rita, "request-1280")
    csrf = rita.locator("input[name=csrf]").first.get_attribute("value") or ""
    cookies = "; ".join(f"{c['name']}={c['value']}" for c in rita.context.cookies())
    path = re.sub(r"^http://[^/]+", "", rita.url)
    status, text = house.post(f"{path}/approve", {"csrf": csrf}, Cookie=cookies)
    assert status == 403 and "needs the role approver" in text

    paul.goto(rita.url)
    paul.get_by_role("button", name="Approve").click()
    expect(paul.locator("dt", has_text="Unreadable since")).to_be_visible(timeout=30_000)
    shot(paul, "erased-1280")
    with paul.expect_download() as download:
        paul.get_by_role("button", name="Download the proof").click()
    proof = tmp_path / "proof"
    download.value.save_as(str(proof))
    paul.goto("/compliance/verify")
    paul.set_input_files("#bundle", str(proof))
    paul.get_by_role("button", name="Verify").click()
    expect(paul.get_by_role("status")).to_contain_text("The proof holds.")
    shot(paul, "verify-1280")
    proof.write_bytes(proof.read_bytes().replace(b'"made_at":"2', b'"made_at":"1'))
    paul.set_input_files("#bundle", str(proof))
    paul.get_by_role("button", name="Verify").click()
    expect(paul.get_by_role("status")).to_contain_text("This proof does not hold.")
    paul.goto("/compliance")
    paul.fill("#value", "erased@example.org")
    paul.get_by_role("button", name="Search").click()
    expect(paul.locator("h1")).to_have_text("Nobody and nothing is here")


def test_whoever_asked_never_approves_whatever_their_roles(visit: Any, house: House) -> None:
    page = visit("both")
    find(page, "held@example.org")
    page.select_option("#verified", "in-store")
    page.get_by_role("button", name="Request erasure").click()
    expect(page.locator("aside")).to_contain_text("somebody else has to approve")
    csrf = page.locator("input[name=csrf]").first.get_attribute("value") or ""
    cookies = "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies())
    path = re.sub(r"^http://[^/]+", "", page.url)
    status, text = house.post(f"{path}/approve", {"csrf": csrf}, Cookie=cookies)
    assert status == 403 and "may not approve it" in text
    page.get_by_role("button", name="Hold").click()
    expect(page.locator(".state.held")).to_be_visible()
    page.get_by_role("button", name="End the hold").click()
    page.get_by_role("button", name="Cancel the request").click()
    expect(page.locator(".state").first).to_have_text("Cancelled")


def test_a_form_from_elsewhere_is_refused(visit: Any, house: House) -> None:
    page = visit("rita")
    cookies = "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies())
    (session,) = (c for c in page.context.cookies() if c["name"] == "officer")
    assert session["httpOnly"] and session["sameSite"] == "Strict" and session["path"] == "/compliance"
    assert 0 < session["expires"] - datetime.now(UTC).timestamp() <= 1_800
    for csrf in ("", "0" * 64):
        fields = {"csrf": csrf, "kind": "email", "value": MAIL}
        status, text = house.post("/compliance/search", fields, Cookie=cookies)
        assert status == 403 and "not from this session" in text
    assert house.post("/compliance/search", {"kind": "email", "value": MAIL})[0] == 401
    assert house.post("/compliance/login", {"key": house.keys["rita"]})[0] == 403
    answer = page.goto("/compliance")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy


def test_a_session_ends_after_half_an_hour_and_by_logging_out(visit: Any, house: House) -> None:
    page, other = visit("rita"), visit("rita")
    old = {c["name"]: c["value"] for c in other.context.cookies()}["officer"]
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_role("button", name="Log in")).to_be_visible()
    now = datetime.now(UTC)
    assert house.wiring.officers.session(old, now) is None
    live = {c["name"]: c["value"] for c in page.context.cookies()}["officer"]
    assert house.wiring.officers.session(live, now + timedelta(minutes=29)) is not None
    with house.wiring._beside_catalogue.connection() as connection:
        connection.execute("UPDATE page_session SET seen = seen - interval '1 hour' WHERE who = 'rita'")
    page.reload()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    status, _ = house.post(
        "/compliance/search", {"csrf": "x", "kind": "email", "value": MAIL}, Cookie=f"officer={live}"
    )
    assert status == 401


def test_on_a_phone_nothing_is_wider_than_the_screen(visit: Any, house: House) -> None:
    page = visit("paul", 390)
    shot(page, "home-390")
    for path in ("/compliance", f"/compliance/person/{house.person}", "/compliance/review", "/compliance/verify"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.goto(f"/compliance/person/{house.person}")
    shot(page, "person-390")
    wide = visit("paul")
    shot(wide, "home-1280")
