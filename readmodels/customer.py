"""The customer record: what serving needs to know of a stream, and of a person as the sum of their streams.

No identifier, name or address is in it. Moments are milliseconds since 1970; ``tag`` is a number from the source id
that orders what happened in the same millisecond. Bounded lists keep what is latest by event time.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar
from uuid import UUID

import msgspec

#: Changes whenever the record does: what was stored in another shape is folded anew.
SHAPE = 3
When = tuple[int, int, int | str]
RECENT = 20
CART_ENTRIES = 64
#: How far back two systems' reports of one order or return are recognised as the same.
ORDERS_KEPT = 200
#: The latest exposures to experiments: more than any shop runs while one of them is under way.
EXPOSURES_KEPT = 200


class View(msgspec.Struct, frozen=True, array_like=True):
    """A product that was looked at."""

    at: int
    tag: int
    sku: str
    category: str | None = None
    brand: str | None = None
    cents: int | None = None

    @property
    def when(self) -> When:
        """What it is ordered by."""
        return self.at, self.tag, self.sku


class Purchase(msgspec.Struct, frozen=True, array_like=True):
    """Line ``part`` of an order. ``cents`` is one piece's list price."""

    at: int
    tag: int
    part: int
    sku: str
    quantity: int
    category: str | None = None
    brand: str | None = None
    size: str | None = None
    cents: int | None = None

    @property
    def when(self) -> When:
        """What it is ordered by."""
        return self.at, self.tag, self.part


class CartEntry(msgspec.Struct, frozen=True, array_like=True):
    """A change of a cart: ``quantity`` pieces more, or fewer where it is negative."""

    at: int
    tag: int
    part: int
    sku: str
    quantity: int
    cents: int | None = None

    @property
    def when(self) -> When:
        """What it is ordered by."""
        return self.at, self.tag, self.part


class Order(msgspec.Struct, frozen=True, array_like=True):
    """An order: ``key`` is a number from the order id, so that two systems' reports of one order are seen as one."""

    at: int
    key: int
    currency: str
    total: int
    list_total: int
    discount: int

    @property
    def when(self) -> When:
        """What it is ordered by."""
        return self.at, self.key, self.currency


class Return(msgspec.Struct, frozen=True, array_like=True):
    """Money that went back, with a number from the return id."""

    at: int
    key: int
    currency: str
    refund: int

    @property
    def when(self) -> When:
        """What it is ordered by."""
        return self.at, self.key, self.currency


class Exposure(msgspec.Struct, frozen=True, array_like=True):
    """An arm of an experiment that was used for an answer, the first time on a stream. ``hash``: its version."""

    at: int
    tag: int
    experiment: str
    variant: str
    hash: str = ""

    @property
    def when(self) -> When:
        """What it is ordered by."""
        return self.at, self.tag, f"{self.experiment}:{self.variant}"


Entry = TypeVar("Entry", View, Purchase, CartEntry, Order, Return, Exposure)
Report = TypeVar("Report", Order, Return)


class Spend(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Totals in one currency's minor units. ``listed`` and ``discount`` measure the use of discounts."""

    currency: str
    orders: int = 0
    total: int = 0
    refunded: int = 0
    listed: int = 0
    discount: int = 0


class Consent(msgspec.Struct, frozen=True, array_like=True, order=True):
    """The latest word on a purpose in a medium ("" is all)."""

    purpose: str
    medium: str
    at: int
    tag: int
    given: bool
    basis: str
    policy: str


class Latest(msgspec.Struct, frozen=True, array_like=True, order=True):
    """The latest value of something, by event time."""

    at: int
    tag: int
    value: str


#: What was corrected stands beside what was told, and wins whenever either was said.
CORRECTED = "corrected:"


class CustomerRecord(msgspec.Struct, frozen=True, array_like=True):
    """``version`` is the number of the stream's events that are in it; of a person, the sum over their streams."""

    version: int = 0
    kind: str = ""
    first_at: int = 0
    last_at: int = 0
    views: tuple[View, ...] = ()
    cart: tuple[CartEntry, ...] = ()
    cart_cleared: tuple[int, int] = (0, 0)
    purchases: tuple[Purchase, ...] = ()
    orders: tuple[Order, ...] = ()
    returns: tuple[Return, ...] = ()
    spend: tuple[Spend, ...] = ()
    links: tuple[UUID, ...] = ()
    consent: tuple[Consent, ...] = ()
    context: dict[str, Latest] = {}
    searched_at: int = 0
    browsed: Latest | None = None
    checkout_at: int = 0
    impressions: int = 0
    clicks: int = 0
    loyalty_at: int = 0
    exposures: tuple[Exposure, ...] = ()
    likely: tuple[UUID, ...] = ()
    apart: tuple[UUID, ...] = ()

    @property
    def ties(self) -> tuple[UUID, ...]:
        """The streams that are tied to it: by identifiers (``links``) or by scores (``likely``), less those that are
        kept ``apart``."""
        if not (self.likely or self.apart):
            return self.links
        return tuple(sorted((set(self.links) | set(self.likely)) - set(self.apart)))

    @property
    def gone(self) -> bool:
        """Whether there were events and nothing of them is left: the person was erased."""
        return self.version > 0 and not self.kind and self == CustomerRecord(version=self.version)

    @property
    def arms(self) -> dict[str, str]:
        """Experiment → variant, of the first exposure to each."""
        return {each.experiment: each.variant for each in self.exposures}  # latest first: the first one stays


def told(record: CustomerRecord, name: str) -> str | None:
    """The value of something told, as it was corrected where it was; None where nothing is known."""
    found = record.context.get(CORRECTED + name) or record.context.get(name)
    return found.value or None if found else None


def encode(record: CustomerRecord) -> bytes:
    """4 bytes of version, big endian, for the store's compare-and-set; then the record."""
    return record.version.to_bytes(4, "big") + _ENCODER.encode(record)


def decode(stored: bytes) -> CustomerRecord:
    """The record of ``encode``. Raises msgspec.DecodeError."""
    return _DECODER.decode(stored[4:])


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(CustomerRecord)


def combine(records: Iterable[CustomerRecord]) -> CustomerRecord:
    """One person's record from those of their streams, in any order."""
    parts = list(records)
    if len(parts) == 1:
        return parts[0]
    parts.sort(key=_ENCODER.encode)
    cleared = max((r.cart_cleared for r in parts), default=(0, 0))
    return CustomerRecord(
        version=sum(r.version for r in parts),
        first_at=min((r.first_at for r in parts if r.first_at), default=0),
        last_at=max((r.last_at for r in parts), default=0),
        views=latest((v for r in parts for v in r.views), RECENT),
        cart=latest((e for r in parts for e in r.cart if (e.at, e.tag) >= cleared), CART_ENTRIES),
        cart_cleared=cleared,
        purchases=latest((p for r in parts for p in r.purchases), RECENT),
        orders=latest(_distinct(o for r in parts for o in r.orders), ORDERS_KEPT),
        returns=latest(_distinct(back for r in parts for back in r.returns), ORDERS_KEPT),
        spend=_spend(parts),
        links=tuple(sorted(link for r in parts for link in r.links)),
        consent=consents(c for r in parts for c in r.consent),
        context=contexts(r.context for r in parts),
        searched_at=max((r.searched_at for r in parts), default=0),
        browsed=max((r.browsed for r in parts if r.browsed), default=None),
        checkout_at=max((r.checkout_at for r in parts), default=0),
        impressions=sum(r.impressions for r in parts),
        clicks=sum(r.clicks for r in parts),
        loyalty_at=min((r.loyalty_at for r in parts if r.loyalty_at), default=0),
        exposures=exposures(e for r in parts for e in r.exposures),
        likely=tuple(sorted(other for r in parts for other in r.likely)),
        apart=tuple(sorted(other for r in parts for other in r.apart)),
    )


def latest(entries: Iterable[Entry], size: int) -> tuple[Entry, ...]:
    """The ``size`` latest by event time, latest first: the same for any order of arrival."""
    return tuple(sorted(entries, key=_when, reverse=True)[:size])


def exposures(found: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """The first exposure to each arm of each experiment, the latest of them first. Two arms of one experiment, which a
    merge of two streams brings, are both kept, so that whoever has them can be left out of its results."""
    first: dict[tuple[str, str], Exposure] = {}
    for exposure in sorted(found, key=_when):
        first.setdefault((exposure.experiment, exposure.variant), exposure)
    return latest(first.values(), EXPOSURES_KEPT)


def _when(entry: Entry) -> When:
    return entry.when


def consents(given: Iterable[Consent]) -> tuple[Consent, ...]:
    """The latest word for each purpose and medium."""
    found: dict[tuple[str, str], Consent] = {}
    for consent in sorted(given, key=lambda c: (c.at, c.tag, c.given)):
        found[consent.purpose, consent.medium] = consent
    return tuple(sorted(found.values()))


def contexts(given: Iterable[dict[str, Latest]]) -> dict[str, Latest]:
    """The latest value of each thing."""
    found: dict[str, Latest] = {}
    for context in given:
        for name, value in context.items():
            found[name] = max(value, found.get(name, value))
    return found


def _spend(parts: list[CustomerRecord]) -> tuple[Spend, ...]:
    """Sums by currency, less what several streams report of the same order."""
    sums: dict[str, list[int]] = {}
    for spend in (s for r in parts for s in r.spend):
        add(sums, spend.currency, spend.orders, spend.total, spend.refunded, spend.listed, spend.discount)
    for order in _repeated(o for r in parts for o in r.orders):
        add(sums, order.currency, -1, -order.total, 0, -order.list_total, -order.discount)
    for back in _repeated(b for r in parts for b in r.returns):
        add(sums, back.currency, 0, 0, -back.refund)
    return spends(sums)


def _distinct(reports: Iterable[Report]) -> Iterable[Report]:
    """One report of each order or return: the first, of records in a fixed order."""
    found: dict[int, Report] = {}
    for report in reports:
        found.setdefault(report.key, report)
    return found.values()


def _repeated(reports: Iterable[Report]) -> Iterator[Report]:
    """All the other ones."""
    seen: set[int] = set()
    for report in reports:
        if report.key in seen:
            yield report
        seen.add(report.key)


def add(sums: dict[str, list[int]], currency: str, *amounts: int) -> None:
    """Adds orders, total, refunded, listed and discount to a currency's sums."""
    row = sums.setdefault(currency, [0] * 5)
    for i, amount in enumerate(amounts):
        row[i] += amount


def spends(sums: dict[str, list[int]]) -> tuple[Spend, ...]:
    """Sums as records, by currency."""
    return tuple(Spend(currency, *row) for currency, row in sorted(sums.items()))
