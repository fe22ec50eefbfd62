"""The POSLog channel: verify → parse → commands."""

from functools import partial
from zoneinfo import ZoneInfo

from adapters.channels.channel import Delivery, Parsed, RejectedError, Trust
from adapters.channels.clock import Clock
from adapters.channels.items import Paths, collect
from adapters.channels.poslog import document, sales
from domain.money import known_currency

MOST_TRANSACTIONS = 5_000
_PATHS = Paths(
    source_id="SequenceNumber",
    occurred_at="EndDateTime",
    identifiers="LoyaltyID",
    lines="LineItem",
    order_id="SequenceNumber",
    return_id="SequenceNumber",
    total_cents="Total[TransactionGrandAmount]",
    tax_cents="Total[TransactionTaxAmount]",
    discount_cents="Total[GrossNegative]",
    refund_cents="LineItem.Return.ExtendedAmount",
    store="RetailStoreID",
    reason="ReturnReason",
    currency="CurrencyCode",
)


class Poslog:
    """``store_timezone`` holds for times without one; ``currency`` for transactions that name none."""

    def __init__(self, *, store_timezone: str = "UTC", currency: str = "USD") -> None:
        self._zone = ZoneInfo(store_timezone)
        self._currency = known_currency(currency)

    def verify(self, delivery: Delivery) -> None:
        """Tills sign nothing: their API key says who sends. Raises RejectedError if the body is empty."""
        if not delivery.body.strip():
            raise RejectedError("body", "is empty", 400)

    def parse(self, delivery: Delivery, trust: Trust) -> Parsed:
        """The commands of a document, transaction by transaction. Raises RejectedError."""
        root = document.read(delivery.body)
        if root.tag != "POSLog":
            raise RejectedError("POSLog", "is not the root element")
        transactions = root.findall("Transaction")
        if not transactions:
            raise RejectedError("Transaction", "is needed")
        if len(transactions) > MOST_TRANSACTIONS:
            raise RejectedError("Transaction", f"more than {MOST_TRANSACTIONS}", 413)
        clock, parsed = Clock.of(delivery, trust, self._zone), Parsed()
        for index, transaction in enumerate(transactions):
            build = partial(sales.commands, transaction, self._currency, clock)
            collect(parsed, index, build, _PATHS)
        return parsed
