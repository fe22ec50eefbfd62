"""``GET /v1/attribution/report`` and ``GET /v1/attribution/versions``."""

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.adapters.http.fakes import ADMIN, bearer

Client = TestClient[Litestar]
PATH = "/v1/attribution/report"


def test_parameters_are_options_of_the_command_line(client: Client) -> None:
    asked = {"model": "first,markov-1", "from": "2026-05-01", "to": "2026-06-01", "as_of_position": "7"}
    more = {"lookback_days": "14", "every_order": "true", "clicks_only": "false"}
    answer = client.get(PATH, params=asked | more, headers=bearer(ADMIN))
    assert answer.json() == {
        "asked": {
            "model": "first,markov-1",
            "from": "2026-05-01",
            "to": "2026-06-01",
            "as-of-position": "7",
            "lookback-days": "14",
            "every-order": "",
        },
        "form": "json",
    }


@pytest.mark.parametrize(("form", "media"), [("csv", "text/csv"), ("html", "text/html"), ("json", "application/json")])
def test_each_form_has_its_type(client: Client, form: str, media: str) -> None:
    answer = client.get(PATH, params={"format": form}, headers=bearer(ADMIN))
    assert answer.headers["content-type"].startswith(media)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model", "guess"),
        ("model", "first;last"),
        ("from", "2026-13-01"),
        ("to", "1"),
        ("as_of_position", "-1"),
        ("as_of_position", "11"),
        ("lookback_days", "0"),
        ("lookback_days", "\u0661"),
        ("session_minutes", "1441"),
        ("every_order", "yes"),
        ("format", "xml"),
    ],
)
def test_what_is_wrong_is_named(client: Client, name: str, text: str) -> None:
    answer = client.get(PATH, params={name: text}, headers=bearer(ADMIN))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)


def test_a_period_must_begin_before_it_ends(client: Client) -> None:
    answer = client.get(PATH, params={"from": "2026-05-02", "to": "2026-05-02"}, headers=bearer(ADMIN))
    assert answer.json()["errors"][0]["field"] == "from"


def test_published_versions(client: Client) -> None:
    assert client.get("/v1/attribution/versions", headers=bearer(ADMIN)).json() == [{"key": "k", "version": 1}]
    assert client.get("/v1/attribution/versions?all=1", headers=bearer(ADMIN)).status_code == 400
