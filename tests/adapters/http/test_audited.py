"""What REST reads of persons is told to the audit log first, or is not answered."""

import json
from uuid import UUID

import pytest
from litestar.testing import TestClient

from adapters.http import Metrics
from commands.ports import UnavailableError
from tests.adapters.http.fakes import ADMIN, ADMIN_KEY, DECIDED, PERSON, MemoryAudit, MemoryReader, MemoryWriter, app
from tests.adapters.http.fakes import bearer as bearing

CUSTOMER, EVENTS = f"/v1/customers/{PERSON}", f"/v1/customers/{PERSON}/events"
DECISION, PREVIEW = f"/v1/decisions/{DECIDED}", "/v1/rules/preview"
READS = {
    ("GET", CUSTOMER): "customer",
    ("GET", EVENTS): "customer.events",
    ("GET", DECISION): "decision",
    ("POST", PREVIEW): "rules.preview",
}
BODY = json.dumps({"person_id": str(PERSON)})


@pytest.mark.parametrize(("route", "action"), READS.items())
def test_who_read_what_of_whom_and_what_for(route: tuple[str, str], action: str) -> None:
    audit, headers = MemoryAudit(), bearing(ADMIN) | {"X-Purpose": "ticket 4711", "Content-Type": "application/json"}
    with TestClient(app(MemoryWriter(), MemoryReader(), Metrics(), audit=audit)) as client:
        answer = client.request(*route, headers=headers, content=BODY if route[0] == "POST" else None)
        assert answer.status_code == 200
    (told,) = audit.told
    assert (told.actor, told.action, told.stream) == (f"key:{ADMIN_KEY.id}", action, PERSON)
    assert told.purpose == "ticket 4711"


@pytest.mark.parametrize("route", READS)
def test_no_answer_without_it(route: tuple[str, str]) -> None:
    audit, headers = MemoryAudit(fails=UnavailableError("down")), bearing(ADMIN) | {"Content-Type": "application/json"}
    with TestClient(app(MemoryWriter(), MemoryReader(), Metrics(), audit=audit)) as client:
        answer = client.request(*route, headers=headers, content=BODY if route[0] == "POST" else None)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert str(PERSON) not in answer.text
        assert client.get("/v1/recommendations", headers=headers).status_code == 200


@pytest.mark.parametrize("purpose", ["x" * 61, "maria@example.org", " "])
@pytest.mark.parametrize("path", [CUSTOMER, EVENTS, DECISION])
def test_a_purpose_is_a_few_plain_words(path: str, purpose: str) -> None:
    audit = MemoryAudit()
    with TestClient(app(MemoryWriter(), MemoryReader(), Metrics(), audit=audit)) as client:
        answer = client.get(path, headers=bearing(ADMIN) | {"X-Purpose": purpose})
    assert (answer.status_code, audit.told) == (400, [])
    assert answer.json()["field"] == "purpose" and "maria" not in answer.text


def test_nobody_and_strangers_are_not_read() -> None:
    audit, headers = MemoryAudit(), bearing(ADMIN)
    with TestClient(app(MemoryWriter(), MemoryReader(), Metrics(), audit=audit)) as client:
        assert client.get(f"/v1/customers/{UUID(int=1)}", headers=headers).status_code == 404
        assert client.post(PREVIEW, json={}, headers=headers).status_code == 200
        assert client.get("/v1/recommendations?user_id=known", headers=headers).status_code == 200
    assert audit.told == []
