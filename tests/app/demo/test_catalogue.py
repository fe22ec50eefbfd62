"""The shop's models: what the clicks say of them, their photos, and the webhooks that announce them."""

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from adapters.channels.channel import Delivery, RejectedError, Trust
from adapters.channels.shopify import Shopify
from app.demo import eshop

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECRET = "a secret of the tests"


def webhooks() -> Iterator[eshop.Sent]:
    yield from eshop.shopify_products(secret=SECRET)
    yield from eshop.shopify_inventory(secret=SECRET)


def delivery(sent: eshop.Sent) -> Delivery:
    return Delivery({name.lower(): value for name, value in sent.headers.items()}, sent.body, NOW)


def test_each_model_is_what_most_of_its_clicks_say() -> None:
    said: dict[str, eshop.Row] = {}
    for row in eshop.csv_rows(eshop.DATA):
        said.setdefault(eshop.sku(row), row)  # the one click that differs is not a model's first
    items = {item.sku: item for item in eshop.catalogue()}
    assert items.keys() == said.keys() and len(items) == 217
    for sku, row in said.items():
        item = items[sku]
        assert (item.category, item.colour) == (eshop.CATEGORIES[row.main_category], eshop.COLOURS[row.colour])
        assert (item.cents, item.page, item.place) == (row.price * 100, row.page, row.location)
        assert item.product_id == eshop.product_id(row.clothing_model)


def test_titles_tell_models_apart() -> None:
    items = eshop.catalogue()
    assert len({item.title for item in items}) == len({item.product_id for item in items}) == 217


def test_a_few_models_are_out_of_stock() -> None:
    stocks = [item.stock for item in eshop.catalogue()]
    assert min(stocks) >= 0 and max(stocks) <= 60
    assert 3 <= stocks.count(0) <= 12


def test_each_model_has_a_small_photo_of_its_own() -> None:
    photos = {file.name: file.read_bytes() for file in eshop.PHOTOS.iterdir()}
    assert photos.keys() == {f"{item.sku}.jpg" for item in eshop.catalogue()}
    assert len(set(photos.values())) == 217
    assert all(photo.startswith(b"\xff\xd8\xff") and len(photo) < 12_000 for photo in photos.values())


def test_photos_say_nothing_of_camera_or_place() -> None:
    assert not any(b"Exif\0" in file.read_bytes() for file in eshop.PHOTOS.iterdir())


def test_whose_data_it_is_stands_beside_it() -> None:
    notice = eshop.DATA.with_name("NOTICE.md").read_text(encoding="utf-8")
    assert all(word in notice for word in ("Łapczyński", "Białowąs", "2013", "CC BY 4.0", "CC0", "llustrative"))


def test_webhooks_are_signed_over_their_raw_bytes() -> None:
    for sent in webhooks():
        digest = hmac.digest(SECRET.encode(), sent.body, "sha256")
        assert base64.b64decode(sent.headers["X-Shopify-Hmac-Sha256"]) == digest


def test_webhooks_are_the_same_every_time_and_each_has_its_own_id() -> None:
    assert list(webhooks()) == list(webhooks())
    assert len({sent.headers["X-Shopify-Webhook-Id"] for sent in webhooks()}) == 434


def test_the_shopify_channel_takes_all_of_them() -> None:
    channel = Shopify(SECRET.encode())
    for sent in webhooks():
        channel.verify(delivery(sent))
        parsed = channel.parse(delivery(sent), Trust(known_identifiers=True, backfill=True))
        assert parsed.commands and (parsed.problems, parsed.skipped) == ([], 0)


def test_the_shopify_channel_refuses_them_under_another_secret() -> None:
    sent = next(webhooks())
    with pytest.raises(RejectedError) as refused:
        Shopify(b"another secret").verify(delivery(sent))
    assert refused.value.status == 401


def test_a_product_carries_price_colour_and_picture() -> None:
    body = json.loads(next(eshop.shopify_products(secret=SECRET)).body)
    (variant,) = body["variants"]
    assert (body["title"], body["product_type"]) == ("Navy blue trousers 1", "Trousers")
    assert (variant["sku"], variant["price"], variant["option1"]) == ("M001", "28.00", "navy blue")
    assert body["image"]["src"] == "/photos/M001.jpg"


def test_stock_is_told_by_the_number_that_the_product_gave() -> None:
    items = {item.sku: item for item in eshop.catalogue()}
    variants = [json.loads(sent.body)["variants"][0] for sent in eshop.shopify_products(secret=SECRET)]
    counts = [json.loads(sent.body) for sent in eshop.shopify_inventory(secret=SECRET)]
    told = {count["inventory_item_id"]: count["available"] for count in counts}
    assert {variant["sku"]: told[variant["inventory_item_id"]] for variant in variants} == {
        sku: item.stock for sku, item in items.items()
    }
