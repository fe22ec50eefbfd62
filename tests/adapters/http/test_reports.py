"""``GET /v1/experiments/{key}/report``, ``GET /v1/attribution/report`` and what was published: forms, parameters, and
what is not there yet."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import Metrics, Scope
from adapters.http.report_forms import alone
from commands.ports import UnavailableError
from queries.reports import BeingMadeError, RefusedError, ReportAsk
from tests.adapters.http.fakes import ADMIN, ONE_SCOPE, MemoryReader, MemoryReports, MemoryWriter, app, bearer
from tests.adapters.reports.simulated import drawn
from tests.adapters.reports.travelled import travelled

Client = TestClient[Litestar]
PATH = "/v1/experiments/hero/report"
OWED = "/v1/attribution/report"
BOTH = pytest.mark.parametrize("path", [PATH, OWED])


@pytest.fixture
def reports() -> MemoryReports:
    return MemoryReports()


@pytest.fixture
def asking(reports: MemoryReports) -> Iterator[Client]:
    made = app(MemoryWriter(), MemoryReader(), Metrics(), reports=reports)
    with TestClient(made, raise_server_exceptions=False) as client:
        yield client


def get(client: Client, query: str = "", path: str = PATH, **headers: str) -> Any:
    return client.get(path + query, headers=bearer(ADMIN) | headers)


def test_json_is_the_whole_report(asking: Client, reports: MemoryReports) -> None:
    told = get(asking).json()
    assert told == dict(drawn().report) and told["verdict"].startswith("bold is better")
    assert reports.asked == [ReportAsk("experiment", "hero")]


@BOTH
@pytest.mark.parametrize("asked", [{"query": "?format=csv"}, {"accept": "text/csv"}])
def test_csv(asking: Client, path: str, asked: dict[str, str]) -> None:
    answer = get(asking, path=path, **asked)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    if path == PATH:
        assert {row["part"] for row in rows} == {"arm", "metric", "board", "segment", "look", "bandit"}
    else:
        assert {row["heading"] for row in rows} == {"credit", "net revenue", "unattributed", "erased revenue"}
    name = "experiment-hero.csv" if path == PATH else "attribution.csv"
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


@BOTH
def test_parquet(asking: Client, path: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    answer = get(asking, "?format=parquet", path)
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert "verdict" not in answer.text and parquet.read_table(io.BytesIO(answer.content)).num_rows > 20


@BOTH
@pytest.mark.parametrize("asked", [{"query": "?format=html"}, {"accept": "text/html,*/*;q=.8"}])
def test_a_page_may_use_its_own_style_and_nothing_else(asking: Client, path: str, asked: dict[str, str]) -> None:
    answer = get(asking, path=path, **asked)
    assert answer.headers["content-security-policy"] == alone() and "unsafe" not in alone()
    assert ("Better than the control" if path == PATH else "Models side by side") in answer.text


def test_what_is_asked_comes_through(asking: Client, reports: MemoryReports) -> None:
    query = "?at=12,40&until=2026-03-01T00:00:00&within=14&planned=5000&alpha=.01&cap=90000"
    assert get(asking, query).status_code == 200
    (ask,) = reports.asked
    assert ask.pinned and dict(ask.options)["at"] == "12,40" and len(ask.options) == 6
    get(asking, "?at=12,40")
    assert not reports.asked[1].pinned, "its end is now"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?at=1;2", "at"),
        ("?at=-1", "at"),
        ("?until=yesterday", "until"),
        ("?until=2026-03-01%0A", "until"),
        ("?until=2026-13-01", "until"),
        ("?within=07", "within"),
        ("?within=0", "within"),
        ("?within=401", "within"),
        ("?planned=1", "planned"),
        ("?alpha=.6", "alpha"),
        ("?alpha=.0", "alpha"),
        ("?cap=1e9", "cap"),
        ("?format=pdf", "format"),
        ("?html=/etc/passwd", "query"),
        ("?at=1&at=2", "at"),
    ],
)
def test_what_is_wrong_is_named(asking: Client, reports: MemoryReports, query: str, field: str) -> None:
    answer = get(asking, query)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert reports.asked == []


def test_what_is_asked_of_attribution_is_as_on_the_command_line(asking: Client, reports: MemoryReports) -> None:
    query = "?model=first,markov-1&from=2026-05-01&to=2026-06-01&as_of_position=7,8&lookback_days=14"
    told = get(asking, f"{query}&every_order=true&clicks_only=false&session_minutes=0&half_life_days=", OWED).json()
    assert told == json.loads(json.dumps(travelled()))
    (ask,) = reports.asked
    assert (ask.kind, ask.key, ask.pinned) == ("attribution", "", True)
    assert dict(ask.options) == {
        "model": "first,markov-1",
        "from": "2026-05-01",
        "to": "2026-06-01",
        "as-of-position": "7,8",
        "lookback-days": "14",
        "session-minutes": "0",
        "every-order": "",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model", "guess"),
        ("model", "first;last"),
        ("from", "2026-13-01"),
        ("from", "20260301"),
        ("to", "1"),
        ("as_of_position", "-1"),
        ("lookback_days", "0"),
        ("lookback_days", "\u0661"),
        ("session_minutes", "1441"),
        ("every_order", "yes"),
        ("format", "xml"),
        ("experiment", "k" * 201),
    ],
)
def test_what_is_wrong_with_attribution_is_named(asking: Client, reports: MemoryReports, name: str, text: str) -> None:
    answer = asking.get(OWED, params={name: text}, headers=bearer(ADMIN))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)
    assert reports.asked == []


def test_a_period_must_begin_before_it_ends(asking: Client) -> None:
    assert get(asking, "?from=2026-05-02&to=2026-05-02", OWED).json()["errors"][0]["field"] == "from"


def test_what_an_experiment_measured_stands_beside_the_credit(asking: Client, reports: MemoryReports) -> None:
    told = get(asking, "?experiment=hero", OWED).json()["currencies"][0]["personalization"]
    assert set(told["credited"]) and {lift["metric"] for lift in told["measured"]} == {"conversion", "net_revenue"}
    assert dict(reports.asked[0].options) == {"experiment": "hero"}
    none = get(asking, "?experiment=none", OWED)
    assert (none.status_code, none.json()["field"]) == (404, "experiment")


def test_measured_lifts_need_the_scope_of_experiments_reports(asking: Client, reports: MemoryReports) -> None:
    few = bearer(ONE_SCOPE[Scope.ATTRIBUTION_READ][0])
    assert asking.get(f"{OWED}?experiment=hero", headers=few).status_code == 403 and reports.asked == []
    assert asking.get(OWED, headers=few).status_code == 200


def test_published_versions(asking: Client) -> None:
    assert get(asking, path="/v1/attribution/versions").json() == [{"key": "all", "version": 1}]
    assert get(asking, "?key=ab12", "/v1/attribution/versions").json() == [{"key": "ab12", "version": 1}]
    assert get(asking, "?all=1", "/v1/attribution/versions").status_code == 400


def test_there_is_no_report_of_no_experiment(asking: Client) -> None:
    assert asking.get("/v1/experiments/none/report", headers=bearer(ADMIN)).status_code == 404


@BOTH
def test_what_is_not_there(asking: Client, reports: MemoryReports, path: str) -> None:
    reports.fails = BeingMadeError()
    waiting = get(asking, path=path)
    assert (waiting.status_code, waiting.json(), waiting.headers["retry-after"]) == (202, {"status": "being made"}, "2")
    reports.fails = RefusedError("an experiment has two arms at least")
    refused = get(asking, path=path)
    assert (refused.status_code, refused.json()["reason"]) == (409, "an experiment has two arms at least")
    reports.fails = RefusedError("one number for each of 2 shards", "as-of-position")
    wrong = get(asking, path=path)
    assert (wrong.status_code, wrong.json()["field"]) == (400, "as_of_position")
    reports.fails = UnavailableError("no")
    assert get(asking, path=path).status_code == 503
