"""The clothing shop's real clicks as channel payloads: Segment ``track`` calls, Shopify product and stock webhooks.

The file has dates and the order of clicks but no clock: a session starts at a second of its day that its number
decides, and each click comes ``CLICK_S`` after the one before. NOTICE.md beside the data says whose they are.
"""

import base64
import hmac
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec

from adapters.datasets.eshop import Row, csv_rows, sku

__all__ = ["Row", "csv_rows", "sku"]

DATA = Path(__file__).with_name("data") / "eshop_clothing_2008.csv.gz"
CATALOGUE = Path(__file__).with_name("data") / "catalogue.json"
PHOTOS = Path(__file__).with_name("data") / "photos"
CLICK_S = 120
DAY_S = 86_400
BATCH_BYTES = 480_000
MOST_CLICKS = 1_000_000
SHOP = UUID("3d5a7d0e-3f43-5c55-8f2b-7f7c0a5f0c11")
CATEGORIES = {1: "Trousers", 2: "Skirts", 3: "Blouses", 4: "Sale"}
_COLOUR_NAMES = "beige black blue brown burgundy grey green navy_blue many_colours olive pink red violet white"
COLOURS = {code: name.replace("_", " ") for code, name in enumerate(_COLOUR_NAMES.split(), 1)}
#: The code book's countries by number; 12 is "unidentified" and those after 42 are top-level domains.
_COUNTRY_NAMES = (
    "Australia,Austria,Belgium,British Virgin Islands,Cayman Islands,Christmas Island,Croatia,Cyprus,Czech Republic,"
    "Denmark,Estonia,,Faroe Islands,Finland,France,Germany,Greece,Hungary,Iceland,India,Ireland,Italy,Latvia,"
    "Lithuania,Luxembourg,Mexico,Netherlands,Norway,Poland,Portugal,Romania,Russia,San Marino,Slovakia,Slovenia,"
    "Spain,Sweden,Switzerland,Ukraine,United Arab Emirates,United Kingdom,USA"
)
COUNTRIES = {code: name for code, name in enumerate(_COUNTRY_NAMES.split(","), 1) if name}


@dataclass(frozen=True, slots=True)
class Sent:
    """A request's headers and body, and the channel it goes to."""

    channel: str
    headers: dict[str, str]
    body: bytes


class Item(msgspec.Struct, frozen=True):
    """A model of the catalogue. ``cents`` are US cents; ``page`` and ``place`` are where the shop showed it."""

    sku: str
    product_id: int
    title: str
    category: str
    colour: str
    cents: int
    page: int
    place: int
    stock: int


def catalogue() -> list[Item]:
    """The 217 models."""
    return msgspec.json.decode(CATALOGUE.read_bytes(), type=list[Item])


def visitor(session_id: int) -> str:
    """The anonymous id of a session's visitor: 128 bits that look like any visitor's."""
    return str(uuid5(SHOP, f"session {session_id}"))


#: Sessions of the last weeks with many clicks of one kind, for whoever wants to shop as somebody.
PICKED = {
    18_584: "A visitor from Poland, 30 clicks, mostly blouses",
    18_599: "A visitor from Poland, 23 clicks, mostly skirts",
    19_469: "A visitor from the Czech Republic, 24 clicks, trousers",
    19_463: "A visitor from Poland, 20 clicks, on sale",
}


def week_shift(last: date, today: date) -> int:
    """Days that move a set by whole weeks so that it ends yesterday, or as little before as weeks allow."""
    return ((today - last).days - 1) // 7 * 7


def last_day(rows: Iterable[Row]) -> date:
    """The date of the latest click."""
    return max(date(row.year, row.month, row.day) for row in rows)


def segment_messages(rows: Iterable[Row], *, shift_days: int, click_s: int = CLICK_S) -> Iterator[dict[str, Any]]:
    """One Segment ``track`` call "Product Viewed" a click, by time where ``rows`` come by date (one day is held)."""
    titles = {item.sku: item.title for item in catalogue()}
    for _, clicks in groupby(rows, lambda row: row[:3]):
        for at, row in sorted((_moment(row, click_s), row) for row in clicks):
            yield _track(row, at + timedelta(days=shift_days), titles)


def _track(row: Row, at: datetime, titles: dict[str, str]) -> dict[str, Any]:
    model, country = sku(row), COUNTRIES.get(row.country)
    return {
        "type": "track",
        "event": "Product Viewed",
        "anonymousId": visitor(row.session_id),
        "messageId": f"eshop-{row.session_id}-{row.order}",
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "context": {
            "library": {"name": "analytics.js"},
            **({"location": {"country": country}} if country else {}),
        },
        "properties": {
            "product_id": str(product_id(row.clothing_model)),
            "sku": model,
            "name": titles.get(model, model),
            "category": CATEGORIES[row.main_category],
            "variant": COLOURS[row.colour],
            "price": row.price,
            "currency": "USD",
            "position": row.location,
        },
    }


def _moment(row: Row, click_s: int) -> datetime:
    """A long session's clicks beyond the day's end crowd into its last minutes, a millisecond apart."""
    start = zlib.crc32(f"start {row.session_id}".encode()) % (DAY_S // 2)
    offset = min(start + row.order * click_s, DAY_S - MOST_CLICKS // 1000 - 1) + row.order / 1000
    return datetime(row.year, row.month, row.day, tzinfo=UTC) + timedelta(seconds=offset)


def batches(messages: Iterable[dict[str, Any]], size: int = 500) -> Iterator[bytes]:
    """Bodies of Segment's batch call: ``size`` messages, less where they would exceed half a megabyte."""
    held: list[bytes] = []
    length = 0
    for message in messages:
        encoded = msgspec.json.encode(message)
        if held and (len(held) == size or length + len(encoded) > BATCH_BYTES):
            yield b'{"batch":[' + b",".join(held) + b"]}"
            held, length = [], 0
        held.append(encoded)
        length += len(encoded) + 1
    if held:
        yield b'{"batch":[' + b",".join(held) + b"]}"


def product_id(model: int) -> int:
    """The number that the shop system knows a model by."""
    return 7_000_000_000_000 + model


def shopify_products(*, secret: str) -> Iterator[Sent]:
    """A products/update webhook for each model."""
    for item in catalogue():
        body = {
            "id": item.product_id,
            "title": item.title,
            "vendor": "",
            "product_type": item.category,
            "status": "active",
            "tags": f"{item.colour}, page-{item.page}",
            "updated_at": "2008-04-01T00:00:00Z",
            "options": [{"name": "Color", "position": 1, "values": [item.colour]}],
            "variants": [
                {
                    "id": item.product_id + 10**12,
                    "product_id": item.product_id,
                    "sku": item.sku,
                    "title": "Default Title",
                    "option1": item.colour,
                    "price": f"{item.cents / 100:.2f}",
                    "inventory_item_id": item.product_id + 2 * 10**12,
                }
            ],
            "image": {"src": f"/photos/{item.sku}.jpg"},
        }
        yield _webhook("products/update", f"product-{item.sku}", body, secret)


def shopify_inventory(*, secret: str) -> Iterator[Sent]:
    """An inventory_levels/update webhook for each model."""
    for item in catalogue():
        body = {
            "inventory_item_id": item.product_id + 2 * 10**12,
            "location_id": 1,
            "available": item.stock,
            "updated_at": "2008-04-01T00:00:00Z",
        }
        yield _webhook("inventory_levels/update", f"stock-{item.sku}", body, secret)


def _webhook(topic: str, delivery: str, body: dict[str, Any], secret: str) -> Sent:
    raw = msgspec.json.encode(body)
    signature = base64.b64encode(hmac.digest(secret.encode(), raw, "sha256")).decode()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": "demo.example",
        "X-Shopify-Webhook-Id": str(uuid5(SHOP, delivery)),
        "X-Shopify-Hmac-Sha256": signature,
    }
    return Sent("shopify", headers, raw)
