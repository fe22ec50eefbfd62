"""Rules over HTTP: saved, published, previewed; what is wrong is named by rule and field."""

import json
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from commands.merchandising import PublishRules, SaveRules
from domain.merchandising import read
from tests.adapters.http.fakes import ADMIN, ADMIN_KEY, NOW, PERSON, MemoryWriter, bearer

Client = TestClient[Litestar]
RULES = [{"key": "winter-sale", "when": {"brand": ["Acme"]}, "then": {"boost": {"factor": 2}}}]
SECRET = "ann@canary.example"


def call(client: Client, method: str, path: str, body: Any = None) -> Any:
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = bearer(ADMIN) | {"Content-Type": "application/json"}
    return client.request(method, path, content=content, headers=headers)


def test_a_draft_is_saved_by_whoever_holds_the_key(client: Client, writer: MemoryWriter) -> None:
    answer = call(client, "PUT", "/v1/rules", {"rules": RULES})
    assert answer.status_code == 200
    ((command,),) = writer.calls
    assert isinstance(command, SaveRules)
    assert (command.rules, command.expected, command.occurred_at) == (read(RULES).rules, None, NOW)
    assert command.actor == f"key:{ADMIN_KEY.id}" and ADMIN not in command.actor
    assert answer.json() == {
        "recorded": 1,
        "digest": read(RULES).digest,
        "live_digest": "",
        "unknown": [{"field": "rules[a].when.brand[0]", "reason": "no item has this"}],
    }
    assert call(client, "GET", "/v1/rules").json()["digest"] == read(RULES).digest


def test_publishing_says_which_draft_was_looked_at(client: Client, writer: MemoryWriter) -> None:
    digest = read(RULES).digest
    assert call(client, "POST", f"/v1/rules/publish?expected={digest}").status_code == 200
    assert call(client, "PUT", "/v1/rules?expected=", RULES).status_code == 200
    (publish,), (save,) = writer.calls
    assert isinstance(publish, PublishRules) and publish.expected == digest
    assert isinstance(save, SaveRules) and save.expected == ""


def test_what_the_book_refuses_is_a_conflict(client: Client, writer: MemoryWriter) -> None:
    writer.refuses = "the draft was changed meanwhile; look at it again"
    answer = call(client, "POST", "/v1/rules/publish")
    assert (answer.status_code, answer.json()["field"], answer.json()["reason"]) == (409, "rules", writer.refuses)


#: Method, path, body → status, the fields that are named.
WRONG: list[tuple[str, str, Any, int, list[str]]] = [
    (
        "PUT",
        "/v1/rules",
        [{**RULES[0], "when": {"price": {"min_cents": 2, "max_cents": 1}, "brand": ["A"], SECRET: 1}}],
        422,
        ["rules[winter-sale].when.price.max_cents", "rules[winter-sale].when.?"],
    ),
    ("PUT", "/v1/rules", [*RULES, *RULES], 422, ["rules"]),
    ("PUT", "/v1/rules", b"not json " + SECRET.encode(), 422, ["rules"]),
    ("PUT", "/v1/rules", b"[" * 100_000, 422, ["rules"]),
    ("PUT", "/v1/rules", b"", 422, ["rules"]),
    ("PUT", "/v1/rules?expected=" + SECRET, RULES, 400, ["expected"]),
    ("PUT", "/v1/rules?expectd=a", RULES, 400, ["query"]),
    ("GET", "/v1/rules?limit=1", None, 400, ["query"]),
    ("POST", "/v1/rules/publish?expected=&expected=", None, 400, ["query"]),
    ("POST", "/v1/rules/preview", [], 422, ["body"]),
    ("POST", "/v1/rules/preview", {"limit": 51}, 422, ["limit"]),
    ("POST", "/v1/rules/preview", {"who": SECRET}, 422, ["who"]),
    ("POST", "/v1/rules/preview", {"at": "2026-01-01T00:00"}, 422, ["at"]),
    ("POST", "/v1/rules/preview", {"user_id": "known", "anonymous_id": "b"}, 422, ["anonymous_id"]),
    ("POST", "/v1/rules/preview", {"user_id": "nobody"}, 404, ["user_id"]),
    ("POST", "/v1/rules/preview", {"person_id": "00000000-0000-4000-8000-000000000000"}, 404, ["person_id"]),
    ("POST", "/v1/rules/preview", {"rules": [{"key": "a", "then": {"filter": {}}}]}, 422, ["rules[a].when"]),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "fields"), WRONG)
def test_what_is_wrong_is_named_and_never_repeated(
    client: Client, writer: MemoryWriter, method: str, path: str, body: Any, status: int, fields: list[str]
) -> None:
    answer = call(client, method, path, body)
    assert answer.status_code == status, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == fields
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert SECRET not in answer.text and writer.calls == []


def test_too_large_a_body_is_not_read(client: Client) -> None:
    assert call(client, "PUT", "/v1/rules", b" " * (1 << 20)).status_code == 413
    assert call(client, "PUT", "/v1/rules", b" " * (300 * 1024)).status_code == 422


@pytest.mark.parametrize("who", [{}, {"person_id": str(PERSON)}, {"user_id": "known"}])
def test_a_preview_is_of_somebody_real_or_a_stranger(client: Client, writer: MemoryWriter, who: dict[str, str]) -> None:
    answer = call(client, "POST", "/v1/rules/preview", {**who, "placement": "cart", "rules": RULES})
    assert (answer.status_code, answer.json()["placement"]) == (200, "cart")
    assert writer.calls == []
