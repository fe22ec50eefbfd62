import io
import json

import pytest
import structlog
from litestar import Litestar
from litestar.testing import TestClient
from structlog.testing import capture_logs

from adapters.http import logs
from tests.adapters.http.fakes import ADMIN, VISITOR, bearer, viewed

CANARY = "canary@example.com"


def test_one_line_a_request_with_nothing_of_what_was_sent(client: TestClient[Litestar]) -> None:
    headers = bearer(ADMIN) | {"User-Agent": CANARY, "X-Request-Id": CANARY, "X-Forwarded-For": "203.0.113.9"}
    with capture_logs() as lines:
        client.get(f"/v1/recommendations?anonymous_id={VISITOR}", headers=headers)
        client.get(f"/v1/recommendations?user_id={CANARY}", headers=headers)
        client.get(f"/v1/customers/{CANARY}", headers=headers)
        client.post("/v1/identify", json=viewed(traits={"email": CANARY}, type=CANARY), headers=headers)
        client.get(f"/{CANARY}", headers=headers)
    assert [(line["route"], line["method"], line["status"]) for line in lines] == [
        ("/v1/recommendations", "GET", 200),
        ("/v1/recommendations", "GET", 400),
        ("/v1/customers/{person_id}", "GET", 400),
        ("/v1/identify", "POST", 422),
        ("unmatched", "GET", 404),
    ]
    allowed = {"event", "log_level", "route", "method", "status", "duration_ms", "request_id"}
    assert all(line.keys() == allowed and line["duration_ms"] >= 0 for line in lines)
    said = repr(lines)
    assert not [secret for secret in ("canary", VISITOR, ADMIN, "203.0.113.9", "testclient") if secret in said]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_lines_are_json(stream: io.StringIO) -> None:
    try:
        logs.configure(stream)
        structlog.get_logger("any").info("request", route="/v1/track", status=200)
    finally:
        structlog.reset_defaults()
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["route"], line["status"]) == (
        "request",
        "info",
        "/v1/track",
        200,
    )
    assert line["timestamp"].endswith("Z")


def test_places_of_an_error_without_its_message() -> None:
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        places = logs.where(error)
    assert places[-1].startswith("test_logs.py:")
    assert CANARY not in repr(places)
