"""Random logs of a few people: touches, orders, refunds, links, unlinks, erasures; in any order, some late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import IdentifierKind
from domain.values import Campaign, Channel, Details, LawfulBasis, Purpose

START = datetime(2026, 3, 1, tzinfo=UTC)
LEDGER = {
    Customer.OrderPlaced: ("occurred_at", "channel", "order_id", "total_cents", "currency"),
    Customer.LinesReturned: ("occurred_at", "channel", "order_id", "return_id", "refund_cents", "currency"),
}
CLICKS = ("gclid", "fbclid", "ttclid")
REFERRERS = ("https://www.google.com/", "https://blog.example/", "https://instagram.com/p", None)
MEDIA = ("email", "push", "social", "cpc")
CURRENCIES = ("EUR", "EUR", "EUR", "JPY")


@dataclass
class Log:
    """``events`` in the order in which they were recorded. ``gone``: streams whose keys were destroyed by the end."""

    events: list[Event]
    gone: set[UUID]

    def streams(self, until: int, gone: set[UUID] | None = None) -> dict[UUID, list[Event]]:
        """As the log is read: what was recorded up to a position, erased where keys are gone by now."""
        destroyed = self.gone if gone is None else gone
        found: dict[UUID, list[Event]] = {}
        for event in self.events[:until]:
            read = erased(event) if event.originator_id in destroyed else event
            found.setdefault(event.originator_id, []).append(read)
        return found


def erased(event: Event) -> Event:
    """What a mapper gives back whose key is gone: dates of the ledger as JSON has them."""
    if isinstance(event, Customer.CustomerErased | Customer.LedgerRefunded):
        return event
    names = LEDGER.get(type(event), ())
    said = event.model_dump(mode="json")
    return Erased(
        originator_id=event.originator_id,
        originator_version=event.originator_version,
        timestamp=event.timestamp,
        topic=type(event).TOPIC,
        ledger={name: said[name] for name in names},
    )


class Writer:
    """Writes a log by chance; the seed gives it again."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.streams = [UUID(int=(number + 1) << 64 | self.chance.getrandbits(32)) for number in range(7)]
        self.versions = dict.fromkeys(self.streams, 0)
        self.kinds = {s: self.chance.choice((IdentifierKind.EMAIL, IdentifierKind.ANONYMOUS)) for s in self.streams}
        self.orders: list[tuple[str, str, int]] = []
        self.links: list[tuple[UUID, UUID]] = []
        self.log = Log([], set())

    def write(self, steps: int) -> Log:
        for stream in self.streams:
            self._add(stream, Customer.Opened, kind=self.kinds[stream], value="v", originator_topic="customer")
        acts = [
            *(self._touch,) * 6,
            *(self._order,) * 3,
            self._refund,
            self._say,
            self._link,
            self._link,
            self._unlink,
            self._erase,
        ]
        for _ in range(steps):
            self.chance.choice(acts)()
        return self.log

    def _when(self) -> datetime:
        return START + timedelta(minutes=self.chance.randrange(60 * 24 * 40))

    def _living(self) -> UUID:
        living = [stream for stream in self.streams if stream not in self.log.gone]
        return self.chance.choice(living or self.streams)

    def _add(self, stream: UUID, cls: type[Any], /, **fields: Any) -> None:
        self.versions[stream] += 1
        number = len(self.log.events)
        if issubclass(cls, Customer.Event):
            fields = {"occurred_at": self._when(), "channel": Channel.WEB, "source_id": f"s{number}"} | fields
        event = cls(originator_id=stream, originator_version=self.versions[stream], timestamp=START, **fields)
        self.log.events.append(event)

    def _touch(self) -> None:
        chance, stream = self.chance, self._living()
        if stream in self.log.gone:
            return
        match chance.randrange(5):
            case 0:
                campaign = Campaign(click_ids={chance.choice(CLICKS): "c"})
                self._add(stream, Customer.Seen, campaign=campaign)
            case 1:
                self._add(stream, Customer.Seen, campaign=Campaign(medium=chance.choice(MEDIA), source="x"))
            case 2:
                self._add(stream, Customer.Seen, url="https://shop.example/", referrer=chance.choice(REFERRERS))
            case 3:
                self._add(stream, Customer.RecommendationShown, placement="home", skus=("A",))
            case _:
                self._add(stream, Customer.RecommendationClicked, placement="home", sku="A")

    def _order(self) -> None:
        stream = self._living()
        if stream in self.log.gone:
            return
        if self.orders and self.chance.random() < 0.1:  # another system reports it too
            order, currency, cents = self.chance.choice(self.orders)
        else:
            order, currency = f"order {len(self.orders)}", self.chance.choice(CURRENCIES)
            cents = self.chance.randrange(1, 20_000)
            self.orders.append((order, currency, cents))
        self._add(stream, Customer.OrderPlaced, order_id=order, total_cents=cents, currency=currency, lines=())

    def _refund(self) -> None:
        chance = self.chance
        known = [*self.orders, (f"unknown {len(self.log.events)}", "EUR", 500)]
        order, currency, cents = chance.choice(known)
        back = chance.choice((cents, max(cents // 3, 1), cents + 5))
        currency = "EUR" if chance.random() < 0.05 else currency
        stream, number = chance.choice(self.streams), len(self.log.events)
        fields = {"order_id": order, "return_id": f"r{number}", "refund_cents": back, "currency": currency}
        if stream not in self.log.gone:
            self._add(stream, Customer.LinesReturned, lines=(), **fields)
        else:
            self._add(stream, Customer.LedgerRefunded, **fields)

    def _say(self) -> None:
        stream = self._living()
        if stream in self.log.gone:
            return
        purpose = self.chance.choice((Purpose.PROFILING, Purpose.SHARING, Purpose.EMAIL))
        kind = self.chance.choice((Customer.ConsentGiven, Customer.ConsentGiven, Customer.ConsentWithdrawn))
        if self.chance.random() < 0.2:
            self._add(stream, Customer.DetailsGiven, details=Details(age=self.chance.choice((12, 40))))
        else:
            self._add(stream, kind, purpose=purpose, basis=LawfulBasis.CONSENT, policy_version="1")

    def _link(self) -> None:
        one, other = self.chance.sample(self.streams, 2)
        if not {one, other} & self.log.gone:
            self.links.append((one, other))
            self._both(Customer.IdentifierLinked, one, other, evidence="e")

    def _unlink(self) -> None:
        if self.links:
            one, other = self.links.pop(self.chance.randrange(len(self.links)))
            if not {one, other} & self.log.gone:
                self._both(Customer.IdentifierUnlinked, one, other, reason="r")

    def _both(self, kind: type[Any], one: UUID, other: UUID, **fields: Any) -> None:
        for stream, with_whom in ((one, other), (other, one)):
            linked = {"other_kind": self.kinds[with_whom]} if kind is Customer.IdentifierLinked else {}
            self._add(stream, kind, other=with_whom, **linked, **fields)

    def _erase(self) -> None:
        stream = self._living()
        if len(self.log.gone) < 3 and stream not in self.log.gone:
            self._add(stream, Customer.CustomerErased, request=UUID(int=0))
            self.log.gone.add(stream)


def net(log: Log, until: int, currency: str, period: tuple[int, int]) -> int:
    """Net revenue of the ledger by another way: orders and returns once each, then refunds by their orders."""
    placed: dict[str, tuple[Any, ...]] = {}
    back: dict[tuple[str, str], tuple[Any, ...]] = {}
    for event in log.events[:until]:
        if isinstance(event, Customer.OrderPlaced):
            row = (event.occurred_at, event.originator_id, event.currency, event.total_cents)
            placed[event.order_id] = min(placed.get(event.order_id, row), row)
        elif isinstance(event, Customer.LinesReturned | Customer.LedgerRefunded):
            row = (event.occurred_at, event.originator_id, event.currency, event.refund_cents)
            key = event.order_id, event.return_id
            back[key] = min(back.get(key, row), row)
    begin, end = (START + timedelta(days=days) for days in period)
    whole = sum(cents for at, _, paid, cents in placed.values() if paid == currency and begin <= at < end)
    for (order, _), (at, _, paid, cents) in back.items():
        known = placed.get(order)
        when = known[0] if known and known[2] == paid else at
        if paid == currency and begin <= when < end:
            whole -= cents
    return whole


def cut(log: Log, chance: Random, most: int) -> Sequence[int]:
    """Positions on the way, in order, the last among them."""
    inner = chance.sample(range(1, len(log.events)), min(most, len(log.events) - 1))
    return sorted({*inner, len(log.events)})
