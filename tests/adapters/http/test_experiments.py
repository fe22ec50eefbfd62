"""``GET /v1/experiments`` and ``GET /v1/experiments/{key}``."""

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from queries.experiment_plan import PlanAsk, plan
from tests.adapters.http.fakes import ADMIN, bearer

Client = TestClient[Litestar]


def test_experiments_are_told_with_what_was_changed(client: Client) -> None:
    (told,) = client.get("/v1/experiments", headers=bearer(ADMIN)).json()
    assert told == client.get("/v1/experiments/hero", headers=bearer(ADMIN)).json()
    assert (told["key"], told["state"], told["coverage"], told["shipped"]) == ("hero", "running", 10_000, None)
    assert [variant["buckets"] for variant in told["design"]["variants"]] == [5_000, 5_000]
    assert [change["does"] for change in told["history"]] == ["designed", "started"]


@pytest.mark.parametrize(("path", "status"), [("none", 404), ("x" * 500, 404), ("hero?all=1", 400)])
def test_what_there_is_none_of_is_named(client: Client, path: str, status: int) -> None:
    answer = client.get(f"/v1/experiments/{path}", headers=bearer(ADMIN))
    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] in ("key", "all", "query")


def test_a_plan_is_that_of_the_command_line(client: Client) -> None:
    told = client.get(
        "/v1/experiment-plan?rate=.03&effect=.05&daily=20000&sequential=true", headers=bearer(ADMIN)
    ).json()
    assert told == plan(PlanAsk(rate=0.03, effect=0.05, daily=20_000, sequential=True)) and told["days"] > 1
    shown = client.get("/v1/experiment-plan?mean=42&sd=80&units=100000", headers=bearer(ADMIN)).json()
    assert shown["units"] == 100_000 and 0 < shown["effect"] < 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("rate=.03", "effect"),
        ("effect=.05", "rate"),
        ("rate=1.5&effect=.1", "rate"),
        ("rate=nan&effect=.1", "rate"),
        ("rate=.03&effect=inf", "effect"),
        ("rate=.03&effect=0", "query"),
        ("rate=.03&units=1", "units"),
        ("rate=.03&effect=.1&arms=99", "arms"),
        ("rate=.03&effect=.1&colour=red", "query"),
    ],
)
def test_a_plan_that_cannot_be_names_why(client: Client, query: str, field: str) -> None:
    answer = client.get(f"/v1/experiment-plan?{query}", headers=bearer(ADMIN))
    assert (answer.status_code, answer.json()["field"]) == (400, field)
