"""Health, metrics, headers, CORS, and the description of the API."""

from typing import Any, ClassVar

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters.http import Metrics
from adapters.http.writes import BROWSERS
from tests.adapters.http.fakes import ADMIN, MemoryReader, MemoryWriter, app, bearer, viewed

Client = TestClient[Litestar]
SERVER = bearer(ADMIN)
KEYED_WRITE = frozenset({"400", "401", "403", "413", "415", "422", "503"})


def test_live_asks_no_server(client: Client, reader: MemoryReader) -> None:
    reader.fails = RuntimeError()
    assert client.get("/health/live").json() == {"status": "ok"}


def test_ready_names_the_server_that_is_down(client: Client, reader: MemoryReader) -> None:
    assert client.get("/health/ready").json() == {"status": "ok", "servers": {"log": "ok", "redis": "ok"}}
    reader.servers["redis"] = "refuses connections"
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["errors"] == [{"field": "redis", "reason": "refuses connections"}]
    assert "Retry-After" in response.headers


def test_metrics_count_by_template(client: Client, metrics: Metrics) -> None:
    client.post("/v1/track", json=viewed(), headers=SERVER)
    client.get("/v1/customers/canary", headers=SERVER)
    client.request("CANARY", "/canary")
    response = client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    assert 'bespoke_events_recorded_total{channel="segment"} 1.0' in response.text
    name = "bespoke_http_request_seconds_count"
    for route, method, status in (
        ("/v1/track", "POST", "200"),
        ("/v1/customers/{person_id}", "GET", "400"),
        ("unmatched", "OTHER", "404"),
    ):
        labels = {"route": route, "method": method, "status": status}
        assert metrics.registry.get_sample_value(name, labels) == 1
    assert "canary" not in response.text.lower()


def test_two_apps_count_apart(client: Client) -> None:
    other = Metrics()
    with TestClient(app(MemoryWriter(), MemoryReader(), other)) as second:
        second.get("/nothing")
    assert "unmatched" not in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/v1/recommendations", "/health/live", "/schema", "/nothing"])
def test_careful_headers(client: Client, path: str) -> None:
    headers = client.get(path, headers=SERVER).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert len(headers["X-Request-Id"]) == 32


def test_pages_choose_their_own_policy(metrics: Metrics) -> None:
    @get("/", media_type="text/html")
    async def page() -> str:
        return "<p>shop</p>"

    with TestClient(app(MemoryWriter(), MemoryReader(), metrics, [page])) as client:
        headers = client.get("/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" not in headers


class TestBrowsers:
    ORIGIN: ClassVar = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}

    @pytest.mark.parametrize("path", sorted(BROWSERS))
    def test_any_origin_may_send_to_the_segment_routes(self, client: Client, path: str) -> None:
        asked = client.options(path, headers=self.ORIGIN)
        assert asked.status_code == 204
        assert asked.headers["Access-Control-Allow-Origin"] == "*"
        assert "authorization" in asked.headers["Access-Control-Allow-Headers"]
        assert client.post(path, headers=self.ORIGIN).headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize("path", ["/v1/pos/poslog", "/v1/webhooks/shopify", "/v1/recommendations", "/schema"])
    def test_and_nothing_else(self, client: Client, path: str) -> None:
        for method in ("OPTIONS", "GET", "POST"):
            headers = client.request(method, path, headers=self.ORIGIN).headers
            assert not [name for name in headers if name.lower().startswith("access-control")]


class TestDescription:
    KEYED = ("/v1/track", "/v1/recommendations", "/v1/customers/{person_id}")

    @pytest.fixture
    def described(self, client: Client) -> dict[str, Any]:
        answer: dict[str, Any] = client.get("/schema/openapi.json").json()
        return answer

    def test_is_valid_openapi_3_1(self, described: dict[str, Any]) -> None:
        assert described["openapi"].startswith("3.1")
        assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []

    def test_both_paths_give_it_and_no_page_with_scripts(self, client: Client, described: dict[str, Any]) -> None:
        assert client.get("/schema").json() == described
        for page in ("swagger", "redoc", "elements", "rapidoc", "scalar"):
            assert client.get(f"/schema/{page}").status_code == 404

    def test_has_every_route_and_its_errors(self, described: dict[str, Any]) -> None:
        routes = {
            **dict.fromkeys((*BROWSERS, "/v1/pos/poslog"), KEYED_WRITE),
            "/v1/webhooks/shopify": {"400", "401", "413", "415", "422", "503"},
            "/v1/recommendations": {"400", "401", "403", "503"},
            "/v1/customers/{person_id}": {"400", "401", "403", "404", "503"},
            "/v1/customers/{person_id}/events": {"400", "401", "403", "404", "503"},
            "/v1/experiments": {"400", "401", "403", "503"},
            "/v1/experiments/{key}": {"400", "401", "403", "404", "503"},
            "/v1/experiments/{key}/report": {"400", "401", "403", "404", "409", "503"},
            "/v1/experiment-plan": {"400", "401", "403", "503"},
            "/v1/attribution/report": {"400", "401", "403", "503"},
            "/v1/attribution/versions": {"400", "401", "403", "503"},
            "/v1/decisions/{decision_id}": {"400", "401", "403", "404", "410", "503"},
            "/v1/graphql": {"400", "401", "403", "408", "413", "415", "422", "429", "503"},
            "/v1/rules": {"400", "401", "403", "503"},
            "/v1/rules/publish": {*KEYED_WRITE},
            "/v1/rules/preview": {*KEYED_WRITE, "404"},
            "/v1/privacy/erasures": {"400", "401", "403", "503"},
            "/v1/privacy/erasures/{request_id}": {"400", "401", "403", "404", "503"},
            **{
                f"/v1/privacy/erasures/{{request_id}}/{decision}": {*KEYED_WRITE, "404", "409"}
                for decision in ("confirm", "approve", "cancel", "hold", "release")
            },
            "/v1/identity/review": {"400", "401", "403", "409", "503"},
            "/v1/identity/review/{pair_id}": {*KEYED_WRITE, "404", "409"},
            "/health/live": set(),
            "/health/ready": {"503"},
            "/metrics": set(),
        }
        assert described["paths"].keys() == routes.keys()
        for path, statuses in routes.items():
            for operation in described["paths"][path].values():
                assert {"200", *statuses} <= operation["responses"].keys()
                for status in statuses:
                    assert "application/problem+json" in operation["responses"][status]["content"]

    @pytest.mark.parametrize("path", KEYED)
    def test_says_that_a_key_is_needed(self, described: dict[str, Any], path: str) -> None:
        for operation in described["paths"][path].values():
            assert {name for one in operation["security"] for name in one} == {"bearer", "basic", "apiKey"}

    @pytest.mark.parametrize("path", ["/v1/attribution/report", "/v1/experiments/{key}/report"])
    def test_reports_are_described_in_each_form(self, described: dict[str, Any], path: str) -> None:
        forms = described["paths"][path]["get"]["responses"]["200"]["content"]
        assert forms.keys() == {"application/json", "text/csv", "application/vnd.apache.parquet", "text/html"}
        assert forms["application/json"]["schema"] == {"type": "object"}

    def test_bodies_are_described(self, described: dict[str, Any]) -> None:
        poslog = described["paths"]["/v1/pos/poslog"]["post"]["requestBody"]
        assert poslog["required"]
        assert "application/xml" in poslog["content"]
