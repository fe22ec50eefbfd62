"""Requests to erase over HTTP and by command: who may do what, and that each is told to the audit log."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from litestar.testing import TestClient

from adapters.http import Access, ApiKeys, Metrics, Scope, generate
from app.erasing.desk import Desk
from app.settings import Settings
from app.wiring import Wiring
from domain.privacy import Source
from tests.adapters.http.fakes import MemoryAudit, MemoryReader, MemoryWriter, app, bearer, shopify_headers
from tests.app.erasing.worlds import ANN, ANN_USER, BOB, IMMEDIATE, lives, stream_of, told
from tests.app.test_cli import answered, bespoke, refused
from tests.namespaces import namespace

ALL = [Scope.PRIVACY_READ, Scope.PRIVACY_REQUEST, Scope.PRIVACY_APPROVE, Scope.PRIVACY_ERASE]
CLERK, OFFICER = generate(ALL, id="clerk"), generate(ALL, id="officer")
READER = generate([Scope.PRIVACY_READ], id="reader")
WHERE = "/v1/privacy/erasures"


class House:
    """A web process over a real namespace."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring, self.audit = wiring, MemoryAudit()
        access = Access(ApiKeys([CLERK[1], OFFICER[1], READER[1]]))
        made = app(MemoryWriter(), MemoryReader(), Metrics(), audit=self.audit, access=access, erasures=Desk(wiring))
        self.client = TestClient(made, raise_server_exceptions=False)

    def call(self, key: str, path: str, body: Any = None) -> tuple[int, Any]:
        if body is None:
            answer = self.client.get(path, headers=bearer(key))
        else:
            answer = self.client.post(path, json=body, headers=bearer(key))
        return answer.status_code, answer.json()


def housed(settings: Settings, **changes: Any) -> Iterator[House]:
    with namespace(settings, **changes) as wiring:
        told(wiring, lives())
        house = House(wiring)
        with house.client:
            yield house


@pytest.fixture
def house(servers: Wiring, settings: Settings) -> Iterator[House]:
    """Four eyes, and no time to cancel."""
    yield from housed(settings, erasure_window_h=0.0)


@pytest.fixture
def quick(servers: Wiring, settings: Settings) -> Iterator[House]:
    yield from housed(settings, **IMMEDIATE)


def test_one_asks_and_another_one_approves(house: House) -> None:
    ann = stream_of(house.wiring, ANN)
    status, asked = house.call(CLERK[0], WHERE, {"kind": "email", "value": ANN.value, "verified": "login"})
    assert (status, asked["state"], asked["requested_by"], asked["verification"]) == (
        200,
        "waiting",
        "key:clerk",
        "login",
    )
    one = f"{WHERE}/{asked['request']}"
    status, problem = house.call(CLERK[0], f"{one}/approve", {})
    assert (status, problem["reason"]) == (409, "whoever requested it may not approve it")
    assert house.call(OFFICER[0], f"{one}/hold", {"ground": "dispute"})[1]["held"] == "dispute"
    assert house.call(OFFICER[0], f"{one}/approve", {})[1]["state"] == "waiting"
    status, done = house.call(OFFICER[0], f"{one}/release", {})
    assert (status, done["state"], done["left"]) == (200, "unreadable", [])
    assert done["pending"] == ["statistics", "training", "models", "topic"]
    assert house.wiring.keyring.living([ann]) == set()
    assert house.call(READER[0], one)[1]["state"] == "unreadable"
    assert [each["request"] for each in house.call(READER[0], WHERE)[1]] == [asked["request"]]
    status, problem = house.call(OFFICER[0], f"{one}/cancel", {})
    assert (status, problem["reason"]) == (409, "it has begun")
    actions = [(access.actor, access.action) for access in house.audit.told]
    assert actions[0] == ("key:clerk", "erasure.request")
    assert ("key:officer", "erasure.release") in actions
    assert ANN.value not in json.dumps(done)


def test_what_is_wrong_is_named_and_never_repeated(house: House) -> None:
    wrong: list[tuple[Any, int, str]] = [
        ({}, 422, "kind"),
        ({"kind": "email"}, 422, "value"),
        ({"kind": "email", "value": "canary"}, 422, "value"),
        ({"kind": "secret-canary", "value": "x"}, 422, "kind"),
        ({"person_id": "canary"}, 422, "person_id"),
        ({"person_id": str(uuid4()), "kind": "email"}, 422, "person_id"),
        ({"person_id": str(uuid4()), "canary": 1}, 422, "canary"),
        ({"person_id": str(uuid4()), "verified": "canary"}, 422, "verified"),
        ({"person_id": str(uuid4())}, 404, "value"),
        ({"kind": "email", "value": ANN.value, "approve": True}, 409, "approve"),
    ]
    for body, expected, field in wrong:
        status, problem = house.call(CLERK[0], WHERE, body)
        assert (status, problem["field"]) == (expected, field), body
        if field != "canary":
            assert "canary" not in json.dumps(problem)
    assert house.call(CLERK[0], f"{WHERE}/{uuid4()}/approve", {})[0] == 404
    assert house.call(READER[0], WHERE, {"kind": "email", "value": ANN.value})[0] == 403
    assert house.client.get(WHERE).status_code == 401
    assert house.wiring.erasures.latest(5) == []


def test_approved_in_the_same_call_it_is_done_when_that_is_answered(quick: House) -> None:
    body = {"person_id": str(stream_of(quick.wiring, ANN_USER)), "verified": "in-store", "approve": True}
    status, done = quick.call(CLERK[0], WHERE, body)
    assert (status, done["state"]) == (200, "unreadable")
    unverified = {"kind": "email", "value": BOB.value, "approve": True}
    status, problem = quick.call(CLERK[0], WHERE, unverified)
    assert (status, problem["reason"]) == (409, "identity was not verified")


def test_shopify_asks_for_whom_it_names_and_an_officer_approves(house: House) -> None:
    for email, requests in (("nobody@erasure.example", 0), (ANN.value, 1), (ANN.value, 1)):
        body = json.dumps({"shop_id": 1, "customer": {"id": 5, "email": email}, "orders_to_redact": [1]}).encode()
        headers = shopify_headers(body, "customers/redact") | {"Content-Type": "application/json"}
        answer = house.client.post("/v1/webhooks/shopify", content=body, headers=headers)
        assert answer.status_code == 200
        assert len(house.wiring.erasures.latest(5)) == requests
    (status,) = house.wiring.erasures.latest(5)
    assert (status.source, status.verification, status.state) == (Source.SHOPIFY, "platform", "waiting")
    forged = house.client.post("/v1/webhooks/shopify", content=body, headers=headers | {"X-Shopify-Hmac-Sha256": "no"})
    assert forged.status_code == 401


def test_by_command(servers: Wiring, settings: Settings) -> None:
    with namespace(settings, erasure_window_h=1.0) as wiring:
        told(wiring, lives())
        own = wiring.settings
        asked = answered(bespoke("privacy", "erase", f"email:{ANN.value}", "--actor", "clerk", "--json", settings=own))
        assert (asked["state"], asked["verification"], asked["requested_by"]) == ("waiting", "unverified", "cli:clerk")
        number = asked["request"]
        assert "identity was not verified" in refused(bespoke("privacy", "approve", number, settings=own))
        answered(bespoke("privacy", "confirm", number, "--verified", "document", "--json", settings=own))
        ready = answered(bespoke("privacy", "approve", number, "--actor", "officer", "--json", settings=own))
        assert ready["state"] == "ready"  # an hour in which it can be cancelled
        assert answered(bespoke("privacy", "cancel", number, "--json", settings=own))["state"] == "cancelled"
        (listed,) = answered(bespoke("privacy", "status", "--json", settings=own))["erasures"]
        assert (listed["request"], listed["state"]) == (number, "cancelled")
