"""A customer whose data are looked for in every byte on disk, behind PostgreSQL's and Valkey's backs."""

import json
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.redis import on_disk
from app.intake import take
from app.projecting import folding, runners
from app.wiring import Wiring
from domain.identity import Identifier, IdentifierKind
from readmodels import keys
from tests.adapters.channels.signing import signed

EMAIL = "quetzal.canary@birdhouse.example"
PHONE = "+4915799977553"
NAME = "Quetzalina Birdhouse"
STREET = "Kanarienvogelweg 4711"
LOYALTY = "LOY-8842-CANARY-7731"
USER = "user-canary-55172"
SEARCH = "canary yellow maternity dress"
CANARIES = (EMAIL, PHONE, PHONE[1:], NAME, STREET, LOYALTY, USER, SEARCH)
ORDER = "889900112233445566"
VISITOR = "5b0c1f7e-3a52-4d17-9c6d-8f20b7a4e611"
AT = "2025-06-11T10:00:00Z"
COMMON = {"anonymousId": VISITOR, "userId": USER, "timestamp": AT}
IDENTIFY = COMMON | {
    "type": "identify",
    "messageId": "c-1",
    "traits": {
        "email": EMAIL,
        "phone": PHONE,
        "name": NAME,
        "loyalty_id": LOYALTY,
        "address": {"street": STREET, "city": "Ulm"},
    },
}
SEARCHED = COMMON | {
    "type": "track",
    "event": "Products Searched",
    "messageId": "c-2",
    "properties": {"query": SEARCH},
}
ORDERED = {
    "id": int(ORDER),
    "email": EMAIL,
    "phone": PHONE,
    "created_at": AT,
    "currency": "EUR",
    "total_price": "19.99",
    "customer": {"id": 42, "email": EMAIL, "phone": PHONE, "first_name": "Quetzalina", "last_name": "Birdhouse"},
    "shipping_address": {"name": NAME, "address1": STREET, "city": "Ulm", "phone": PHONE},
    "line_items": [{"id": 1, "sku": "SKU-1", "quantity": 1, "price": "19.99"}],
}


def written_as(text: str) -> Iterator[bytes]:
    """The ways in which a text may lie in a file."""
    plain = text.encode()
    yield from {plain, plain.lower(), plain.upper(), plain.hex().encode(), plain.hex().upper().encode()}
    yield from (text.encode("utf-16-le"), text.encode("utf-16-be"))
    for shift in range(3):  # where it begins within three bytes decides the letters
        whole = b64encode(b"\0" * shift + plain)
        yield whole[-(-shift * 4 // 3) : (shift + len(plain)) * 8 // 6]


def found_in(folder: Path, text: str) -> list[str]:
    """The files that hold a text in any of these ways."""
    forms = set(written_as(text))
    return [str(path) for path, content in _files(folder) if any(form in content for form in forms)]


@pytest.fixture
def folders(wiring: Wiring) -> list[Path]:
    """The data of both servers, after a customer was recorded, projected and all of it written to disk."""
    bus, channels = wiring.bus(), wiring.channels()
    sent: list[tuple[str, dict[str, str], Any]] = [("segment", {}, IDENTIFY), ("segment", {}, SEARCHED)]
    headers = {"x-shopify-topic": "orders/create", "x-shopify-webhook-id": "w-1"}
    body = json.dumps(ORDERED).encode()
    sent.append(("shopify", headers | signed(body, wiring.settings.shopify_key().encode()), ORDERED))
    for channel, also, said in sent:
        content = {"content-type": "application/json"} | also
        taken = take(bus, channels[channel], content, json.dumps(said).encode())
        assert (taken.recorded > 0, taken.refused, taken.skipped) == (True, 0, 0)
    runners.catch_up(wiring, folding.start_generation(wiring))
    assert on_disk(wiring.redis, partial(keys.confirmed, wiring.settings.namespace))
    with psycopg.connect(wiring.postgres_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return [wiring.settings.var / "postgres", wiring.settings.var / "valkey"]


def test_no_byte_on_disk_tells_of_a_person(wiring: Wiring, folders: list[Path]) -> None:
    postgres, valkey = folders
    hits = {canary: found for folder in folders for canary in CANARIES if (found := found_in(folder, canary))}
    assert hits == {}
    assert_found(postgres, ORDER)  # the ledger is readable for the law's sake, so the search does find what is there
    person = wiring.directory.find(Identifier(kind=IdentifierKind.USER, value=USER))
    assert_found(valkey, str(person))


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: text.encode(),
        lambda text: b64encode(text.encode()),
        lambda text: b64encode(b"x" + text.encode() + b"yz"),
        lambda text: b64encode(b'{"email":"' + text.encode() + b'"}'),
        lambda text: text.encode().hex().encode(),
        lambda text: text.encode("utf-16"),
    ],
)
@pytest.mark.parametrize("canary", CANARIES)
def test_the_search_finds_what_is_hidden(tmp_path: Path, canary: str, hide: Any) -> None:
    (tmp_path / "file").write_bytes(b"\x01\x02" + hide(canary) + b"\x03")
    assert found_in(tmp_path, canary)
    assert not found_in(tmp_path, "another thing")


def assert_found(folder: Path, text: str) -> None:
    """The same search finds what is in clear."""
    assert found_in(folder, text)


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file that is one, with its bytes; what a server deletes meanwhile is gone."""
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()
        except FileNotFoundError:
            continue
