"""Bad cookies, links and forms get a page in words, record nothing and break nothing."""

from collections.abc import Callable

import pytest
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

from commands.ports import ConflictError, UnavailableError
from tests.adapters.http.fakes import MemoryWriter
from tests.adapters.http.shop.world import Onlooker, recorded

Browser = TestClient[Litestar]
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("said", ["", "a", "x" * 300, "a" * 33, "\x01" * 32, "known", "A" * 32, "0" * 31 + '"'])
@pytest.mark.parametrize("path", ["/", "/product/M1", "/bag", "/live"])
def test_a_cookie_that_is_not_ours_makes_a_new_visitor(
    client: Browser, writer: MemoryWriter, path: str, said: str
) -> None:
    answer = client.get(path, headers={"Cookie": f"visitor={said}"})

    assert answer.status_code == 200
    named = {one.value for command in recorded(writer) for one in command.identifiers}  # type: ignore[attr-defined]
    assert said not in named
    assert len(named) <= 1


@pytest.mark.parametrize(
    "link",
    [
        "/product/M1?pos=abc",
        "/product/M1?pos=-1",
        "/product/M1?placement=home&pos=101",
        "/product/M1?placement=home&pos=1&decision=not-a-uuid",
        f"/product/M1?placement={'x' * 21}",
        f"/search?q={'x' * 101}",
        f"/category/{'x' * 201}",
    ],
)
def test_a_link_that_makes_no_sense_is_refused_in_words(client: Browser, writer: MemoryWriter, link: str) -> None:
    refused_in_words(client.get(link))
    assert recorded(writer) == []


@pytest.mark.parametrize("body", [b"sku=M1&sku=M2", b"sku[]=M1&sku=M1&sku=M1"])
def test_a_form_that_makes_no_sense_is_refused_in_words(client: Browser, writer: MemoryWriter, body: bytes) -> None:
    refused_in_words(client.post("/bag/add", content=body, headers=FORM))
    assert recorded(writer) == []


@pytest.mark.parametrize("body", [b"", b"sku=", b"sku=M999", b"sku=%00", b"\xff\xfe", b"other=M1"])
def test_a_form_without_a_product_on_sale_adds_nothing(client: Browser, writer: MemoryWriter, body: bytes) -> None:
    assert client.post("/bag/add", content=body, headers=FORM).status_code == 404
    assert client.post("/bag/remove", content=body, headers=FORM).status_code == 303
    assert recorded(writer) == []


def test_a_huge_form_is_refused(client: Browser, writer: MemoryWriter) -> None:
    assert client.post("/bag/add", content=b"sku=" + b"M" * 40_000, headers=FORM).status_code == 413
    assert recorded(writer) == []


@pytest.mark.parametrize("path", ["/product/M999", "/product/%3Cb%3E", "/category/Hats"])
def test_what_is_not_there_is_a_404_in_words_that_repeats_nothing(client: Browser, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Back to the shop" in answer.text
    assert "M999" not in answer.text and "Hats" not in answer.text and "&lt;b&gt;" not in answer.text


@pytest.mark.parametrize("path", ["/bag/add", "/bag/order", "/shop-as"])
def test_a_link_changes_nothing(client: Browser, path: str) -> None:
    assert client.get(path).status_code == 405


def test_what_the_log_refuses_is_not_confirmed(client: Browser, writer: MemoryWriter) -> None:
    writer.refuses = "this customer was erased"
    refused_in_words(client.post("/bag/add", data={"sku": "M1"}))


def test_what_the_channel_refuses_is_not_confirmed(client: Browser, reader: Onlooker) -> None:
    client.get("/")
    reader.cart = {"M1": 1_000_000}  # more pieces than a line may have
    refused_in_words(client.post("/bag/order"))


def break_writer(writer: MemoryWriter, reader: Onlooker) -> None:
    writer.fails = UnavailableError("postgres is down")


def lose_race(writer: MemoryWriter, reader: Onlooker) -> None:
    writer.fails = ConflictError("lost the race")


def break_reader(writer: MemoryWriter, reader: Onlooker) -> None:
    reader.fails = UnavailableError("redis is down")


@pytest.mark.parametrize("breaks", [break_writer, lose_race, break_reader])
@pytest.mark.parametrize("path", ["/", "/product/M1"])
def test_a_server_that_is_down_is_a_503_in_words(
    client: Browser,
    writer: MemoryWriter,
    reader: Onlooker,
    path: str,
    breaks: Callable[[MemoryWriter, Onlooker], None],
) -> None:
    breaks(writer, reader)
    answer = client.get(path)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "One moment, please" in answer.text and "is down" not in answer.text
    assert "set-cookie" not in answer.headers


def refused_in_words(answer: Response) -> None:
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "Nothing was changed" in answer.text
