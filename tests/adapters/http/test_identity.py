"""The review queue over HTTP: who sees what, who decides, and what is kept of it."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import Metrics, Scope
from tests.adapters.http.fakes import (
    ADMIN,
    ADMIN_KEY,
    ONE_SCOPE,
    PERSON,
    TWIN,
    MemoryAudit,
    MemoryReader,
    MemoryReviews,
    MemoryWriter,
    app,
    bearer,
)

Client = TestClient[Litestar]
PATH, SERVER = "/v1/identity/review", bearer(ADMIN)
PAIR = f"{PERSON}_{TWIN}"
YES = {"decision": "link", "reason": "same passport"}


@pytest.fixture
def reviews() -> MemoryReviews:
    return MemoryReviews()


@pytest.fixture
def audit() -> MemoryAudit:
    return MemoryAudit()


@pytest.fixture
def client(reviews: MemoryReviews, audit: MemoryAudit) -> Iterator[Client]:
    built = app(MemoryWriter(), MemoryReader(), Metrics(), audit=audit, reviews=reviews)
    with TestClient(built, raise_server_exceptions=False) as client:
        yield client


def test_pairs_are_told_with_what_speaks_for_them_and_nothing_personal(client: Client, audit: MemoryAudit) -> None:
    answer = client.get(PATH, headers=bearer(ONE_SCOPE[Scope.IDENTITY_READ][0]))
    (pair,) = answer.json()["pairs"]
    assert (pair["id"], pair["told"]) == (PAIR, [])
    assert pair["evidence"] == [{"comparison": "given", "level": "alike", "weight": 3.25}]
    assert 0.9 < pair["probability"] < 1 and "1990" not in answer.text
    assert audit.told == []


def test_details_are_for_who_decides_and_are_audited(client: Client, audit: MemoryAudit) -> None:
    refused = client.get(f"{PATH}?details=true", headers=bearer(ONE_SCOPE[Scope.IDENTITY_READ][0]))
    assert refused.status_code == 403 and audit.told == []
    (pair,) = client.get(f"{PATH}?details=true", headers=SERVER | {"X-Purpose": "queue"}).json()["pairs"]
    assert pair["told"] == [{"given": "ann", "born": "1990-05-05"}, {"given": "anne"}]
    assert [(each.action, each.stream, each.purpose) for each in audit.told] == [
        ("identity.review", PERSON, "queue"),
        ("identity.review", TWIN, "queue"),
    ]


@pytest.mark.parametrize("id_", [PAIR, f"{TWIN}_{PERSON}"])
def test_a_decision_is_recorded_once_with_who_and_why(
    client: Client, reviews: MemoryReviews, audit: MemoryAudit, id_: str
) -> None:
    answer = client.post(f"{PATH}/{id_}", json=YES, headers=SERVER)
    assert (answer.status_code, answer.json()) == (200, {"id": PAIR, "decision": "link", "recorded": True})
    assert reviews.decided == [(PERSON, TWIN, "link", f"key:{ADMIN_KEY.id}", "same passport")]
    assert [(each.action, each.stream) for each in audit.told] == [("identity.decide", s) for s in (PERSON, TWIN)]
    again = client.post(f"{PATH}/{id_}", json=YES | {"decision": "keep-apart"}, headers=SERVER)
    assert (again.status_code, again.json()["field"]) == (409, "pair_id")
    assert len(reviews.decided) == 1


def test_nobody_s_pair_is_404(client: Client, audit: MemoryAudit) -> None:
    answer = client.post(f"{PATH}/{PERSON}_{UUID(int=9)}", json=YES, headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (404, "pair_id")
    assert audit.told == []


@pytest.mark.parametrize("id_", ["canary", f"{PERSON}_", f"{PERSON}_{PERSON}", f"{PERSON}_{TWIN}_{TWIN}"])
def test_what_is_no_pair_is_refused(client: Client, id_: str) -> None:
    answer = client.post(f"{PATH}/{id_}", json=YES, headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (400, "pair_id")
    assert "canary" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "decision"),
        (YES | {"decision": "canary"}, "decision"),
        (YES | {"reason": ""}, "reason"),
        (YES | {"reason": "x" * 501}, "reason"),
        (YES | {"more": 1}, "more"),
        ([], "body"),
    ],
)
def test_a_wrong_body_is_refused(client: Client, reviews: MemoryReviews, body: object, field: str) -> None:
    answer = client.post(f"{PATH}/{PAIR}", json=body, headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert "canary" not in answer.text and reviews.decided == []


def test_without_a_model_nobody_is_asked(client: Client, reviews: MemoryReviews) -> None:
    reviews.model = False
    answer = client.get(PATH, headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (409, "model")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "details=canary", "canary=1"])
def test_wrong_parameters_are_refused(client: Client, query: str) -> None:
    answer = client.get(f"{PATH}?{query}", headers=SERVER)
    assert answer.status_code == 400 and "canary" not in answer.json()["detail"]
