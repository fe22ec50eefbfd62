"""The POSLog channel: hostile XML, members and others, goods sold and returned."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.channels.channel import Delivery, Parsed, Problem, RejectedError, Trust
from adapters.channels.poslog import Poslog
from commands.order import PlaceOrder, ReturnLines

NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
TRUST = Trust(known_identifiers=True)
CARD = "<LineItem><LoyaltyAccount><LoyaltyID>4711</LoyaltyID></LoyaltyAccount></LineItem>"


def sale(
    inner: str = "<ItemID>A</ItemID><RegularSalesUnitPrice>10.00</RegularSalesUnitPrice>", kind: str = "Sale"
) -> str:
    return f"<LineItem><{kind}>{inner}</{kind}></LineItem>"


def receipt(
    lines: str = sale() + CARD,
    total: str = "10.00",
    *,
    when: str = "2025-06-14T10:00:00Z",
    currency: str = "EUR",
    attributes: str = "",
    number: str = "5",
) -> str:
    return (
        f"<Transaction {attributes}><RetailStoreID>9</RetailStoreID><WorkstationID>3</WorkstationID>"
        f"<SequenceNumber>{number}</SequenceNumber><BusinessDayDate>2025-06-14</BusinessDayDate>"
        f"<EndDateTime>{when}</EndDateTime><CurrencyCode>{currency}</CurrencyCode><RetailTransaction>{lines}"
        f'<Total TotalType="TransactionGrandAmount">{total}</Total></RetailTransaction></Transaction>'
    )


def parse(*receipts: str, trust: Trust = TRUST, **settings: Any) -> Parsed:
    body = f'<POSLog xmlns="urn:x">{"".join(receipts)}</POSLog>'.encode()
    return Poslog(**settings).parse(Delivery({}, body, NOW), trust)


def commands(*receipts: str, **settings: Any) -> list[Any]:
    parsed = parse(*receipts, **settings)
    assert parsed.problems == []
    return [command for _, command in parsed.commands]


def problem(text: str) -> Problem:
    parsed = parse(text)
    assert parsed.commands == []
    return parsed.problems[0]


def rejected(body: bytes) -> RejectedError:
    with pytest.raises(RejectedError) as error:
        Poslog().parse(Delivery({}, body, NOW), TRUST)
    assert 400 <= error.value.status < 500
    return error.value


# Hostile XML

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "body",
    [
        f'<!DOCTYPE p [<!ENTITY l0 "ha">{LAUGHS}]><POSLog>&l9;</POSLog>'.encode(),
        b'<!DOCTYPE p [<!ENTITY x "' + b"y" * 100_000 + b'">]><POSLog>' + b"&x;" * 100_000 + b"</POSLog>",
        b'<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><POSLog>&x;</POSLog>',
        b'<!DOCTYPE p SYSTEM "http://example.invalid/x.dtd"><POSLog/>',
        b'<!DOCTYPE p [<!ENTITY % x SYSTEM "http://example.invalid/x"> %x;]><POSLog/>',
        "<!DOCTYPE p><POSLog/>".encode("utf-16"),
        b"<POSLog>" + b"<a>" * 100_000,
        b"<POSLog>" + b"<a/>" * 1_000_000 + b"</POSLog>",
        b"<POSLog>&undefined;</POSLog>",
        b'<?xml version="1.0" encoding="utf-7"?><POSLog/>',
        b'<?xml version="1.0" encoding="rot13"?><POSLog/>',
        b"<POSLog>",
        b"POSLog",
        b"{}",
        b" " * (17 * 1024 * 1024),
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
def test_hostile_or_malformed_xml_is_refused_fast(body: bytes) -> None:
    began = time.monotonic()
    assert rejected(body).field == "xml"
    assert time.monotonic() - began < 5


def test_another_document_and_an_empty_one() -> None:
    assert rejected(b"<Invoice/>").field == "POSLog"
    assert rejected(b"<POSLog/>").field == "Transaction"
    with pytest.raises(RejectedError) as error:
        Poslog().verify(Delivery({}, b" ", NOW))
    assert error.value.field == "body"


# Receipts


def test_a_sale_to_a_member() -> None:
    inner = (
        "<ItemID>A</ItemID><MerchandiseHierarchy>Coats</MerchandiseHierarchy><Quantity>2</Quantity>"
        "<RegularSalesUnitPrice>10.00</RegularSalesUnitPrice><ExtendedAmount>18.00</ExtendedAmount>"
    )
    (placed,) = commands(receipt(sale(inner) + CARD, "18.00"))
    assert isinstance(placed, PlaceOrder)
    (line,) = placed.lines
    assert (line.sku, line.quantity, line.price_cents, line.discount_cents, line.category) == (
        "A",
        2,
        1000,
        200,
        "Coats",
    )
    assert (placed.order_id, placed.total_cents, placed.currency) == ("9-3-5-2025-06-14", 1800, "EUR")
    assert (placed.channel, placed.store, placed.source_id) == ("store", "9", "poslog:9-3-5-2025-06-14")
    assert [(i.kind.value, i.value) for i in placed.identifiers] == [("loyalty", "4711")]


def test_what_is_weighed_is_one_piece() -> None:
    inner = "<ItemID>A</ItemID><Quantity>0.42</Quantity><RegularSalesUnitPrice>2.99</RegularSalesUnitPrice>"
    (placed,) = commands(receipt(sale(inner + "<ExtendedAmount>1.26</ExtendedAmount>") + CARD, "1.26"))
    assert [(line.quantity, line.price_cents, line.discount_cents) for line in placed.lines] == [(1, 126, 0)]


def test_a_return_names_the_receipt_of_the_sale() -> None:
    link = (
        "<TransactionLink><RetailStoreID>9</RetailStoreID><WorkstationID>1</WorkstationID>"
        "<SequenceNumber>2</SequenceNumber><BusinessDayDate>2025-06-01</BusinessDayDate></TransactionLink>"
    )
    inner = "<ItemID>A</ItemID><ExtendedAmount>10.00</ExtendedAmount>"
    (back,) = commands(receipt(sale(inner + link, "Return") + CARD, "-10.00"))
    assert isinstance(back, ReturnLines)
    assert (back.order_id, back.return_id, back.refund_cents) == (
        "9-1-2-2025-06-01",
        "9-3-5-2025-06-14",
        1000,
    )
    (own,) = commands(receipt(sale(inner, "Return") + CARD, "-10.00"))
    assert own.order_id == "9-3-5-2025-06-14"


@pytest.mark.parametrize(
    "text",
    [
        receipt(sale()),
        receipt(sale() + CARD.replace("4711", "0000")),
        receipt(CARD),
        receipt(attributes='CancelFlag="true"'),
        receipt(attributes='TrainingModeFlag="1"'),
        receipt().replace("<RetailTransaction>", '<RetailTransaction TransactionStatus="acs:Voided">'),
        receipt(sale().replace("<LineItem>", '<LineItem VoidFlag="true">') + CARD),
        receipt().replace("RetailTransaction>", "ControlTransaction>"),
    ],
)
def test_receipts_of_no_interest_are_counted(text: str) -> None:
    parsed = parse(text, receipt(number="6"))
    assert (parsed.skipped, len(parsed.commands), parsed.problems) == (1, 1, [])


def test_a_time_without_a_zone_is_the_stores() -> None:
    (placed,) = commands(receipt(when="2025-06-14T12:00:00"), store_timezone="Europe/Berlin")
    assert placed.occurred_at == datetime(2025, 6, 14, 10, tzinfo=UTC)


def test_currency_of_receipts_that_name_none() -> None:
    (placed,) = commands(receipt(currency="", total="10"), currency="JPY")
    assert (placed.currency, placed.total_cents) == ("JPY", 10)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (receipt(currency="XBT"), "CurrencyCode"),
        (receipt(total="-1.00"), "Total[TransactionGrandAmount]"),
        (receipt(total="much"), "Total[TransactionGrandAmount]"),
        (receipt(total=""), "Total[TransactionGrandAmount]"),
        (receipt(total="1e99"), "Total[TransactionGrandAmount]"),
        (receipt(when="1990-01-01T00:00:00Z"), "EndDateTime"),
        (receipt(when="2025-06-17T00:00:00Z"), "EndDateTime"),
        (receipt(when="noon"), "EndDateTime"),
        (receipt(when=""), "EndDateTime"),
        (receipt(number=""), "SequenceNumber"),
        (receipt(number="1" * 41), "SequenceNumber"),
        (receipt(sale("<ItemID>A</ItemID><Quantity>-1</Quantity>") + CARD), "LineItem.Sale.Quantity"),
        (receipt(sale("<ItemID>A</ItemID><Quantity>some</Quantity>") + CARD), "LineItem.Sale.Quantity"),
        (receipt(sale("<Quantity>1</Quantity>") + CARD), "LineItem.Sale.ItemID"),
        (receipt(sale("<ItemID>A</ItemID>") + CARD), "LineItem.Sale.ExtendedAmount"),
        (
            receipt(sale("<ItemID>A</ItemID><ExtendedAmount>-5</ExtendedAmount>") + CARD),
            "LineItem.Sale.ExtendedAmount",
        ),
        (
            receipt(sale(f"<ItemID>{'x' * 70}</ItemID><ExtendedAmount>5</ExtendedAmount>") + CARD),
            "LineItem.0.sku",
        ),
        (receipt(sale() + CARD.replace("4711", "4" * 300)), "LoyaltyID"),
    ],
)
def test_a_bad_receipt_names_its_element_and_spares_the_others(text: str, field: str) -> None:
    found = problem(text)
    assert found.field == field
    assert not any(value in found.reason for value in ("XBT", "much", "noon", "some", "xxx", "444"))
    parsed = parse(receipt(number="1"), text, receipt(number="3"))
    assert [index for index, _ in parsed.commands] == [0, 2]
    assert [p.index for p in parsed.problems] == [1]


def test_old_receipts_need_the_backfill_scope() -> None:
    old = receipt(when="2025-05-01T00:00:00Z")
    assert (problem(old).field, problem(old).status) == ("EndDateTime", 403)
    assert parse(old, trust=Trust(known_identifiers=True, backfill=True)).commands


TEXTS = st.text(st.characters(blacklist_characters="<&>", blacklist_categories=("Cs", "Cc", "Cn", "Co")), max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
@settings(max_examples=200, deadline=None)
def test_any_text_in_a_receipt_is_taken_or_refused(total: str, when: str, code: str, quantity: str, price: str) -> None:
    inner = f"<ItemID>A</ItemID><Quantity>{quantity}</Quantity><ExtendedAmount>{price}</ExtendedAmount>"
    parsed = parse(receipt(sale(inner) + CARD, total, when=when, currency=code))
    assert len(parsed.commands) + len(parsed.problems) + parsed.skipped == 1


@given(st.binary(max_size=80) | TEXTS.map(lambda text: f"<POSLog><Transaction>{text}</Transaction></POSLog>".encode()))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    try:
        assert Poslog().parse(Delivery({}, body, NOW), TRUST).commands == []
    except RejectedError as error:
        assert error.field
