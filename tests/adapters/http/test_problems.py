"""Each error is a problem, counted once, and says nothing of what was sent."""

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar, cast

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient
from structlog.testing import capture_logs

from adapters.channels.channel import RejectedError
from adapters.http import Metrics, bodies
from tests.adapters.http.fakes import ADMIN, MemoryReader, MemoryWriter, app, bearer

Client = TestClient[Litestar]
SERVER = bearer(ADMIN)


def refused(metrics: Metrics) -> float:
    samples = (s for family in metrics.registry.collect() for s in family.samples)
    return sum(s.value for s in samples if s.name == "bespoke_rejected_total")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "field"),
    [
        ("GET", "/canary/someone@example.com", {}, 404, "path"),
        ("GET", "/schema/canary", {}, 404, "path"),
        ("GET", "/v1/track", {}, 405, "method"),
        ("DELETE", "/v1/recommendations", {}, 405, "method"),
        ("CANARY", "/v1/track", {}, 405, "method"),
        ("POST", "/v1/track", {"Content-Encoding": "gzip"}, 415, "content-encoding"),
        ("POST", "/v1/track", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "content-type"),
        ("POST", "/v1/track", {"Content-Type": "application/json; charset=utf-16"}, 415, "content-type"),
        ("POST", "/v1/pos/poslog", {"Content-Type": "application/json"}, 415, "content-type"),
        ("POST", "/v1/track", {"Content-Length": "canary"}, 400, "request"),
        ("POST", "/v1/track", {"Host": "canary canary"}, 400, "request"),
        ("GET", "/v1/recommendations?limit=canary", {}, 400, "limit"),
        ("GET", "/v1/customers/canary", {}, 400, "person_id"),
    ],
)
def test_each_is_a_problem(
    client: Client, metrics: Metrics, method: str, path: str, headers: dict[str, str], status: int, field: str
) -> None:
    response = client.request(method, path, headers=SERVER | headers)
    answer = response.json()
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (answer["type"], answer["status"], answer["field"]) == ("about:blank", status, field)
    assert answer["title"] and answer["detail"] and answer["reason"] and answer["errors"]
    assert "canary" not in response.text.lower()
    assert refused(metrics) == 1
    assert b"canary" not in metrics.render().lower()


def test_405_says_what_is_allowed(client: Client) -> None:
    assert client.get("/v1/track").headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/v1/track", 32 * 1024),
        ("/v1/batch", 500 * 1024),
        ("/v1/pos/poslog", 2 * 1024 * 1024),
        ("/v1/webhooks/shopify", 1024 * 1024),
    ],
)
class TestTooLarge:
    KIND: ClassVar = {"/v1/pos/poslog": "application/xml"}

    def headers(self, path: str) -> dict[str, str]:
        return SERVER | {"Content-Type": self.KIND.get(path, "application/json")}

    def test_by_its_length(self, client: Client, metrics: Metrics, path: str, limit: int) -> None:
        response = client.post(path, content=b" " * (limit + 1), headers=self.headers(path))
        assert (response.status_code, response.json()["field"]) == (413, "body")
        assert str(limit) in response.json()["reason"]
        assert refused(metrics) == 1

    def test_just_not(self, client: Client, path: str, limit: int) -> None:
        assert client.post(path, content=b" " * limit, headers=self.headers(path)).status_code != 413

    def test_by_counting_where_no_length_is_said(self, client: Client, path: str, limit: int) -> None:
        def chunks() -> Iterator[bytes]:
            for _ in range(10_000_000 // 100_000):
                yield b" " * 100_000

        response = client.post(path, content=chunks(), headers=self.headers(path))
        assert response.status_code == 413


def test_an_error_of_ours_tells_its_id_alone(client: Client, reader: MemoryReader) -> None:
    reader.fails = RuntimeError("canary value")
    with capture_logs() as lines:
        response = client.get("/v1/recommendations?user_id=canary-user", headers=SERVER)
    assert response.status_code == 500
    assert "canary" not in response.text
    failed = next(line for line in lines if line["event"] == "failed")
    assert failed["error_id"] == response.json()["error_id"] == response.headers["X-Request-Id"]
    assert failed["error"] == "RuntimeError"
    assert "canary" not in repr(lines)


def test_routes_of_others_get_the_same(metrics: Metrics) -> None:
    @get("/broken")
    async def broken() -> str:
        raise KeyError("canary")

    whole = app(MemoryWriter(), MemoryReader(), metrics, [broken])
    with TestClient(whole, raise_server_exceptions=False) as client:
        response = client.get("/broken")
    assert (response.status_code, response.json()["instance"]) == (500, "/broken")
    assert "canary" not in response.text


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stalled:
        headers: ClassVar = {"content-type": "application/json"}

        async def body(self) -> bytes:
            await asyncio.Event().wait()
            return b""

    monkeypatch.setattr(bodies, "SLOWEST_S", 0.01)
    with pytest.raises(RejectedError) as refused:
        asyncio.run(bodies.read(cast(Any, Stalled()), bodies.JSON))
    assert (refused.value.field, refused.value.status) == ("body", 408)
