"""``GET /v1/decisions/{id}`` and ``POST /v1/recommendations``."""

from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.adapters.http.fakes import ADMIN, DECIDED, GONE_ID, PERSON, MemoryReader, bearer

Client = TestClient[Litestar]


@pytest.mark.parametrize(("decision", "status"), [(DECIDED, 200), (GONE_ID, 410), (uuid4(), 404), ("x", 400)])
def test_a_decision_is_told_or_why_not(client: Client, decision: object, status: int) -> None:
    answer = client.get(f"/v1/decisions/{decision}", headers=bearer(ADMIN))
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["generations"]["catalogue"] == 0
        assert answer.json()["items"][0] | {"score": 1.0, "propensity": 1.0} == answer.json()["items"][0]
    else:
        assert answer.json()["errors"][0]["field"] == "decision_id"


def test_hits_go_along_in_the_body(client: Client, reader: MemoryReader) -> None:
    body = {"placement": "search", "person_id": str(PERSON), "skus": ["a", "b"], "limit": 3}
    answer = client.post("/v1/recommendations", json=body, headers=bearer(ADMIN))
    assert answer.status_code == 200
    assert reader.asked == [("recommend", "search", PERSON, 3, None)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"placement": "cellar"}, "placement"),
        ({"skus": ["x" * 81]}, "skus"),
        ({"skus": ["x"] * 501}, "skus"),
        ({"limit": 0}, "limit"),
        ({"canary": 1}, "canary"),
        ({"person_id": "canary"}, "person_id"),
        ({"user_id": "a", "anonymous_id": "b"}, "anonymous_id"),
        ({"user_id": "canary@example.com"}, "user_id"),
        ([], "body"),
    ],
)
def test_a_wrong_body_is_refused_by_its_field(client: Client, body: object, field: str) -> None:
    answer = client.post("/v1/recommendations", json=body, headers=bearer(ADMIN))
    assert 400 <= answer.status_code < 500
    assert answer.json()["errors"][0]["field"] == field
    assert "canary@" not in answer.text


def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    headers = bearer(ADMIN) | {"Content-Type": "application/json"}
    assert client.post("/v1/recommendations", content=b"{", headers=headers).status_code == 400
