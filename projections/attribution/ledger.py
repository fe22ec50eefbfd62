"""Net revenue as the ledger has it, each order and each return once, however many systems reported it and whoever is
one person with whom: so nothing but orders and refunds can change it."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from projections.attribution.trail import Order, Refund, Trail

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", Order, Refund)


@dataclass(frozen=True, slots=True)
class Sale:
    """An order with all that went back of it. ``stream``: whose it is. ``order_id`` None: a refund whose order is not
    known, or was in another currency, at its own moment; nobody can be credited with it."""

    at_ms: int
    order_id: str | None
    stream: UUID
    currency: str
    revenue_cents: int
    refund_cents: int
    erased: bool

    @property
    def net_cents(self) -> int:
        """What is left of it."""
        return self.revenue_cents - self.refund_cents


def sales(trails: Mapping[UUID, Trail]) -> list[Sale]:
    """By time, then by order. What several streams report is whose report is of the earliest moment."""
    orders = _earliest((order.order_id, stream, order) for stream, trail in trails.items() for order in trail.orders)
    refunds = _earliest(
        ((refund.order_id, refund.return_id), stream, refund)
        for stream, trail in trails.items()
        for refund in trail.refunds
    )
    back: dict[str, int] = {}
    found: list[Sale] = []
    for stream, refund in refunds.values():
        placed = orders.get(refund.order_id)
        if placed is not None and placed[1].currency == refund.currency:
            back[refund.order_id] = back.get(refund.order_id, 0) + refund.cents
        else:
            found.append(Sale(refund.at_ms, None, stream, refund.currency, 0, refund.cents, refund.erased))
    for stream, order in orders.values():
        returned = back.get(order.order_id, 0)
        found.append(Sale(order.at_ms, order.order_id, stream, order.currency, order.cents, returned, order.erased))
    return sorted(found, key=lambda sale: (sale.at_ms, sale.order_id or "", sale.stream, sale.refund_cents))


def _earliest(told: Iterable[tuple[K, UUID, T]]) -> dict[K, tuple[UUID, T]]:
    """By key, what was told of the earliest moment; of the same moment, by the oldest stream."""
    found: dict[K, tuple[UUID, T]] = {}
    for key, stream, each in told:
        known = found.get(key)
        if known is None or (each.at_ms, stream) < (known[1].at_ms, known[0]):
            found[key] = stream, each
    return found
