import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http.recommendations import Placement
from commands.ports import UnavailableError
from domain.identity import IdentifierKind
from tests.adapters.http.fakes import ADMIN, PERSON, VISITOR, MemoryReader, bearer

Client = TestClient[Litestar]
SERVER = bearer(ADMIN)
PATHS = ("/v1/recommendations?user_id=known", f"/v1/customers/{PERSON}", f"/v1/customers/{PERSON}/events")


def ask(client: Client, query: str) -> tuple[int, dict[str, object]]:
    response = client.get(f"/v1/recommendations?{query}", headers=SERVER)
    return response.status_code, response.json()


def test_a_stranger_gets_an_answer(client: Client, reader: MemoryReader) -> None:
    status, answer = ask(client, "")
    assert status == 200
    assert answer["person_id"] is None
    assert answer["placement"] == "home"
    assert answer["items"] == [
        {
            "sku": "sku-1",
            "score": 0.5,
            "reason": "others liked it",
            "source": "popular",
            "price_cents": 1250,
            "currency": "USD",
        }
    ]
    assert reader.asked == [("recommend", "home", None, None, None)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"person_id={PERSON}", None),
        ("user_id=known", ("find", IdentifierKind.USER, "known")),
        ("anonymous_id=known", ("find", IdentifierKind.ANONYMOUS, "known")),
    ],
)
def test_a_person_is_found_by_any_one_id(
    client: Client, reader: MemoryReader, query: str, found: tuple[object, ...] | None
) -> None:
    status, answer = ask(client, f"{query}&placement=product&item=sku-9&limit=5")
    assert (status, answer["person_id"]) == (200, str(PERSON))
    expected = [found] if found else []
    assert reader.asked == [*expected, ("recommend", "product", PERSON, 5, "sku-9")]


def test_one_never_seen_is_a_stranger(client: Client, reader: MemoryReader) -> None:
    assert ask(client, f"anonymous_id={VISITOR}")[1]["person_id"] is None


@pytest.mark.parametrize("placement", Placement)
def test_every_placement_is_taken(client: Client, placement: Placement) -> None:
    assert ask(client, f"placement={placement}")[1]["placement"] == placement


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("placement=canary", "placement"),
        ("placement=", "placement"),
        ("limit=0", "limit"),
        ("limit=51", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1&limit=2", "limit"),
        ("person_id=canary", "person_id"),
        ("user_id=", "user_id"),
        ("user_id=%20", "user_id"),
        ("user_id=" + "x" * 255, "user_id"),
        ("user_id=canary@example.com", "user_id"),
        ("user_id=canary%40example.com", "user_id"),
        ("user_id=canary%2540example.com", "user_id"),
        ("anonymous_id=canary@example.com", "anonymous_id"),
        ("user_id=canary&anonymous_id=b", "anonymous_id"),
        (f"person_id={PERSON}&user_id=canary", "user_id"),
        ("item=" + "x" * 81, "item"),
        ("email=canary@example.com", "query"),
    ],
)
def test_a_wrong_parameter_is_named_and_not_repeated(
    client: Client, reader: MemoryReader, query: str, field: str
) -> None:
    status, answer = ask(client, query)
    assert (status, answer["field"]) == (400, field)
    assert "canary" not in repr(answer)
    assert reader.asked == []


def test_a_wrong_placement_is_told_the_right_ones(client: Client) -> None:
    reason = str(ask(client, "placement=x")[1]["reason"])
    assert all(placement in reason for placement in Placement)


def test_a_customer_and_their_events(client: Client) -> None:
    profile = client.get(f"/v1/customers/{PERSON}", headers=SERVER).json()
    assert (profile["person_id"], profile["version"]) == (str(PERSON), 7)
    events = client.get(f"/v1/customers/{PERSON}/events?limit=2", headers=SERVER).json()
    assert [event["name"] for event in events["events"]] == ["seen", "seen"]


def test_older_events_are_on_the_next_page(client: Client) -> None:
    def page(query: str) -> tuple[list[int], str | None]:
        told = client.get(f"/v1/customers/{PERSON}/events?limit=2{query}", headers=SERVER).json()
        return [event["version"] for event in told["events"]], told["older"]

    versions, older = page("")
    assert (versions, page(f"&before={older}")) == ([3, 2], ([1], None))
    response = client.get(f"/v1/customers/{PERSON}/events?before=0.0.1.{PERSON.hex}", headers=SERVER)
    assert (response.status_code, response.json()["field"]) == (404, "before")


@pytest.mark.parametrize("tail", ["", "/events"])
def test_nobody_is_404(client: Client, tail: str) -> None:
    response = client.get(f"/v1/customers/00000000-0000-7000-8000-000000000000{tail}", headers=SERVER)
    assert (response.status_code, response.json()["field"]) == (404, "person_id")
    assert response.json()["instance"] == "/v1/customers/{person_id}" + tail


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "canary=1", "before=canary", "before=1.1.1.", f"before={'1' * 90}"]
)
def test_events_refuse_wrong_parameters(client: Client, query: str) -> None:
    response = client.get(f"/v1/customers/{PERSON}/events?{query}", headers=SERVER)
    assert response.status_code == 400
    assert "canary" not in response.text


@pytest.mark.parametrize("path", PATHS)
def test_a_server_that_is_down_is_503(client: Client, reader: MemoryReader, path: str) -> None:
    reader.fails = UnavailableError("canary")
    response = client.get(path, headers=SERVER)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "canary" not in response.text


@pytest.mark.parametrize("path", PATHS)
def test_personal_answers_are_not_stored(client: Client, path: str) -> None:
    assert client.get(path, headers=SERVER).headers["Cache-Control"] == "no-store"


def test_a_version_to_wait_for_is_handed_on(client: Client, reader: MemoryReader) -> None:
    status, answer = ask(client, f"person_id={PERSON}&min_version=7")
    assert (status, answer["degraded"]) == (200, [])
    assert ("min_version", 7) in reader.asked


@pytest.mark.parametrize("given", ["-1", "1.5", "canary", "", str(2**31)])
def test_a_version_is_a_whole_number(client: Client, reader: MemoryReader, given: str) -> None:
    status, answer = ask(client, f"min_version={given}")
    assert (status, answer["field"]) == (400, "min_version")
    assert "canary" not in repr(answer) and reader.asked == []
