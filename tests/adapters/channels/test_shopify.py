"""The Shopify channel: signatures, topics, and what one order asks for however often it is told."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.channels.channel import Delivery, Parsed, Problem, RejectedError, Trust
from adapters.channels.shopify import Shopify
from commands.browse import RecordVisit
from commands.cart import ReplaceCart
from commands.consent import GiveConsent, RequestAccess, WithdrawConsent
from commands.order import PlaceOrder, ReturnLines
from commands.stock import ChangePrice, CountStock, ListProduct, TellCost, inventory_key
from tests.adapters.channels.signing import signed

NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
SECRET = b"hush"
TRUST = Trust(known_identifiers=True)
VECTOR = Path(__file__).parents[4] / "shared" / "payloads" / "shopify" / "hmac_golden_vector.json"
ORDER: dict[str, Any] = {
    "id": 1,
    "created_at": "2025-06-01T10:00:00Z",
    "updated_at": "2025-06-01T10:00:00Z",
    "currency": "EUR",
    "total_price": "120.00",
    "total_tax": "20.00",
    "total_discounts": "5.00",
    "email": "Ann@Example.com",
    "cart_token": "c-1",
    "line_items": [
        {"id": 11, "sku": "A", "quantity": 2, "price": "50.00", "discount_allocations": [{"amount": "5.00"}]},
        {"id": 12, "sku": "", "variant_id": 9, "quantity": 1, "price": "25.00"},
    ],
}
REFUND = {
    "id": 5,
    "created_at": "2025-06-10T10:00:00Z",
    "refund_line_items": [{"line_item_id": 11, "quantity": 1}],
    "transactions": [
        {"kind": "refund", "status": "success", "amount": "47.50"},
        {"kind": "refund", "status": "failure", "amount": "47.50"},
    ],
}


def headers(topic: str, webhook: str = "w-1") -> dict[str, str]:
    return {"x-shopify-topic": topic, "x-shopify-webhook-id": webhook}


def parse(topic: str, payload: Any, webhook: str = "w-1", trust: Trust = TRUST) -> Parsed:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Shopify(SECRET).parse(Delivery(headers(topic, webhook), raw, NOW), trust)


def commands(topic: str, payload: Any, webhook: str = "w-1") -> list[Any]:
    parsed = parse(topic, payload, webhook)
    assert parsed.problems == []
    return [command for _, command in parsed.commands]


def problem(topic: str, payload: Any) -> Problem:
    parsed = parse(topic, payload)
    assert parsed.commands == []
    return parsed.problems[0]


def refused(body: bytes, said: dict[str, str], secrets: Any = SECRET) -> RejectedError:
    with pytest.raises(RejectedError) as error:
        Shopify(secrets).verify(Delivery(said, body, NOW))
    assert error.value.status == 401
    return error.value


# Signatures


def test_golden_vector() -> None:
    if not VECTOR.exists():
        pytest.skip("needs ../shared/payloads")
    vector = json.loads(VECTOR.read_text())
    body, name, good = vector["raw_body_utf8"].encode(), vector["header"].lower(), vector["expected_base64"]
    channel = Shopify(vector["secret"].encode())
    for spelling in (name, name.removeprefix("x-")):
        channel.verify(Delivery({spelling: good}, body, NOW))
    for bad in vector["negative"]:
        refused(bad.get("raw_body_utf8", vector["raw_body_utf8"]).encode(), {name: bad["hmac"]})


def test_a_missing_signature_is_named() -> None:
    assert refused(b"{}", {}).field == "X-Shopify-Hmac-Sha256"
    assert refused(b"", signed(b"", SECRET)).field == "body"


def test_either_secret_is_good_while_one_is_replaced() -> None:
    both = Shopify([b"new", b"old"])
    for secret in (b"new", b"old"):
        both.verify(Delivery(signed(b"{}", secret), b"{}", NOW))
    refused(b"{}", signed(b"{}", b"older"), [b"new", b"old"])


@pytest.mark.parametrize("secret", [b"", [], [b"new", b""]])
def test_a_secret_is_needed(secret: Any) -> None:
    with pytest.raises(ValueError, match="secret"):
        Shopify(secret)


@given(st.binary(min_size=1, max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_any_changed_byte_is_noticed(body: bytes, at: int, change: int) -> None:
    said = signed(body, SECRET)
    Shopify(SECRET).verify(Delivery(said, body, NOW))
    at %= len(body)
    refused(body[:at] + bytes([body[at] ^ change]) + body[at + 1 :], said)


@given(st.text(max_size=60))
def test_any_other_signature_is_refused(said: str) -> None:
    refused(b"{}", {"x-shopify-hmac-sha256": said})


# Headers


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"x-shopify-webhook-id": "w"}, "X-Shopify-Topic"),
        (headers("orders"), "X-Shopify-Webhook-Id"),
        (headers("weather/changed"), "X-Shopify-Topic"),
        (headers("shop/redact"), "X-Shopify-Topic"),
        ({"x-shopify-topic": "orders/create"}, "X-Shopify-Webhook-Id"),
        (headers("orders/create", "w" * 201), "X-Shopify-Webhook-Id"),
    ],
)
def test_headers_that_are_missing_or_unknown(said: dict[str, str], field: str) -> None:
    if said == headers("orders"):
        said = {"shopify-topic": "orders/create", "shopify-webhook-id": " "}
    with pytest.raises(RejectedError) as error:
        Shopify(SECRET).parse(Delivery(said, b"{}", NOW), TRUST)
    assert error.value.field == field


def test_a_request_for_access_is_recorded_once_however_often_it_comes() -> None:
    payload = {"customer": {"id": 191, "email": "Ann@Example.com"}, "data_request": {"id": 9999}, "shop_id": 1}
    (first,), (again,) = (commands("customers/data_request", payload, webhook) for webhook in ("w-1", "w-2"))
    assert isinstance(first, RequestAccess) and first == again
    assert first.request_id == first.source_id == "shopify:data_request:9999"
    assert {one.value for one in first.identifiers} == {"shopify:191", "ann@example.com"}


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"customer": {"id": 1}}, "data_request.id"),
        ({"data_request": {"id": 9}}, "id"),
        ({"customer": {"email": "x"}, "data_request": {"id": 9}}, "email"),
    ],
)
def test_a_request_for_access_names_itself_and_somebody(payload: Any, field: str) -> None:
    (problem,) = parse("customers/data_request", payload).problems
    assert problem.field == field


def test_newer_header_names() -> None:
    said = {"shopify-topic": "orders/create", "shopify-webhook-id": "w"}
    delivery = Delivery(said, json.dumps(ORDER).encode(), NOW)
    assert Shopify(SECRET).parse(delivery, TRUST).commands


def test_other_topics_are_skipped() -> None:
    assert parse("fulfillments/create", {}).skipped == 1


def test_a_customer_to_redact_is_whoever_the_shop_names() -> None:
    parsed = parse("customers/redact", {"shop_id": 1, "customer": {"id": 5, "email": "Ann@x.example"}})
    assert parsed.commands == []
    ((email, user),) = (sorted(each, reverse=True) for each in parsed.redactions)
    assert (user.value, email.value) == ("shopify:5", "ann@x.example")


@pytest.mark.parametrize("body", [{"customer": {}}, {}, {"customer": {"email": "canary"}}])
def test_a_request_that_names_nobody_is_refused(body: Any) -> None:
    with pytest.raises(RejectedError) as error:
        parse("customers/redact", body)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"order": ' * 100_000, b"null"])
def test_an_unreadable_body_is_rejected(body: bytes) -> None:
    with pytest.raises(RejectedError) as error:
        parse("orders/create", body)
    assert error.value.field == "body"


# Orders


def test_an_order() -> None:
    (placed,) = commands("orders/create", ORDER)
    assert isinstance(placed, PlaceOrder)
    assert (placed.order_id, placed.total_cents, placed.tax_cents, placed.discount_cents) == (
        "1",
        12000,
        2000,
        500,
    )
    assert [(line.sku, line.quantity, line.price_cents, line.discount_cents) for line in placed.lines] == [
        ("A", 2, 5000, 500),
        ("variant:9", 1, 2500, 0),
    ]
    assert [(i.kind.value, i.value) for i in placed.identifiers] == [
        ("email", "ann@example.com"),
        ("cart", "c-1"),
    ]


def test_created_and_updated_ask_for_the_same_order() -> None:
    later = ORDER | {"updated_at": "2025-06-12T00:00:00Z", "refunds": [REFUND], "current_total_price": "1.00"}
    (created,) = commands("orders/create", ORDER, "w-1")
    updated, returned = commands("orders/updated", later, "w-2")
    assert updated == created
    assert isinstance(returned, ReturnLines)
    assert (returned.return_id, returned.order_id, returned.refund_cents) == ("5", "1", 4750)
    assert [(line.sku, line.quantity) for line in returned.lines] == [("A", 1)]


def test_a_cancelled_order_returns_what_is_left() -> None:
    gone = ORDER | {"cancelled_at": "2025-06-11T00:00:00Z", "refunds": [REFUND]}
    _, _, cancelled = commands("orders/updated", gone)
    assert (cancelled.return_id, cancelled.refund_cents, cancelled.reason) == ("cancel:1", 0, "cancelled")
    assert [(line.sku, line.quantity) for line in cancelled.lines] == [("A", 1), ("variant:9", 1)]


def test_an_old_order_with_fresh_news_is_taken() -> None:
    old = ORDER | {"created_at": "2024-01-01T00:00:00Z", "refunds": [REFUND]}
    assert len(commands("orders/updated", old)) == 2
    stale = problem("orders/updated", old | {"updated_at": "2025-05-01T00:00:00Z"})
    assert (stale.field, stale.status) == ("updated_at", 403)


def test_an_order_of_a_till_and_how_a_visitor_came() -> None:
    came = {"landing_site": "/sale?utm_source=x&gclid=G", "referring_site": "https://r.example/?q=1"}
    visit, placed = commands("orders/create", ORDER | came | {"source_name": "pos", "location_id": 3})
    assert isinstance(visit, RecordVisit)
    assert visit.campaign is not None
    assert (visit.url, visit.referrer, visit.campaign.source) == ("/sale", "https://r.example/", "x")
    assert (placed.channel, placed.store) == ("store", "3")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": True}, "id"),
        ({"created_at": None}, "created_at"),
        ({"created_at": "1990-01-01T00:00:00Z"}, "created_at"),
        ({"updated_at": "2025-06-17T00:00:00Z"}, "updated_at"),
        ({"currency": "XBT"}, "currency"),
        ({"total_price": "-1.00"}, "total_price"),
        ({"total_price": None}, "total_price"),
        ({"total_price": "much"}, "total_price"),
        ({"email": "nobody"}, "email"),
        ({"email": None, "cart_token": None}, "customer.id"),
        ({"line_items": [{"id": 1, "sku": "A", "quantity": -1}]}, "line_items.0.quantity"),
        ({"line_items": [{"sku": "A"}, {"quantity": 1}]}, "line_items.1.sku"),
        ({"line_items": [{"sku": "x" * 70}]}, "line_items.0.sku"),
        ({"refunds": [{}]}, "refunds.0.id"),
        (
            {"refunds": [REFUND | {"refund_line_items": [{"line_item_id": 99}]}]},
            "refunds.0.refund_line_items.0.line_item_id",
        ),
        ({"landing_site": "http://[::1"}, "landing_site"),
    ],
)
def test_a_bad_order_names_its_field(change: dict[str, Any], field: str) -> None:
    try:
        found: Problem | RejectedError = problem("orders/create", ORDER | change)
    except RejectedError as error:
        found = error
    assert found.field == field
    assert 400 <= found.status < 500
    assert not any(value in found.reason for value in ("XBT", "nobody", "much", "xxx"))


@pytest.mark.parametrize(("said", "value"), [(7, "shopify:7"), ("7", "shopify:7"), (None, None)])
def test_customer_ids(said: Any, value: str | None) -> None:
    (placed,) = commands("orders/create", ORDER | {"customer": {"id": said}})
    assert next((i.value for i in placed.identifiers if i.kind == "user"), None) == value


# Carts, customers, products, stock


def test_a_cart() -> None:
    lines = [{"sku": "A", "quantity": 2, "price": "1.00"}, {"sku": "B", "quantity": 0}]
    (cart,) = commands("carts/update", {"token": "c-1", "updated_at": "2025-06-14T00:00:00Z", "line_items": lines})
    assert isinstance(cart, ReplaceCart)
    assert [(line.sku, line.quantity) for line in cart.lines] == [("A", 2)]
    assert cart.source_id == "shopify:w-1/1"
    assert problem("carts/update", {"line_items": []}).field == "token"


@pytest.mark.parametrize(
    ("state", "kind"), [("subscribed", GiveConsent), ("unsubscribed", WithdrawConsent), ("pending", None)]
)
def test_consent_to_email(state: str, kind: type | None) -> None:
    consent = {"state": state, "consent_updated_at": "2024-06-14T00:00:00Z"}
    found = commands("customers/update", {"id": 7, "email_marketing_consent": consent})
    assert [type(c) for c in found[1:]] == ([kind] if kind else [])
    undated = {"id": 7, "email_marketing_consent": {"state": state}}
    assert len(commands("customers/update", undated)) == 1
    again = commands("customers/update", {"id": 7, "email_marketing_consent": consent}, "w-2")
    assert again[1:] == found[1:]


def test_the_older_flag_for_consent() -> None:
    flag = {"id": 7, "accepts_marketing": True, "accepts_marketing_updated_at": "2025-06-14T00:00:00Z"}
    assert isinstance(commands("customers/create", flag)[1], GiveConsent)
    assert isinstance(commands("customers/create", flag | {"accepts_marketing": False})[1], WithdrawConsent)


def test_a_customer_that_nothing_names() -> None:
    assert problem("customers/create", {"first_name": "Ann"}).field == "id"


def test_a_product_with_variants() -> None:
    product = {
        "id": 3,
        "title": "Coat",
        "status": "draft",
        "tags": "warm, , blue",
        "updated_at": "2025-06-14T00:00:00Z",
        "options": [{"name": "Size", "position": 2}, {"name": "Colour", "position": 1}],
        "images": [{"id": 1, "src": "a.jpg"}, {"id": 2, "src": "b.jpg"}],
        "variants": [
            {
                "id": 1,
                "sku": "C-1",
                "title": "red / 38",
                "option1": "red",
                "option2": "38",
                "price": "9.50",
                "image_id": 2,
            },
            {"id": 2, "sku": "", "title": "Default Title", "inventory_item_id": 77, "inventory_quantity": 4},
        ],
    }
    listed, price, other = commands("products/update", product)
    assert isinstance(listed, ListProduct)
    assert (listed.title, listed.colour, listed.size, listed.image) == (
        "Coat / red / 38",
        "red",
        "38",
        "b.jpg",
    )
    assert (listed.active, listed.tags, listed.product_ref) == (False, ("warm", "blue"), "3")
    assert isinstance(price, ChangePrice)
    assert (price.price_cents, price.currency) == (950, "USD")
    assert (other.sku, other.title, other.image, other.stock_ref) == ("variant:2", "Coat", "a.jpg", "77")


def test_the_currency_of_prices_is_the_shops() -> None:
    body = json.dumps({"id": 1, "title": "T", "variants": [{"id": 1, "price": 500}]}).encode()
    parsed = Shopify(SECRET, currency="jpy").parse(Delivery(headers("products/create"), body, NOW), TRUST)
    assert [c.price_cents for _, c in parsed.commands if isinstance(c, ChangePrice)] == [500]


def test_style_and_season_are_what_the_tags_say_and_a_launch_to_come_is_not_told() -> None:
    times = {"created_at": "2019-01-02T00:00:00Z", "updated_at": "2025-06-14T00:00:00Z"}
    product = {"id": 1, "title": "T", "variants": [{"id": 1}], **times}
    (old,) = commands("products/update", product | {"tags": "Style: Boho, summer, season:AW24"})
    assert isinstance(old, ListProduct)
    assert (old.style, old.season, old.introduced_at) == ("Boho", "AW24", datetime(2019, 1, 2, tzinfo=UTC))
    (soon,) = commands("products/update", product | {"tags": ["SS 25"], "published_at": "2099-01-01T00:00:00Z"})
    assert isinstance(soon, ListProduct)
    assert (soon.style, soon.season, soon.introduced_at) == (None, "SS 25", None)


def test_the_cost_of_an_inventory_item() -> None:
    item = {"id": 77, "sku": "C-1", "cost": "4.20", "updated_at": "2025-06-14T00:00:00Z"}
    (cost,) = commands("inventory_items/update", item)
    assert isinstance(cost, TellCost)
    assert (cost.sku, cost.cost_cents, cost.currency) == (inventory_key("77"), 420, "USD")
    assert commands("inventory_items/create", item | {"cost": None}) == []
    for field, value in (("cost", -1), ("id", None)):
        body = json.dumps(item | {field: value}).encode()
        parsed = Shopify(SECRET).parse(Delivery(headers("inventory_items/update"), body, NOW), TRUST)
        assert [problem.field for problem in parsed.problems] == [field]


def test_stock() -> None:
    level = {"inventory_item_id": 77, "location_id": 3, "available": 6, "updated_at": "2025-06-14T00:00:00Z"}
    (count,) = commands("inventory_levels/update", level)
    assert isinstance(count, CountStock)
    assert (count.sku, count.location, count.available) == (inventory_key("77"), "3", 6)
    assert parse("inventory_levels/update", level | {"available": None}).skipped == 1
    assert problem("inventory_levels/update", {"available": 1}).field == "inventory_item_id"
    assert problem("inventory_levels/update", level | {"available": 10**9}).field == "available"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from(["orders/create", "orders/updated"]),
    st.sampled_from([*sorted(ORDER), "refunds", "transactions", "customer", "shipping_lines", "cancelled_at"]),
    VALUES,
)
@settings(max_examples=300, deadline=None)
def test_any_field_of_an_order_may_be_nonsense(topic: str, name: str, value: Any) -> None:
    try:
        parsed = parse(topic, ORDER | {name: value})
    except RejectedError as error:
        assert error.field
        return
    assert bool(parsed.commands) != bool(parsed.problems)


@given(
    st.sampled_from(
        ["carts/update", "checkouts/update", "customers/update", "products/update", "inventory_levels/update"]
    ),
    st.dictionaries(
        st.sampled_from(
            [
                "id",
                "token",
                "email",
                "phone",
                "updated_at",
                "line_items",
                "variants",
                "options",
                "tags",
                "title",
                "images",
                "image",
                "available",
                "inventory_item_id",
                "default_address",
                "email_marketing_consent",
                "total_price",
                "currency",
            ]
        ),
        VALUES,
    ),
)
@settings(max_examples=300, deadline=None)
def test_any_other_payload_is_taken_or_refused(topic: str, payload: dict[str, Any]) -> None:
    try:
        parsed = parse(topic, payload)
    except RejectedError as error:
        assert error.field
        return
    assert all(p.field and p.reason for p in parsed.problems)
