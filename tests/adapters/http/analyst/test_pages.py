"""The analysts' pages: nothing without a session, and nothing that is not ours."""

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import Access, ApiKeys, Metrics, Scope, generate
from adapters.http.analyst import AnalystDesk, Analysts, analyst_routes, house
from adapters.http.analyst.desk import onward
from adapters.http.limits import Limits, Rate
from adapters.http.report_forms import alone
from adapters.http.sessions import Doors
from commands.ports import UnavailableError
from queries.reports import BeingMadeError, RefusedError
from tests.adapters.http.fakes import HERO, NOW, MemoryReader, MemoryReports, MemoryWriter, app
from tests.adapters.reports.travelled import versions

Client = TestClient[Litestar]
TEXT, KEY = generate([Scope.REPORTS_READ, Scope.ATTRIBUTION_READ], id="ana")
OTHER, OTHER_KEY = generate([Scope.EXPERIMENTS_READ], id="app")
FEW, FEW_KEY = generate([Scope.REPORTS_READ], id="few")
SLOW, SLOW_KEY = generate([Scope.REPORTS_READ], id="slow", rate=Rate(1, 1))
HOME = "/analyst/experiments"
PAGES = (HOME, f"{HOME}/hero", f"{HOME}/hero/files/csv")


class Kept:
    """Sessions in memory; those in PostgreSQL are tested by themselves."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}

    def begin(self, who: str, now: datetime) -> str:
        self._of[token := uuid4().hex] = who
        return token

    def who(self, token: str, now: datetime) -> str | None:
        return self._of.get(token)

    def end(self, token: str) -> None:
        del self._of[token]

    def csrf(self, token: str) -> str:
        return sha256(token.encode()).hexdigest()


@pytest.fixture
def reports() -> MemoryReports:
    return MemoryReports()


@pytest.fixture
def client(reports: MemoryReports) -> Iterator[Client]:
    access = Access(ApiKeys([KEY, OTHER_KEY, SLOW_KEY, FEW_KEY]), Limits())
    people = Analysts(access, Kept())
    desk = AnalystDesk(reports, lambda: [HERO], lambda key: versions(), people, Doors(people, house(), lambda: NOW))
    routes = analyst_routes(desk)
    made = app(MemoryWriter(), MemoryReader(), Metrics(), list(routes), reports=reports)
    with TestClient(made, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


def log_in(client: Client, text: str = TEXT, **more: str) -> Any:
    return post(client, "/analyst/login", "/analyst/login", key=text, **more)


def post(client: Client, path: str, shown: str = HOME, **fields: str) -> Any:
    """A form as a page has it, with the token that stands in it."""
    (token,) = set(re.findall(r'name="csrf" value="([0-9a-f]{64})"', client.get(shown).text))
    return client.post(path, data={"csrf": token, **fields})


@pytest.mark.parametrize("path", PAGES)
def test_without_a_session_one_is_sent_to_the_login_and_back(client: Client, path: str, reports: MemoryReports) -> None:
    sent = client.get(f"{path}?within=7" if path.endswith("hero") else path)
    assert sent.status_code == 303 and sent.headers["location"].startswith("/analyst/login?next=%2Fanalyst%2Fexp")
    assert reports.asked == []
    login = client.get(sent.headers["location"])
    assert f'value="{path}' in login.text
    assert log_in(client, next=path).headers["location"] == path
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("text", "status"), [("bsk_none", 403), ("", 403), (OTHER, 403)], ids=["none", "empty", "other"]
)
def test_a_key_that_may_not_is_told_so(client: Client, text: str, status: int) -> None:
    answer = log_in(client, text)
    assert answer.status_code == status and "analyst=" not in answer.headers.get("set-cookie", "")
    assert not text or text not in answer.text
    assert client.get(HOME).status_code == 303


def test_a_session_ends(client: Client) -> None:
    log_in(client)
    assert client.get(HOME).status_code == 200
    post(client, "/analyst/logout")
    assert client.get(HOME).status_code == 303


def test_another_site_logs_nobody_in(client: Client) -> None:
    client.get("/analyst/login")
    answer = client.post("/analyst/login", data={"key": TEXT}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403 and "analyst=" not in answer.headers.get("set-cookie", "")
    assert "sent by another site" in answer.text


@pytest.mark.parametrize("path", [*PAGES[:2], "/analyst/login", f"{HOME}/none"])
def test_pages_run_and_load_nothing_that_is_not_ours(client: Client, path: str) -> None:
    log_in(client)
    answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert " style=" not in answer.text and "<style" not in answer.text and " onclick" not in answer.text


def test_the_list_and_the_page(client: Client) -> None:
    log_in(client)
    assert '<a href="/analyst/experiments/hero">hero</a>' in client.get(HOME).text
    page = client.get(f"{HOME}/hero").text
    assert "Better than the control" in page and "<svg" in page
    assert "/analyst/experiments/hero?at=812%2C4&amp;until=2026-05-11T00%3A00%3A00" in page
    for form in ("json", "csv", "parquet", "html"):
        assert f"/analyst/experiments/hero/files/{form}?at=" in page


def test_files_are_those_of_the_api(client: Client) -> None:
    log_in(client)
    answer = client.get(f"{HOME}/hero/files/csv?at=812,4&until=2026-05-11T00:00:00")
    assert answer.text.startswith("part,by,segment") and "attachment" in answer.headers["content-disposition"]
    assert client.get(f"{HOME}/hero/files/exe").status_code == 404
    assert client.get(f"{HOME}/none/files/csv").status_code == 404


def test_again_forgets_what_was_made(client: Client, reports: MemoryReports) -> None:
    log_in(client)
    answer = post(client, f"{HOME}/hero/again?within=7")
    assert answer.status_code == 303 and answer.headers["location"] == f"{HOME}/hero?within=7"
    assert [dict(ask.options) for ask in reports.forgotten] == [{"within": "7"}]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BeingMadeError(), 202, "The log is being read"),
        (RefusedError("control: there is no arm of this name"), 200, "Nothing to compare yet"),
        (UnavailableError("x"), 503, "does not answer"),
    ],
)
def test_what_is_not_there_yet_is_said(
    client: Client, reports: MemoryReports, error: Exception, status: int, said: str
) -> None:
    log_in(client)
    reports.fails = error
    answer = client.get(f"{HOME}/hero")
    assert (
        answer.status_code == status and said in answer.text and answer.headers["content-type"].startswith("text/html")
    )


@pytest.mark.parametrize(
    "path", [f"{HOME}/none", f"{HOME}/hero?nonsense=1", f"{HOME}/hero?at=x", f"{HOME}/{'x' * 300}"]
)
def test_what_is_odd_gets_words(client: Client, path: str) -> None:
    log_in(client)
    answer = client.get(path)
    assert answer.status_code in (400, 404) and "To all experiments" in answer.text


def test_a_session_counts_for_its_keys_limit(client: Client) -> None:
    log_in(client, SLOW)
    assert {client.get(HOME).status_code for _ in range(4)} == {200, 429}


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/analyst//evil.example",
        "/analyst\\evil",
        "/v1/rules",
        "/analyst/logout",
    ],
)
def test_nobody_is_sent_elsewhere(path: str) -> None:
    assert onward(path) == HOME


def test_the_attribution_page_has_models_ways_credit_beside_what_was_measured_and_restatements(client: Client) -> None:
    log_in(client)
    page = client.get("/analyst/attribution?experiment=hero&model=").text
    for said in ("Models side by side", "Ways to an order", "Credited, by models", "Measured, by an experiment"):
        assert said in page
    assert "restated once" in page and "<strong>Refund</strong>" in page and "<option selected>hero" in page
    pinned = "/analyst/attribution?experiment=hero&amp;from=2026-04-27&amp;to=2026-05-27&amp;as_of_position=4811"
    assert f'<a href="{pinned}">This very report</a>' in page
    assert " style=" not in page and "<style" not in page


def test_attribution_files(client: Client, reports: MemoryReports) -> None:
    log_in(client)
    answer = client.get("/analyst/attribution/files/csv?from=2026-05-01&experiment=hero")
    assert answer.text.startswith("currency,model,heading,channel,cents") and ",e-mail," in answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="attribution.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert dict(reports.asked[0].options) == {"experiment": "hero", "from": "2026-05-01"}
    page = client.get("/analyst/attribution/files/html")
    assert "Models side by side" in page.text and page.headers["content-security-policy"] == alone()
    assert client.get("/analyst/attribution/files/exe").status_code == 404
    reports.fails = RefusedError("one number for each of 2 shards", "as-of-position")
    asked = "/analyst/attribution?as_of_position=999"
    assert client.get(asked).status_code == 400 and "one number" in client.get(asked).text
    assert client.get(asked.replace("?", "/files/csv?")).headers["location"] == asked


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("experiment=none", 404),
        ("experiment=--html", 404),
        ("from=x", 400),
        ("html=x", 400),
        ("from=2026-05-01&from=x", 400),
    ],
)
def test_what_attribution_does_not_know_is_refused(
    client: Client, reports: MemoryReports, query: str, status: int
) -> None:
    log_in(client)
    assert client.get(f"/analyst/attribution?{query}").status_code == status
    assert reports.asked == []


def test_attribution_needs_its_scope(client: Client, reports: MemoryReports) -> None:
    log_in(client, SLOW)
    assert "/analyst/attribution" not in client.get(HOME).text
    log_in(client, FEW)
    for path in ("", "/files/csv"):
        assert client.get(f"/analyst/attribution{path}").status_code == 403
    assert reports.asked == []


def test_attribution_again(client: Client, reports: MemoryReports) -> None:
    log_in(client)
    answer = post(client, "/analyst/attribution/again?from=2026-05-01")
    assert answer.headers["location"] == "/analyst/attribution?from=2026-05-01"
    assert reports.forgotten[0].options == (("from", "2026-05-01"),)


@pytest.mark.parametrize("name", ["report.css", "analyst.css", "analyst.js"])
def test_files_of_pages_are_served_and_no_others(client: Client, name: str) -> None:
    assert client.get(f"/analyst/static/{name}").status_code == 200
    assert client.get(f"/analyst/static/..%2f{name}").status_code == 404
    assert client.get("/analyst/static/base.html").status_code == 404


@pytest.mark.parametrize("path", ["/analyst/logout", f"{HOME}/hero/again", "/analyst/attribution/again"])
def test_a_form_without_the_sessions_token_changes_nothing(client: Client, reports: MemoryReports, path: str) -> None:
    log_in(client)
    answer = client.post(path, data={"csrf": "0" * 64})
    assert answer.status_code == 403 and "not from this session" in answer.text
    assert client.get(HOME).status_code == 200 and reports.forgotten == []


def test_after_some_wrong_keys_one_has_to_wait(client: Client) -> None:
    told = [log_in(client, "bsk_wrong").status_code for _ in range(6)]
    assert told == [403] * 5 + [429] and log_in(client).status_code == 429
