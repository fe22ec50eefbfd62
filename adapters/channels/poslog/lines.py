"""Lines of a receipt: goods sold, goods that came back."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree.ElementTree import Element

from adapters.channels.items import BadItemError, cents
from adapters.channels.poslog.document import flagged, said

_MOST = 10**9


@dataclass(frozen=True, slots=True)
class Goods:
    """One line: what the commands want of it, and what was paid (or given back) for the whole of it."""

    line: dict[str, Any]
    amount_cents: int


def goods(transaction: Element, kind: str, code: str) -> list[Goods]:
    """The lines of a kind (``Sale``, ``Return``) not voided. Raises BadItemError naming the element."""
    return [_goods(item, element, code) for item, element in _elements(transaction, kind)]


def amount(text: str | None, field: str) -> Decimal | None:
    """A decimal number. Raises BadItemError."""
    try:
        value = Decimal(text) if text is not None else None
    except InvalidOperation:
        value = Decimal("NaN")
    if value is not None and (not value.is_finite() or abs(value) > _MOST):
        raise BadItemError(field, "not a number, or out of range")
    return value


def _elements(transaction: Element, kind: str) -> Iterator[tuple[Element, Element]]:
    for item in transaction.findall("LineItem"):
        if not flagged(item, "VoidFlag", "CancelFlag"):
            yield from ((item, element) for element in item.findall(kind))


def _goods(item: Element, element: Element, code: str) -> Goods:
    kind = element.tag
    sku = said(element, "ItemID") or said(element, "POSIdentity/POSItemID")
    if sku is None:
        raise BadItemError(f"LineItem.{kind}.ItemID", "ItemID or POSItemID is needed")
    pieces, weighed = _quantity(item, element)
    price, paid, off = _amounts(element, pieces, weighed, code)
    facts = {
        "sku": sku,
        "quantity": 1 if weighed else int(pieces),
        "price_cents": price,
        "discount_cents": off,
        "category": _category(element),
        "brand": said(element, "Brand", "BrandName"),
    }
    return Goods(facts, paid)


def _quantity(item: Element, element: Element) -> tuple[Decimal, bool]:
    """How many, and whether they were weighed: then the line counts as one piece."""
    field = f"LineItem.{element.tag}.Quantity"
    found = amount(said(element, "Quantity"), field)
    pieces = Decimal(1) if found is None else found
    if pieces <= 0:
        raise BadItemError(field, "must be greater than 0")
    if pieces > 100_000:
        raise BadItemError(field, "out of range")
    return pieces, flagged(item, "weightItem") or pieces != pieces.to_integral_value()


def _amounts(element: Element, pieces: Decimal, weighed: bool, code: str) -> tuple[int, int, int]:
    """Price of a piece, amount paid, discount. The amount paid is without the discount, as tills print it."""
    path = f"LineItem.{element.tag}"
    regular = _money(element, path, code, "RegularSalesUnitPrice", "ActualSalesUnitPrice")
    told = _money(element, path, code, "ExtendedDiscountAmount")
    told = told or _money(element, path, code, "DiscountAmount")
    extended = _money(element, path, code, "ExtendedAmount")
    if extended is None:
        if regular is None or weighed:
            raise BadItemError(f"{path}.ExtendedAmount", "is needed")
        extended = max(0, regular * int(pieces) - (told or 0))
    if weighed or regular is None:
        whole = extended + (told or 0)
        return (whole if weighed else round(whole / int(pieces))), extended, told or 0
    return regular, extended, told or max(0, regular * int(pieces) - extended)


def _money(element: Element, path: str, code: str, *names: str) -> int | None:
    for name in names:
        text = said(element, name)
        if text is not None:
            return cents(text, code, f"{path}.{name}")
    return None


def _category(element: Element) -> str | None:
    """The hierarchy's description where the till gives one, else its code."""
    for level in element.findall("MerchandiseHierarchy"):
        found = (level.get("DepartmentDescription") or level.get("Description") or level.text or "").strip()
        if found:
            return found
    return None
