"""The Segment channel: what is refused, whom a sender may name, and how times and money are read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.channels.channel import Delivery, Parsed, Problem, RejectedError, Trust
from adapters.channels.identity_token import sign
from adapters.channels.segment import Segment
from adapters.channels.segment.who import is_secret
from commands.browse import RecordView, RecordVisit
from commands.cart import AddToCart
from commands.identify import Identify
from domain.identity import Identifier, IdentifierKind

NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
SECRET = b"a secret of the shop's server"
ANON = "7f3c1e52-8d0b-4a96-b1c5-2e9a60d4f781"
SERVER = Trust(known_identifiers=True)
BROWSER = Trust()
VIEW = {
    "type": "track",
    "event": "Product Viewed",
    "messageId": "m-1",
    "anonymousId": ANON,
    "properties": {"sku": "A"},
}


def parse(body: Any, trust: Trust = SERVER, call: str | None = None) -> Parsed:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Segment(SECRET, call=call).parse(Delivery({}, raw, NOW), trust)


def problem(body: Any, trust: Trust = SERVER) -> Problem:
    parsed = parse(body, trust)
    assert parsed.commands == []
    assert len(parsed.problems) == 1
    return parsed.problems[0]


def rejected(body: Any, call: str | None = None) -> RejectedError:
    with pytest.raises(RejectedError) as refused:
        parse(body, call=call)
    return refused.value


def only(parsed: Parsed) -> Any:
    assert parsed.problems == []
    assert len(parsed.commands) == 1
    return parsed.commands[0][1]


def with_properties(event: str, **properties: Any) -> dict[str, Any]:
    return VIEW | {"event": event, "properties": {"sku": "A"} | properties}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (VIEW | {"event": "Product Wished For"}, "event"),
        (VIEW | {"event": None}, "event"),
        (VIEW | {"event": 5}, "event"),
        (VIEW | {"type": "telepathy"}, "type"),
        (VIEW | {"type": None}, "type"),
        (VIEW | {"userId": True}, "userId"),
        (VIEW | {"userId": 1.5}, "userId"),
        (VIEW | {"anonymousId": {"$ne": 1}}, "anonymousId"),
        (VIEW | {"anonymousId": "x" * 255}, "anonymousId"),
        (VIEW | {"anonymousId": None}, "anonymousId"),
        (VIEW | {"messageId": "x" * 400}, "messageId"),
        (VIEW | {"timestamp": "1994-12-31T00:00:00Z"}, "timestamp"),
        (VIEW | {"timestamp": "2025-06-16T13:00:00Z"}, "timestamp"),
        (VIEW | {"timestamp": "yesterday"}, "timestamp"),
        (VIEW | {"timestamp": 1749988800}, "timestamp"),
        (VIEW | {"properties": []}, "properties"),
        (VIEW | {"context": "web"}, "context"),
        (VIEW | {"context": {"page": {"url": 7}}}, "context.page.url"),
        (with_properties("Product Viewed", sku=None), "properties.sku"),
        (with_properties("Product Viewed", sku="x" * 65), "properties.sku"),
        (with_properties("Product Viewed", price=-1), "properties.price"),
        (with_properties("Product Viewed", price="cheap"), "properties.price"),
        (with_properties("Product Viewed", price="NaN"), "properties.price"),
        (with_properties("Product Viewed", price=1, currency="XBT"), "properties.currency"),
        (with_properties("Product Added", quantity=-1), "properties.quantity"),
        (with_properties("Product Added", quantity=0), "properties.quantity"),
        (with_properties("Product Added", quantity="many"), "properties.quantity"),
        (with_properties("Product Removed", quantity=-2), "properties.quantity"),
        (with_properties("Order Completed", total=5), "properties.order_id"),
        (with_properties("Order Completed", order_id=1), "properties.total"),
        (with_properties("Order Completed", order_id=1, revenue="sNaN"), "properties.revenue"),
        (with_properties("Order Completed", order_id=1, total=5, currency="ZZZ"), "properties.currency"),
        (
            with_properties(
                "Order Completed", order_id=1, total=5, products=[{"sku": "A"}, {"sku": "B", "quantity": -1}]
            ),
            "properties.products.1.quantity",
        ),
        (
            with_properties("Order Completed", order_id=1, total=5, products=[{"sku": "A", "currency": "EUR"}]),
            "properties.products.0.currency",
        ),
        (with_properties("Order Completed", order_id=1, total=5, products=[{}]), "properties.products.0.sku"),
        (with_properties("Order Completed", order_id=1, total=5, products=[7]), "properties.products.0"),
        (with_properties("Products Searched", query=""), "properties.query"),
        (with_properties("Product List Viewed"), "properties.category"),
        (with_properties("Recommendation Shown", placement="home", sku=None), "properties.skus"),
        (with_properties("Recommendation Clicked"), "properties.placement"),
        (with_properties("Consent Given", purpose="mind control", policy_version="1"), "properties.purpose"),
        (with_properties("Consent Given", purpose="profiling"), "properties.policy_version"),
        (VIEW | {"type": "identify", "traits": {"email": "nobody"}}, "traits.email"),
        (VIEW | {"type": "identify", "traits": {"phone": "call me"}}, "traits.phone"),
        (VIEW | {"type": "identify", "traits": {"birthday": "in May"}}, "traits.birthday"),
        (VIEW | {"type": "identify", "traits": {"age": 200}}, "traits.age"),
        (VIEW | {"type": "alias"}, "userId"),
        (VIEW | {"type": "alias", "userId": "7"}, "previousId"),
        (VIEW | {"type": "page", "context": {"page": {"url": "http://[::1"}}}, "context.page.url"),
    ],
)
def test_a_bad_item_names_its_field_and_not_its_value(body: dict[str, Any], field: str) -> None:
    found = problem(body)
    assert (found.index, found.field) == (0, field)
    assert 400 <= found.status < 500
    for secret in ("nobody", "call me", "mind control", "cheap", "yesterday", "XBT", "xxxxx"):
        assert secret not in found.reason + found.field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"", "body"),
        (b"[]", "body"),
        (b"\xff\xfe{}", "body"),
        (b'{"batch": {}}', "batch"),
        (b'{"a":' + b"[" * 200000, "body"),
        (b'{"batch": [{"type":"track"', "body"),
    ],
)
def test_an_unreadable_body_is_rejected(body: bytes, field: str) -> None:
    refused = rejected(body)
    assert refused.field == field
    assert 400 <= refused.status < 500


def test_too_many_items_and_too_large_items() -> None:
    assert rejected({"batch": [{}] * 1001}).status == 413
    found = problem(with_properties("Product Viewed", text="x" * 33_000))
    assert (found.field, found.status) == ("body", 413)


def test_the_route_says_what_kind_of_call_it_is() -> None:
    untyped = {name: value for name, value in VIEW.items() if name != "type"}
    assert isinstance(only(parse(untyped, call="track")), RecordView)
    assert parse(VIEW, call="page").problems[0].field == "type"
    assert rejected(VIEW, call="batch").field == "batch"
    assert rejected({"batch": [VIEW]}, call="track").field == "batch"
    visit = only(parse({"anonymousId": ANON}, call="screen"))
    assert (type(visit), visit.channel) == (RecordVisit, "mobile")


def test_a_batch_gives_its_good_items_and_names_the_bad_by_index() -> None:
    bad = VIEW | {"event": "?"}
    parsed = parse({"batch": [VIEW, bad, VIEW | {"messageId": "m-2"}, 5, VIEW | {"event": "Cart Shared"}]})
    assert [index for index, _ in parsed.commands] == [0, 2]
    assert [(p.index, p.field) for p in parsed.problems] == [(1, "event"), (3, "body")]
    assert parsed.skipped == 1


@pytest.mark.parametrize(("said", "value"), [(7, "7"), ("7", "7"), (" 7 ", "7"), (10**30, str(10**30))])
def test_ids_are_numbers_or_text(said: Any, value: str) -> None:
    view = only(parse(VIEW | {"userId": said, "properties": {"product_id": said}}))
    assert view.identifiers[0] == Identifier(kind=IdentifierKind.USER, value=value)
    assert view.sku == value


@pytest.mark.parametrize(
    ("price", "code", "cents"),
    [
        (18.99, "usd", 1899),
        ("18.99", "EUR", 1899),
        (0.29, "USD", 29),
        (1.005, "USD", 100),
        (500, "JPY", 500),
        (1.234, "KWD", 1234),
        (1000000000.0, "USD", 10**11),
    ],
)
def test_money_is_exact(price: Any, code: str, cents: int) -> None:
    assert only(parse(with_properties("Product Viewed", price=price, currency=code))).price_cents == cents


def test_a_message_without_an_id_is_recognised_again() -> None:
    unnamed = {name: value for name, value in VIEW.items() if name != "messageId"} | {"sentAt": "2025-06-15T11:00:00Z"}
    first, again = (
        only(parse(unnamed)),
        only(parse(dict(reversed(unnamed.items())) | {"sentAt": "2025-06-15T11:05:00Z"})),
    )
    other = only(parse(unnamed | {"properties": {"sku": "B"}}))
    assert first.source_id == again.source_id != other.source_id


def test_a_wrong_clock_of_the_sender_is_corrected() -> None:
    late = {"originalTimestamp": "2025-06-10T00:00:00Z", "sentAt": "2025-06-10T00:00:30Z"}
    assert only(parse(VIEW | late)).occurred_at == NOW - timedelta(seconds=30)
    assert only(parse(VIEW | late | {"timestamp": "2025-06-15T10:00:00Z"})).occurred_at == NOW - timedelta(hours=2)
    assert only(parse({"batch": [VIEW | {"originalTimestamp": "2025-06-10T00:00:00Z"}], "sentAt": late["sentAt"]}))
    assert only(parse(VIEW)).occurred_at == NOW


def test_old_messages_need_the_backfill_scope() -> None:
    old = VIEW | {"timestamp": "2025-05-01T00:00:00Z"}
    found = problem(old)
    assert (found.field, found.status) == ("timestamp", 403)
    assert only(parse(old, Trust(known_identifiers=True, backfill=True)))


def test_a_visit_keeps_how_the_visitor_came() -> None:
    page = {"url": "https://me@shop.example/sale?utm_source=x&utm_campaign=y&gclid=G&token=secret#top"}
    visit = only(parse({"type": "page", "name": "Sale", "anonymousId": ANON, "context": {"page": page}}))
    assert (visit.page, visit.url) == ("Sale", "https://shop.example/sale")
    assert (visit.campaign.source, visit.campaign.name, visit.campaign.click_ids) == (
        "x",
        "y",
        {"gclid": "G"},
    )


def test_a_cart_line() -> None:
    line = only(parse(with_properties("Product Added", quantity="3", price=2, size=38, brand=" "))).line
    assert (line.quantity, line.price_cents, line.size, line.brand) == (3, 200, "38", None)
    assert isinstance(only(parse(with_properties("product added"))), AddToCart)


# What a public key may say


@pytest.mark.parametrize(
    "secret", [ANON, ANON.upper(), "0123456789abcdef" * 2, "f" * 24 + "01234567", "dGhpcyBpcyBub3QgcmFuZG9t"]
)
def test_forms_of_a_secret(secret: str) -> None:
    assert is_secret(secret)


@pytest.mark.parametrize(
    "guessable",
    [
        "anon-1",
        "",
        "0" * 32,
        "00000000-0000-0000-0000-000000000000",
        "visitor-visitor-visitor",
        "x" * 300,
        "0123456789abcdefghij+",
        "0123456789abcdef0123\n",
        "bob@example.com",
        "01234567890123456789 1",
    ],
)
def test_what_is_no_secret(guessable: str) -> None:
    assert not is_secret(guessable)


def test_a_public_key_needs_a_secret_anonymous_id() -> None:
    assert only(parse(VIEW, BROWSER)).identifiers[0].value == ANON
    for anonymous in (None, "anon-1", 12345):
        assert problem(VIEW | {"anonymousId": anonymous}, BROWSER).field == "anonymousId"
    assert only(parse(VIEW | {"anonymousId": "anon-1"}, SERVER)).identifiers[0].value == "anon-1"


def test_a_public_key_names_a_user_with_a_token_only() -> None:
    token = sign(SECRET, "97980", NOW + timedelta(minutes=5))
    vouched = VIEW | {"userId": 97980, "context": {"identity_token": token}}
    assert [i.value for i in only(parse(vouched, BROWSER)).identifiers] == ["97980", ANON]
    stale = sign(SECRET, "97980", NOW - timedelta(minutes=5))
    answers = {
        problem(VIEW | {"type": kind, "userId": user, "context": {"identity_token": said}}, BROWSER)
        for kind in ("track", "identify", "page")
        for user in ("97980", "nobody-at-all", 5)
        for said in (None, "v1.1.x", stale, sign(b"x" * 16, str(user), NOW + timedelta(minutes=5)))
    }
    assert len(answers) == 1
    assert next(iter(answers)).field == "context.identity_token"
    assert next(iter(answers)).status == 403


def test_without_a_secret_no_token_is_good() -> None:
    token = sign(b"", "7", NOW + timedelta(minutes=5))
    delivery = Delivery({}, json.dumps(VIEW | {"userId": "7", "context": {"identity_token": token}}).encode(), NOW)
    assert Segment().parse(delivery, BROWSER).problems[0].status == 403


def test_a_forged_identify_changes_nothing() -> None:
    traits = {"email": "bob@example.com", "phone": "5556251199", "loyalty_id": "1", "name": "Mallory"}
    forged = {"type": "identify", "anonymousId": ANON, "traits": traits}
    parsed = parse(forged, BROWSER)
    assert (parsed.commands, parsed.problems, parsed.skipped) == ([], [], 1)
    assert parse(VIEW | {"event": "Loyalty Joined", "properties": {"loyalty_id": "1"}}, BROWSER).skipped == 1
    seen = only(parse(VIEW | {"context": {"traits": traits}}, BROWSER))
    assert [i.kind for i in seen.identifiers] == ["anonymous"]
    token = sign(SECRET, "7", NOW + timedelta(minutes=5))
    vouched = only(parse(forged | {"userId": 7, "context": {"identity_token": token}}, BROWSER))
    assert isinstance(vouched, Identify)
    assert [i.kind for i in vouched.identifiers] == ["user", "anonymous"]
    assert vouched.details is None


def test_an_alias_from_a_public_key_joins_secrets_only() -> None:
    token = sign(SECRET, "7", NOW + timedelta(minutes=5))
    alias = {"type": "alias", "userId": 7, "anonymousId": ANON, "context": {"identity_token": token}}
    assert problem(alias | {"previousId": "8"}, BROWSER).field == "previousId"
    assert len(only(parse(alias | {"previousId": "0123456789abcdef" * 2}, BROWSER)).identifiers) == 3
    kinds = [i.kind for i in only(parse(alias | {"previousId": "8"}, SERVER)).identifiers]
    assert kinds == ["user", "anonymous", "user"]


def test_a_server_names_people() -> None:
    traits = {"email": "BOB@example.com", "phone": "(555) 625-1199", "loyalty_id": 12}
    seen = only(parse(VIEW | {"userId": 7, "context": {"traits": traits}}))
    told = [(i.kind.value, i.value) for i in seen.identifiers]
    assert told == [
        *(("user", "7"), ("loyalty", "12"), ("email", "bob@example.com")),
        *(("phone", "5556251199"), ("anonymous", ANON)),
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "sku",
        "product_id",
        "price",
        "quantity",
        "currency",
        "products",
        "category",
        "order_id",
        "total",
        "query",
        "placement",
        "skus",
        "position",
        "purpose",
        "medium",
        "basis",
        "policy_version",
        "url",
        "title",
        "loyalty_id",
        "tier",
        "email",
        "phone",
        "name",
        "birthday",
        "age",
        "gender",
        "address",
    ]
)
EVENTS = st.sampled_from(
    [
        "Product Viewed",
        "Product Added",
        "Product Removed",
        "Order Completed",
        "Order Refunded",
        "Cart Viewed",
        "Products Searched",
        "Recommendation Shown",
        "Recommendation Clicked",
        "Consent Given",
        "Loyalty Joined",
    ]
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page", "screen", "alias", "group"]), "event": EVENTS},
    optional={
        "userId": VALUES,
        "anonymousId": VALUES | st.just(ANON),
        "messageId": VALUES,
        "timestamp": VALUES | st.datetimes().map(datetime.isoformat),
        "properties": VALUES | st.dictionaries(NAMES, VALUES, max_size=5),
        "traits": VALUES | st.dictionaries(NAMES, VALUES, max_size=5),
        "context": VALUES | st.dictionaries(st.sampled_from(["page", "device", "campaign", "traits"]), VALUES),
    },
)


@given(st.lists(MESSAGES | VALUES, max_size=4), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_json_is_taken_or_refused_by_field(batch: list[Any], known: bool, backfill: bool) -> None:
    parsed = parse({"batch": batch}, Trust(known, backfill))
    assert all(p.field and p.reason and 400 <= p.status < 500 for p in parsed.problems)
    assert len(parsed.commands) + len(parsed.problems) + parsed.skipped == len(batch)


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    try:
        parse(body)
    except RejectedError as refused:
        assert refused.field
        assert 400 <= refused.status < 500


@pytest.mark.parametrize(
    ("framework", "text", "kinds"),
    [
        ("tcf", "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", ["PassConsentString"]),
        ("gpp", "DBABLA~BVQqAAAAAgA.QA", ["PassConsentString"]),
        ("usp", "1YNN", ["PassConsentString"]),
        ("usp", "1YYN", ["PassConsentString", "OptOut"]),
    ],
)
def test_a_consent_string_is_kept_as_it_is(framework: str, text: str, kinds: list[str]) -> None:
    told = parse(with_properties("Consent String Received", framework=framework, text=text)).commands
    assert [type(command).__name__ for _, command in told] == kinds
    first: Any = told[0][1]
    assert (first.framework, first.text) == (framework, text)


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"framework": "other", "text": "x"}, "properties.framework"),
        ({"framework": "tcf"}, "properties.text"),
        ({"framework": "tcf", "text": "<script>"}, "properties.text"),
        ({"framework": "gpp", "text": "A" * 8_001}, "properties.text"),
    ],
)
def test_a_consent_string_that_is_none_is_refused(properties: Any, field: str) -> None:
    (refused,) = parse(with_properties("Consent String Received", **properties)).problems
    assert refused.field == field
