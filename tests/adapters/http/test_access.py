"""Every route with every kind of caller."""

import json
import re
from base64 import b64encode

import pytest
from litestar import Litestar
from litestar.exceptions import WebSocketDisconnect
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from adapters.http import Scope
from tests.adapters.http.fakes import (
    ADMIN,
    DECIDED,
    ONE_SCOPE,
    PERSON,
    PUBLIC,
    TWIN,
    VISITOR,
    MemoryWriter,
    bearer,
    viewed,
)

Client = TestClient[Litestar]
TRACK = json.dumps(viewed()).encode()
POSLOG = b"<POSLog/>"
WRITES: dict[str, bytes] = {
    "/v1/identify": json.dumps({"anonymousId": VISITOR}).encode(),
    "/v1/track": TRACK,
    "/v1/page": json.dumps({"anonymousId": VISITOR, "name": "Home"}).encode(),
    "/v1/screen": json.dumps({"anonymousId": VISITOR, "name": "Home"}).encode(),
    "/v1/alias": json.dumps({"anonymousId": VISITOR, "userId": "u", "previousId": VISITOR}).encode(),
    "/v1/batch": json.dumps({"batch": [viewed()]}).encode(),
}
READS = {
    "/v1/recommendations": Scope.RECOMMEND_READ,
    f"/v1/customers/{PERSON}": Scope.CUSTOMER_READ,
    f"/v1/customers/{PERSON}/events": Scope.CUSTOMER_READ,
    f"/v1/decisions/{DECIDED}": Scope.DECISION_READ,
    "/v1/experiments": Scope.EXPERIMENTS_READ,
    "/v1/experiments/hero": Scope.EXPERIMENTS_READ,
    "/v1/experiments/hero/report": Scope.REPORTS_READ,
    "/v1/experiment-plan": Scope.EXPERIMENTS_READ,
    "/v1/attribution/report": Scope.ATTRIBUTION_READ,
    "/v1/attribution/versions": Scope.ATTRIBUTION_READ,
}
OPEN = ("/health/live", "/health/ready", "/metrics", "/schema", "/schema/openapi.json")
RULES = [
    ("GET", "/v1/rules", Scope.RULES_READ),
    ("PUT", "/v1/rules", Scope.RULES_WRITE),
    ("POST", "/v1/rules/publish", Scope.RULES_WRITE),
    ("POST", "/v1/rules/preview", Scope.RULES_WRITE),
]
ROUTES = [("POST", path, Scope.CHANNEL_WRITE) for path in (*WRITES, "/v1/pos/poslog")] + [
    ("GET", path, scope) for path, scope in READS.items()
]
PAIR = f"{PERSON}_{TWIN}"
REQUESTS = "/v1/privacy/erasures"
ERASURES = [
    ("GET", REQUESTS, Scope.PRIVACY_READ),
    ("GET", f"{REQUESTS}/{PERSON}", Scope.PRIVACY_READ),
    ("POST", REQUESTS, Scope.PRIVACY_REQUEST),
    *(
        ("POST", f"{REQUESTS}/{PERSON}/{decision}", Scope.PRIVACY_APPROVE)
        for decision in ("confirm", "approve", "cancel", "hold", "release")
    ),
]
IDENTITY = [
    ("GET", "/v1/identity/review", Scope.IDENTITY_READ),
    ("POST", f"/v1/identity/review/{PAIR}", Scope.IDENTITY_REVIEW),
]
ROUTES += RULES
ROUTES += IDENTITY
ROUTES += ERASURES
ROUTES.append(("POST", "/v1/recommendations", Scope.RECOMMEND_READ))
#: Any key may ask; what each field needs is in test_graphql.py.
GRAPHQL = "/v1/graphql"
NO_KEY = ("/v1/webhooks/shopify", "/v1/live", "/health/live", "/health/ready", "/metrics")


def call(client: Client, method: str, path: str, headers: dict[str, str]) -> int:
    body = POSLOG if path == "/v1/pos/poslog" else WRITES.get(path)
    kind = {"Content-Type": "application/xml" if body is POSLOG else "application/json"} if body else {}
    return client.request(method, path, content=body, headers=headers | kind).status_code


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
def test_only_the_right_scope_opens_a_route(
    client: Client, method: str, path: str, needed: Scope, scope: Scope
) -> None:
    status = call(client, method, path, bearer(ONE_SCOPE[scope][0]))
    assert (status == 403) == (scope != needed)
    assert status != 401


@pytest.mark.parametrize("headers", [{}, bearer("bsk_wrong"), {"Authorization": "Basic ///"}, {"X-API-Key": " "}])
@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
def test_without_a_known_key_nothing_opens(
    client: Client, writer: MemoryWriter, method: str, path: str, needed: Scope, headers: dict[str, str]
) -> None:
    response = client.request(method, path, content=WRITES.get(path), headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["field"] == "authorization"
    assert writer.calls == []


@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
def test_a_public_key_opens_the_browsers_routes_alone(client: Client, method: str, path: str, needed: Scope) -> None:
    refused = call(client, method, path, bearer(PUBLIC)) == 403
    assert refused == (path not in WRITES or path == "/v1/alias")  # an alias names a user id, which needs a token


def test_no_route_is_missing_here(client: Client) -> None:
    told = {
        (
            method,
            path.replace("{person_id}", str(PERSON))
            .replace("{request_id}", str(PERSON))
            .replace("{pair_id}", PAIR)
            .replace("{decision_id}", str(DECIDED))
            .replace("{key}", "hero"),
        )
        for method, path in routes(client)
    }
    assert told == {(m, p) for m, p, _ in ROUTES} | {("POST", GRAPHQL)} | {
        ("POST", NO_KEY[0]),
        *(("GET", path) for path in NO_KEY[1:]),
    }


def routes(client: Client) -> set[tuple[str, str]]:
    """Method and path of all routes but those of the description itself; a socket begins with GET."""
    found = set()
    for route in client.app.routes:
        if route.path.startswith(("/schema", "/static")):
            continue
        path = re.sub(r":\w+}", "}", route.path)
        methods = route.methods - {"OPTIONS", "HEAD"} if isinstance(route, HTTPRoute) else {"GET"}
        found |= {(str(method), path) for method in methods}
    return found


@pytest.mark.parametrize("scope", Scope)
def test_any_key_may_ask_graphql(client: Client, scope: Scope) -> None:
    answer = client.post(GRAPHQL, json={"query": "{__typename}"}, headers=bearer(ONE_SCOPE[scope][0]))
    assert (answer.status_code, answer.json()) == (200, {"data": {"__typename": "Query"}})


def test_graphql_needs_a_key(client: Client) -> None:
    assert client.post(GRAPHQL, json={"query": "{__typename}"}).status_code == 401
    assert client.post(GRAPHQL, json={"query": "{__typename}"}, headers=bearer("bsk_wrong")).status_code == 401


@pytest.mark.parametrize("headers", [{}, bearer(ADMIN), *(bearer(ONE_SCOPE[scope][0]) for scope in Scope)])
def test_no_key_opens_a_socket(client: Client, headers: dict[str, str]) -> None:
    with client.websocket_connect("/v1/live", headers=headers) as socket:
        socket.send_json({"anonymous_id": VISITOR, "anonymous_token": ADMIN})
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json(timeout=5)
    assert ended.value.code == 4401


@pytest.mark.parametrize("path", OPEN)
def test_operations_need_no_key(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_shopify_needs_its_signature_and_no_key(client: Client, writer: MemoryWriter) -> None:
    assert client.post("/v1/webhooks/shopify", json={}, headers=bearer(ADMIN)).status_code == 401
    assert writer.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        bearer(ADMIN),
        {"Authorization": "basic " + b64encode(f"{ADMIN}:".encode()).decode()},
        {"X-API-Key": ADMIN},
    ],
)
def test_three_ways_to_present_a_key(client: Client, headers: dict[str, str]) -> None:
    assert client.post("/v1/track", json=viewed(), headers=headers).status_code == 200
