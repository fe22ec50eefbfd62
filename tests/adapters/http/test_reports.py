"""``GET /v1/experiments/{key}/report``: forms, parameters, and what is not there yet."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import Metrics
from adapters.http.reports import alone
from commands.ports import UnavailableError
from queries.reports import BeingMadeError, RefusedError, ReportAsk
from tests.adapters.http.fakes import ADMIN, MemoryReader, MemoryReports, MemoryWriter, app, bearer
from tests.adapters.reports.simulated import drawn

Client = TestClient[Litestar]
PATH = "/v1/experiments/hero/report"


@pytest.fixture
def reports() -> MemoryReports:
    return MemoryReports()


@pytest.fixture
def asking(reports: MemoryReports) -> Iterator[Client]:
    made = app(MemoryWriter(), MemoryReader(), Metrics(), reports=reports)
    with TestClient(made, raise_server_exceptions=False) as client:
        yield client


def get(client: Client, query: str = "", **headers: str) -> Any:
    return client.get(PATH + query, headers=bearer(ADMIN) | headers)


def test_json_is_the_whole_report(asking: Client, reports: MemoryReports) -> None:
    told = get(asking).json()
    assert told == dict(drawn().report) and told["verdict"].startswith("bold is better")
    assert reports.asked == [ReportAsk("experiment", "hero")]


@pytest.mark.parametrize("asked", [{"query": "?format=csv"}, {"accept": "text/csv"}])
def test_csv(asking: Client, asked: dict[str, str]) -> None:
    answer = get(asking, **asked)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["part"] for row in rows} == {"arm", "metric", "board", "segment", "look"}
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="experiment-hero.csv"'


def test_parquet(asking: Client) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    answer = get(asking, "?format=parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert "verdict" not in answer.text and parquet.read_table(io.BytesIO(answer.content)).num_rows > 20


@pytest.mark.parametrize("asked", [{"query": "?format=html"}, {"accept": "text/html,*/*;q=.8"}])
def test_a_page_may_use_its_own_style_and_nothing_else(asking: Client, asked: dict[str, str]) -> None:
    answer = get(asking, **asked)
    assert answer.headers["content-security-policy"] == alone() and "unsafe" not in alone()
    assert "Better than the control" in answer.text


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


def test_what_is_not_there(asking: Client, reports: MemoryReports) -> None:
    assert asking.get("/v1/experiments/none/report", headers=bearer(ADMIN)).status_code == 404
    reports.fails = BeingMadeError()
    waiting = get(asking)
    assert (waiting.status_code, waiting.json(), waiting.headers["retry-after"]) == (202, {"status": "being made"}, "2")
    reports.fails = RefusedError("an experiment has two arms at least")
    assert (get(asking).status_code, get(asking).json()["reason"]) == (409, "an experiment has two arms at least")
    reports.fails = UnavailableError("no")
    assert get(asking).status_code == 503
