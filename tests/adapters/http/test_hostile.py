"""Whatever is sent, the answer is the caller's fault, and well-formed."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import Metrics
from adapters.http.writes import BROWSERS
from tests.adapters.http.fakes import (
    ADMIN,
    PERSON,
    PUBLIC,
    VISITOR,
    MemoryReader,
    MemoryWriter,
    app,
    bearer,
    shopify_headers,
)

POSTS = (*sorted(BROWSERS), "/v1/pos/poslog", "/v1/webhooks/shopify")
RELAXED = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELDS = [
    *("type", "event", "name", "messageId", "userId", "anonymousId", "previousId", "timestamp", "sentAt"),
    *(
        "originalTimestamp",
        "context",
        "properties",
        "traits",
        "batch",
        "sku",
        "price",
        "quantity",
        "currency",
    ),
    *("products", "email", "phone", "page", "url", "id", "variants", "line_items", "updated_at", "customer"),
]
TEXTS = st.sampled_from(["track", "identify", "Product Viewed", "Order Completed", "USD", VISITOR]) | st.text()
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=8),
    max_leaves=25,
)
BODIES = st.binary(max_size=2_000) | VALUES.map(lambda value: json.dumps(value).encode())
NAMES = st.sampled_from(["Content-Type", "Content-Encoding", "Host", "Authorization", "X-Shopify-Topic", "Expect"])
HEADERS = st.dictionaries(NAMES, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), max_size=3)
QUERY = st.lists(
    st.tuples(
        st.sampled_from(["placement", "person_id", "user_id", "anonymous_id", "item", "limit", "x"]),
        st.binary(max_size=60) | st.sampled_from([b"home", b"5", str(PERSON).encode()]),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    whole = app(MemoryWriter(), MemoryReader(), Metrics())
    with TestClient(whole, raise_server_exceptions=False) as client:
        yield client


def check(response: Any) -> None:
    assert response.status_code < 500
    if response.status_code >= 400:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["field"]


@RELAXED
@given(path=st.sampled_from(POSTS), body=BODIES, key=st.sampled_from([ADMIN, PUBLIC]))
def test_any_body(client: TestClient[Litestar], path: str, body: bytes, key: str) -> None:
    headers = shopify_headers(body) if path.endswith("shopify") else bearer(key)
    headers["Content-Type"] = "application/xml" if path.endswith("poslog") else "application/json"
    check(client.post(path, content=body, headers=headers))


@RELAXED
@given(
    topic=st.sampled_from(["orders/create", "carts/update", "products/update", "customers/create"]) | st.text(),
    body=VALUES.map(lambda value: json.dumps(value).encode()),
)
def test_any_webhook(client: TestClient[Litestar], topic: str, body: bytes) -> None:
    headers = shopify_headers(body, quote(topic, safe="/"))
    check(client.post("/v1/webhooks/shopify", content=body, headers=headers))


@RELAXED
@given(path=st.sampled_from(POSTS), headers=HEADERS)
def test_any_header(client: TestClient[Litestar], path: str, headers: dict[str, str]) -> None:
    check(client.post(path, content=b"{}", headers=bearer(ADMIN) | headers))


@RELAXED
@given(pairs=QUERY)
def test_any_query(client: TestClient[Litestar], pairs: list[tuple[str, bytes]]) -> None:
    query = "&".join(f"{name}={quote(value)}" for name, value in pairs)
    check(client.get(f"/v1/recommendations?{query}", headers=bearer(ADMIN)))


@RELAXED
@given(path=st.binary(max_size=60))
def test_any_path(client: TestClient[Litestar], path: bytes) -> None:
    check(client.get("/v1/" + quote(path), headers=bearer(ADMIN)))
