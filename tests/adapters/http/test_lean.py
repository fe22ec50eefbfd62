"""A recommendation asked for in a URL: without the framework it is as with it, and what is unusual goes its way."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import ApiKeys, Metrics
from adapters.http.auth import Access
from adapters.http.keys import Scope
from adapters.http.lean import Lean
from tests.adapters.http.fakes import (
    ADMIN,
    ADMIN_KEY,
    ONE_SCOPE,
    PERSON,
    VISITOR,
    MemoryReader,
    MemoryWriter,
    app,
    bearer,
)

PATH = "/v1/recommendations"
NAMES = ("placement", "person_id", "user_id", "anonymous_id", "item", "category", "store", "device", "channel")
NUMBERS = ("limit", "deadline_ms", "min_version", "language")
WORDS = (
    "home",
    "cart",
    "known",
    "",
    "null",
    "0",
    "5",
    "51",
    "-1",
    "1.0",
    "1e2",
    "de",
    "a b",
    "true",
    "%",
    "+",
    "&",
    "=",
)
ODD = ("x" * 300, "a@b.example", "ä", "\N{ARABIC-INDIC DIGIT THREE}", "\xed\xa0\x80")
VALUES = st.sampled_from((str(PERSON), VISITOR, *WORDS, *ODD))
QUERIES = st.lists(st.tuples(st.sampled_from([*NAMES, *NUMBERS, "skus", "more"]), VALUES), max_size=4)


@pytest.fixture(scope="module")
def reader() -> MemoryReader:
    return MemoryReader()


@pytest.fixture(scope="module")
def client(reader: MemoryReader) -> Iterator[TestClient[Litestar]]:
    with TestClient(app(MemoryWriter(), reader, Metrics()), raise_server_exceptions=False) as client:
        yield client


def told(client: TestClient[Litestar], reader: MemoryReader, query: str, headers: dict[str, str]) -> tuple[Any, ...]:
    reader.asked.clear()
    answer = client.get(f"{PATH}?{query}", headers=headers)
    body = {name: value for name, value in answer.json().items() if name != "decision_id"}
    fixed = {
        k: v for k, v in answer.headers.items() if k not in ("x-request-id", "ratelimit-remaining", "ratelimit-reset")
    }
    return answer.status_code, body, fixed, list(reader.asked)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(QUERIES, st.sampled_from(["de-CH,de;q=0.9", "xx", ""]))
def test_both_ways_answer_the_same(
    client: TestClient[Litestar], reader: MemoryReader, pairs: list[tuple[str, str]], languages: str
) -> None:
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
    spoken = {"Accept-Language": languages}
    lean = told(client, reader, query, bearer(ADMIN) | spoken)
    assert lean == told(client, reader, query, {"X-API-Key": ADMIN} | spoken)


def asked(lean: Lean, query: str, headers: list[tuple[bytes, bytes]], **changes: Any) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: Any = {"type": "http", "method": "GET", "path": PATH, "query_string": query.encode(), "headers": headers}
    asyncio.run(lean(scope | changes, receive, send))
    return sent


def lean_of(reader: MemoryReader) -> Lean:
    """Before an application that says no more than that it was asked."""

    async def framework(scope: Any, receive: Any, send: Any) -> None:
        await send("framework")

    access = Access(ApiKeys([ADMIN_KEY, *(kept for _, kept in ONE_SCOPE.values())]))
    for key in access.keys:
        asyncio.run(access.limits.take(key))
    return Lean(framework, reader, access)


KEY = (b"authorization", b"Bearer " + ADMIN.encode())


def test_the_usual_question_goes_without_the_framework() -> None:
    start, body = asked(lean_of(MemoryReader()), f"placement=home&anonymous_id={VISITOR}&limit=5", [KEY])
    assert start["status"] == 200
    assert (b"content-length", str(len(body["body"])).encode()) in start["headers"]
    assert b'"placement":"home"' in body["body"]


@pytest.mark.parametrize(
    ("query", "headers", "changes"),
    [
        ("placement=nowhere", [KEY], {}),
        ("limit=5&limit=6", [KEY], {}),
        ("skus=a", [KEY], {}),
        ("user_id=a%40b.example", [KEY], {}),
        ("user_id=a&person_id=" + str(PERSON), [KEY], {}),
        ("", [], {}),
        ("", [(b"authorization", b"Bearer nobody")], {}),
        ("", [(b"authorization", b"Basic " + ADMIN.encode())], {}),
        ("", [(b"authorization", b"Bearer " + ONE_SCOPE[Scope.CUSTOMER_READ][0].encode())], {}),
        ("", [KEY, KEY], {}),
        ("", [KEY, (b"sec-gpc", b"1")], {}),
        ("", [KEY, (b"x-api-key", ADMIN.encode())], {}),
        ("", [KEY], {"method": "HEAD"}),
        ("", [KEY], {"path": PATH + "/"}),
        ("", [KEY], {"type": "websocket"}),
    ],
)
def test_what_is_unusual_is_the_frameworks(query: str, headers: Any, changes: dict[str, Any]) -> None:
    assert asked(lean_of(MemoryReader()), query, headers, **changes) == ["framework"]


def test_so_is_what_fails() -> None:
    reader = MemoryReader(fails=RuntimeError("ours"))
    assert asked(lean_of(reader), "user_id=known", [KEY]) == ["framework"]


def test_without_a_token_at_hand_the_framework_asks_for_one() -> None:
    access = Access(ApiKeys([ADMIN_KEY]))
    assert access.limits.at_once(ADMIN_KEY) is None
    asyncio.run(access.limits.take(ADMIN_KEY))
    taken = 0
    while access.limits.at_once(ADMIN_KEY) is not None:
        taken += 1
    assert 0 < taken < 100
