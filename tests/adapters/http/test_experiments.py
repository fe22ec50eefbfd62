"""``GET /v1/experiments`` and ``GET /v1/experiments/{key}``."""

import pytest
from litestar import Litestar
from litestar.testing import TestClient

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
