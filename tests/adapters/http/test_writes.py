"""What becomes of deliveries, with the real channels."""

import json
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.channels import identity_token
from adapters.http import Metrics, Scope
from commands.ports import ConflictError, UnavailableError
from tests.adapters.http.fakes import (
    ADMIN,
    IDENTITY_SECRET,
    NOW,
    ONE_SCOPE,
    PUBLIC,
    VISITOR,
    MemoryWriter,
    bearer,
    shopify_headers,
    viewed,
)

Client = TestClient[Litestar]
SERVER = bearer(ADMIN)
CONTROL = b"""<POSLog><Transaction><RetailStoreID>1</RetailStoreID><WorkstationID>2</WorkstationID>
<SequenceNumber>3</SequenceNumber><ControlTransaction/></Transaction></POSLog>"""
PRODUCT = {
    "id": 1,
    "title": "Skirt",
    "updated_at": "2026-03-01T11:00:00Z",
    "variants": [{"id": 2, "sku": "sku-1", "price": "19.99", "inventory_item_id": 3}],
}


def count(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


def test_a_single_call_is_taken_and_takes_its_type_from_the_path(client: Client, writer: MemoryWriter) -> None:
    response = client.post("/v1/track", json=viewed(type=None), headers=SERVER)
    assert response.status_code == 200
    assert response.json() == {"success": True, "recorded": 1, "accepted": 0}
    assert [len(call) for call in writer.calls] == [1]


def test_the_same_again_records_nothing(client: Client, writer: MemoryWriter, metrics: Metrics) -> None:
    for expected in (1, 0):
        assert client.post("/v1/track", json=viewed(), headers=SERVER).json()["recorded"] == expected
    assert count(metrics, "bespoke_events_recorded_total", channel="segment") == 1
    assert count(metrics, "bespoke_duplicates_total", channel="segment") == 1


@pytest.mark.parametrize("said", ["identify", "canary", 7, {}])
def test_a_type_that_contradicts_the_path_is_refused(client: Client, writer: MemoryWriter, said: Any) -> None:
    response = client.post("/v1/track", json=viewed(type=said), headers=SERVER)
    assert (response.status_code, response.json()["field"]) == (422, "type")
    assert "canary" not in response.text
    assert writer.calls == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/track", {"batch": [viewed()]}, 422),
        ("/v1/batch", viewed(), 422),
        ("/v1/batch", {"batch": 1}, 422),
    ],
)
def test_batches_belong_to_their_route(
    client: Client, writer: MemoryWriter, path: str, body: dict[str, Any], status: int
) -> None:
    response = client.post(path, json=body, headers=SERVER)
    assert (response.status_code, response.json()["field"]) == (status, "batch")
    assert writer.calls == []


def test_a_batch_records_its_good_items_in_one_call_and_returns_the_others_by_index(
    client: Client, writer: MemoryWriter, metrics: Metrics
) -> None:
    items = [
        viewed(messageId="1"),
        viewed(messageId="2", event=None),
        viewed(messageId="3", properties={"sku": "s", "price": -1}),
        viewed(messageId="4"),
        viewed(messageId="1"),
        {"type": "group", "userId": "u", "groupId": "g"},
    ]
    response = client.post("/v1/batch", json={"batch": items}, headers=SERVER)
    answer = response.json()
    assert response.status_code == 200
    assert (answer["success"], answer["skipped"]) == (False, 1)
    assert [(error["index"], error["field"]) for error in answer["errors"]] == [
        (1, "event"),
        (2, "properties.price"),
    ]
    assert [len(call) for call in writer.calls] == [3]
    assert count(metrics, "bespoke_rejected_total", channel="segment", reason="invalid", status="422") == 2
    assert count(metrics, "bespoke_skipped_total", channel="segment") == 1


def test_a_large_batch_is_taken_whole(client: Client, writer: MemoryWriter) -> None:
    items = [viewed(messageId=str(i), context={"page": {"title": "t" * 200}}) for i in range(900)]
    answer = client.post("/v1/batch", json={"batch": items}, headers=SERVER).json()
    assert answer == {"success": True, "recorded": 900, "duplicates": 0, "skipped": 0, "errors": [], "accepted": 0}
    assert len(writer.calls) == 1


def test_a_batch_without_a_good_item_is_refused(client: Client, writer: MemoryWriter, metrics: Metrics) -> None:
    items = [viewed(event=None), viewed(timestamp="1994-01-01T00:00:00Z")]
    response = client.post("/v1/batch", json={"batch": items}, headers=SERVER)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert [error["index"] for error in response.json()["errors"]] == [0, 1]
    assert writer.calls == []
    assert count(metrics, "bespoke_rejected_total", channel="segment", reason="invalid", status="422") == 2


def bad(**properties: Any) -> dict[str, Any]:
    return viewed(properties={"sku": "sku-1", "price": 1, "currency": "USD"} | properties)


@pytest.mark.parametrize(
    ("message", "status", "field"),
    [
        (viewed(event=None), 422, "event"),
        (bad(price=-1), 422, "properties.price"),
        (bad(currency="canary"), 422, "properties.currency"),
        (viewed(event="Product Added", properties={"sku": "s", "quantity": -1}), 422, "properties.quantity"),
        (viewed(timestamp="1994-12-31T23:59:59Z"), 422, "timestamp"),
        (viewed(timestamp="2026-03-02T13:00:00Z"), 422, "timestamp"),
        (viewed(timestamp="canary"), 422, "timestamp"),
        (viewed(timestamp="2025-12-01T00:00:00Z"), 403, "timestamp"),
        (viewed(anonymousId=None), 422, "anonymousId"),
        (viewed(anonymousId={}), 422, "anonymousId"),
    ],
)
def test_bad_input_names_its_field_records_nothing_and_is_counted(
    client: Client, writer: MemoryWriter, metrics: Metrics, message: dict[str, Any], status: int, field: str
) -> None:
    key = ONE_SCOPE[Scope.CHANNEL_WRITE][0]
    response = client.post("/v1/track", json=message, headers=bearer(key))
    answer = response.json()
    assert (response.status_code, answer["status"], answer["field"]) == (status, status, field)
    assert answer["instance"] == "/v1/track"
    assert "canary" not in response.text
    assert writer.calls == []
    reason = "invalid" if status == 422 else "forbidden"
    assert count(metrics, "bespoke_rejected_total", channel="segment", reason=reason, status=str(status)) == 1


def test_old_facts_need_the_backfill_scope(client: Client, writer: MemoryWriter) -> None:
    old = viewed(timestamp=(NOW - timedelta(days=40)).isoformat())
    assert client.post("/v1/track", json=old, headers=SERVER).status_code == 200
    assert len(writer.calls) == 1


@pytest.mark.parametrize("anonymous", [7, "7", None])
def test_an_id_may_be_a_number_text_or_absent(
    client: Client, writer: MemoryWriter, anonymous: int | str | None
) -> None:
    message = viewed(anonymousId=anonymous, userId=42)
    assert client.post("/v1/track", json=message, headers=SERVER).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null", b"1", b'{"a":' * 5_000, b"[" * 30_000])
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
def test_malformed_json_is_refused(client: Client, writer: MemoryWriter, path: str, body: bytes) -> None:
    response = client.post(path, content=body, headers=SERVER | {"Content-Type": "application/json"})
    assert response.status_code in (400, 413, 422)
    assert response.json()["field"]
    assert writer.calls == []


@pytest.mark.parametrize("error", [UnavailableError("canary"), ConflictError("canary")])
def test_nothing_is_acknowledged_that_is_not_stored(client: Client, writer: MemoryWriter, error: Exception) -> None:
    writer.fails = error
    for path, body in (("/v1/track", viewed()), ("/v1/batch", {"batch": [viewed()]})):
        response = client.post(path, json=body, headers=SERVER)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "canary" not in response.text


def test_what_the_domain_refuses_is_a_problem(client: Client, writer: MemoryWriter, metrics: Metrics) -> None:
    writer.refuses = "SomethingError"
    response = client.post("/v1/track", json=viewed(), headers=SERVER)
    assert (response.status_code, response.json()["field"]) == (409, "item")
    assert count(metrics, "bespoke_rejected_total", channel="segment", reason="refused", status="409") == 1


class TestForged:
    """A public key names nobody that it cannot prove to be."""

    MESSAGE: ClassVar = {"anonymousId": VISITOR, "traits": {"email": "someone@example.com"}}

    @pytest.mark.parametrize("token", [None, "canary", "v1.9999999999." + "A" * 43])
    @pytest.mark.parametrize("call", ["identify", "track", "page", "screen", "alias"])
    def test_same_answer_whether_the_user_exists_or_not(
        self, client: Client, writer: MemoryWriter, call: str, token: str | None
    ) -> None:
        client.post("/v1/identify", json={"userId": "known", "messageId": "0"}, headers=SERVER)
        bodies = set()
        for user in ("known", "stranger"):
            message = viewed(type=None, userId=user, context={"identity_token": token} if token else {})
            response = client.post(f"/v1/{call}", json=message, auth=(PUBLIC, ""))
            bodies.add((response.status_code, response.content))
        assert len(bodies) == 1
        assert bodies.pop()[0] == 403
        assert len(writer.calls) == 1

    def test_a_token_for_one_user_is_none_for_another(self, client: Client, writer: MemoryWriter) -> None:
        token = identity_token.sign(IDENTITY_SECRET, "mine", NOW + timedelta(hours=1))
        for user, status in (("mine", 200), ("other", 403)):
            message = self.MESSAGE | {"userId": user, "context": {"identity_token": token}, "messageId": user}
            assert client.post("/v1/identify", json=message, auth=(PUBLIC, "")).status_code == status
        assert len(writer.calls) == 1

    def test_an_email_claims_nobody(self, client: Client, writer: MemoryWriter) -> None:
        assert client.post("/v1/identify", json=self.MESSAGE, auth=(PUBLIC, "")).status_code == 200
        track = viewed(context={"traits": {"email": "someone@example.com"}})
        assert client.post("/v1/track", json=track, auth=(PUBLIC, "")).status_code == 200
        said = repr(writer.calls)
        assert "someone@example.com" not in said

    def test_in_a_batch_the_forged_item_alone_is_refused(self, client: Client, writer: MemoryWriter) -> None:
        items = [viewed(), viewed(messageId="m-2", userId="known")]
        answer = client.post("/v1/batch", json={"batch": items}, auth=(PUBLIC, "")).json()
        assert [(error["index"], error["status"]) for error in answer["errors"]] == [(1, 403)]
        assert [len(call) for call in writer.calls] == [1]


class TestShopify:
    BODY = json.dumps(PRODUCT).encode()

    def test_a_signed_webhook_is_taken(self, client: Client, writer: MemoryWriter) -> None:
        headers = shopify_headers(self.BODY)
        response = client.post("/v1/webhooks/shopify", content=self.BODY, headers=headers)
        assert (response.status_code, response.json()["success"]) == (200, True)
        assert len(writer.calls) == 1

    @pytest.mark.parametrize("secret", [b"another secret", b""])
    def test_a_wrong_signature_is_401(
        self, client: Client, writer: MemoryWriter, metrics: Metrics, secret: bytes
    ) -> None:
        headers = shopify_headers(self.BODY, secret=secret)
        response = client.post("/v1/webhooks/shopify", content=self.BODY, headers=headers)
        assert response.status_code == 401
        assert response.json()["field"] == "X-Shopify-Hmac-Sha256"
        assert writer.calls == []
        labels = {"channel": "shopify", "reason": "unauthenticated", "status": "401"}
        assert count(metrics, "bespoke_rejected_total", **labels) == 1

    def test_a_changed_body_is_401(self, client: Client, writer: MemoryWriter) -> None:
        headers = shopify_headers(self.BODY)
        response = client.post("/v1/webhooks/shopify", content=self.BODY + b" ", headers=headers)
        assert response.status_code == 401
        assert writer.calls == []


class TestPoslog:
    HEADERS = SERVER | {"Content-Type": "application/xml"}

    def test_a_control_transaction_is_skipped(self, client: Client, writer: MemoryWriter) -> None:
        response = client.post("/v1/pos/poslog", content=CONTROL, headers=self.HEADERS)
        assert response.status_code == 200
        assert (response.json()["success"], response.json()["skipped"]) == (True, 1)
        assert writer.calls == []

    @pytest.mark.parametrize(
        "body",
        [
            b"<POSLog>",
            b'<!DOCTYPE a [<!ENTITY b "canary">]><POSLog>&b;</POSLog>',
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><POSLog>&b;</POSLog>',
            b"<POSLog/>",
            b"\x00",
        ],
    )
    def test_bad_xml_is_refused(self, client: Client, writer: MemoryWriter, body: bytes) -> None:
        response = client.post("/v1/pos/poslog", content=body, headers=self.HEADERS)
        assert response.status_code in (400, 422)
        assert response.json()["field"]
        assert not {"canary", "root:"} & set(response.text.split())
        assert writer.calls == []
