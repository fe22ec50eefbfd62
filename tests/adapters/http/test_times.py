"""``as_of`` and ``known_at``: handed on as they were meant, or refused by name."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from queries.moment import Moment
from tests.adapters.http.fakes import ADMIN, NOW, ONE_SCOPE, PERSON, MemoryReader, bearer

Client = TestClient[Litestar]
SERVER = bearer(ADMIN)
TAILS = {"": "profile", "/events": "events"}
PATHS = [f"/v1/customers/{PERSON}{tail}" for tail in TAILS]
THEN = datetime(2026, 2, 1, 9, 30, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize(
    ("query", "moment"),
    [
        ("as_of=2026-03-01T12:00:00Z", Moment(as_of=NOW)),
        ("known_at=2026-03-01T13:00:00%2B01:00", Moment(known_at=NOW)),
        ("known_at=2026-02-01T09:30:00.25Z&as_of=2026-03-01T12:00Z", Moment(NOW, THEN)),
    ],
)
def test_the_moment_is_asked_for(client: Client, reader: MemoryReader, tail: str, query: str, moment: Moment) -> None:
    assert client.get(f"/v1/customers/{PERSON}{tail}?{query}", headers=SERVER).status_code == 200
    assert reader.asked == [(TAILS[tail], moment)]


@pytest.mark.parametrize("path", PATHS)
def test_without_times_it_is_now(client: Client, reader: MemoryReader, path: str) -> None:
    assert client.get(path, headers=SERVER).status_code == 200
    assert reader.asked == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("field", ["as_of", "known_at"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "2026-03-01",
        "2026-03-01T12:00:00",
        "2026-03-01T12:00:00+01:00",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "99999-01-01T00:00:00Z",
        "1772366400000",
        "2026-13-01T00:00:00Z",
        "2026-03-01T12:00:00Z" * 1000,
        "\x00",
        "٢٠٢٦-03-01T12:00:00Z",
    ],
)
def test_a_wrong_time_is_named_and_not_repeated(
    client: Client, reader: MemoryReader, path: str, field: str, text: str
) -> None:
    """A + that was not escaped arrives as a blank."""
    given = text if "+" in text else quote(text)
    answer = client.get(f"{path}?{field}={given}", headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert "ISO 8601" in answer.json()["reason"] and "%2B" in answer.json()["reason"]
    assert "canary" not in answer.text and "1969" not in answer.text
    assert reader.asked == []


@pytest.mark.parametrize("path", PATHS)
def test_a_time_is_given_once_and_under_its_name(client: Client, path: str) -> None:
    for query, field in (
        ("as_of=2026-03-01T12:00:00Z&as_of=2026-03-01T12:00:00Z", "as_of"),
        ("asof=canary", "query"),
        ("known_at=2026-03-01T12:00:00Z&canary=1", "query"),
    ):
        answer = client.get(f"{path}?{query}", headers=SERVER)
        assert (answer.status_code, answer.json()["field"]) == (400, field)
        assert "canary" not in answer.text


@pytest.mark.parametrize("tail", TAILS)
def test_nobody_then_is_404(client: Client, tail: str) -> None:
    nobody = f"/v1/customers/00000000-0000-7000-8000-000000000000{tail}"
    answer = client.get(f"{nobody}?as_of=2026-03-01T12:00:00Z", headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (404, "person_id")
    assert answer.json()["reason"] == "there is no such person at that time"


@pytest.mark.parametrize("path", PATHS)
def test_the_past_needs_the_scope_too(client: Client, reader: MemoryReader, path: str) -> None:
    asked = f"{path}?as_of=2026-03-01T12:00:00Z"
    assert client.get(asked).status_code == 401
    allowed = {scope for scope, (text, _) in ONE_SCOPE.items() if client.get(asked, headers=bearer(text)).is_success}
    assert allowed == {"customer:read"}


@pytest.mark.parametrize("tail", TAILS)
def test_the_description_tells_of_them(client: Client, tail: str) -> None:
    schema = client.get("/schema/openapi.json").json()
    parameters = schema["paths"][f"/v1/customers/{{person_id}}{tail}"]["get"]["parameters"]
    found = {p["name"]: p for p in parameters}
    for name in ("as_of", "known_at"):
        assert found[name]["in"] == "query" and not found[name]["required"]
        assert "date-time" in repr(found[name]["schema"])
