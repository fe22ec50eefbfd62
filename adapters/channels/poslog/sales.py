"""Transactions: which are sales to a member of the loyalty programme, and what they ask for."""

from typing import Any
from xml.etree.ElementTree import Element

from adapters.channels.clock import Clock
from adapters.channels.items import BadItemError, currency, identifier
from adapters.channels.poslog.document import flagged, said, typed, within
from adapters.channels.poslog.lines import Goods, amount, goods
from commands.command import Command
from commands.order import PlaceOrder, ReturnLines
from domain.identity import IdentifierKind
from domain.money import to_cents
from domain.values import Channel

_NOT_SALES = frozenset({"voided", "postvoided", "cancelled", "canceled", "suspended", "failed", "training"})
_KEY = ("RetailStoreID", "WorkstationID", "SequenceNumber", "BusinessDayDate")
_CARDS = ("LoyaltyID", "MembershipID", "LoyaltyAccountID", "LoyaltyCardID")


def commands(transaction: Element, default: str, clock: Clock) -> list[Command]:
    """PlaceOrder for what was sold, ReturnLines for what came back. Raises BadItemError.

    None without a loyalty card, since there is nobody to remember it for; none of control, voided and
    training transactions.
    """
    retail = transaction.find("RetailTransaction")
    card = _card(retail) if retail is not None else None
    if retail is None or card is None or not _counts(transaction, retail):
        return []
    code = currency(said(transaction, "CurrencyCode"), "CurrencyCode", default)
    sold, back = goods(retail, "Sale", code), goods(retail, "Return", code)
    key = _key(transaction)
    when = said(transaction, "EndDateTime") or said(retail, "ReceiptDateTime", "EndDateTime")
    if when is None:
        raise BadItemError("EndDateTime", "is needed")
    base = {
        "source_id": f"poslog:{key}",
        "occurred_at": clock.read(when, "EndDateTime"),
        "identifiers": (identifier(IdentifierKind.LOYALTY, card, "LoyaltyID"),),
        "channel": Channel.STORE,
        "currency": code,
    }
    placed = [_placed(transaction, retail, base, key, sold, back)] if sold else []
    return placed + ([_returned(retail, base, key, back)] if back else [])


def _card(retail: Element) -> str | None:
    """The loyalty card; tills fill a missing one with zeros."""
    found = within(retail, *_CARDS)
    return found if found is not None and found.strip("0") else None


def _counts(transaction: Element, retail: Element) -> bool:
    statuses = (retail.get("TransactionStatus", ""), transaction.get("TransactionStatus", ""))
    flags = ("CancelFlag", "VoidFlag", "TrainingModeFlag", "SuspendFlag")
    void = flagged(transaction, *flags) or flagged(retail, *flags)
    return not void and not any(s.rpartition(":")[2].strip().lower() in _NOT_SALES for s in statuses)


def _key(transaction: Element) -> str:
    """Store, till, sequence and business day name a receipt for good. Raises BadItemError."""
    parts = []
    for name in _KEY:
        part = said(transaction, name)
        if part is None or len(part) > 40:
            raise BadItemError(name, "is needed, at most 40 characters long")
        parts.append(part)
    return "-".join(parts)


def _placed(
    transaction: Element,
    retail: Element,
    base: dict[str, Any],
    key: str,
    sold: list[Goods],
    back: list[Goods],
) -> Command:
    code = base["currency"]
    off = abs(_total(retail, code, "GrossNegative") or 0)
    facts = {
        "order_id": key,
        "total_cents": _paid(retail, code, sum(item.amount_cents for item in back)),
        "tax_cents": max(0, _total(retail, code, "TransactionTaxAmount") or 0),
        "discount_cents": off + sum(item.line["discount_cents"] for item in sold),
        "lines": [item.line for item in sold],
        "store": said(transaction, "RetailStoreID"),
    }
    return PlaceOrder.model_validate(base | facts)


def _paid(retail: Element, code: str, given_back: int) -> int:
    """The grand total, without what the same receipt gave back. Raises BadItemError."""
    grand = _total(retail, code, "TransactionGrandAmount")
    if grand is None:
        raise BadItemError("Total[TransactionGrandAmount]", "is needed")
    if grand + given_back < 0:
        raise BadItemError("Total[TransactionGrandAmount]", "must not be negative")
    return grand + given_back


def _returned(retail: Element, base: dict[str, Any], key: str, back: list[Goods]) -> Command:
    """Names the receipt of the sale where the till knows it, else its own."""
    link = retail.find("LineItem/Return/TransactionLink")
    facts = {
        "source_id": f"{base['source_id']}/return",
        "order_id": _key(link) if link is not None else key,
        "return_id": key,
        "refund_cents": sum(item.amount_cents for item in back),
        "lines": [item.line for item in back],
        "reason": within(retail, "ReturnReason"),
    }
    return ReturnLines.model_validate(base | facts)


def _total(retail: Element, code: str, kind: str) -> int | None:
    for name, element in typed(retail, "Total", "TotalType"):
        if name == kind:
            value = amount((element.text or "").strip() or None, f"Total[{kind}]")
            return to_cents(value, code) if value is not None else None
    return None
