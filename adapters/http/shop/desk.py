"""What the shop's pages do: record what a visitor does, and ask what to show them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from adapters.channels.channel import Channel, Delivery, Trust
from adapters.http.ports import Reader, Writer
from domain.identity import Identifier, IdentifierKind
from domain.money import from_cents
from queries.answers import LoggedEvent, Profile, Recommendations
from queries.ports import ReadModels
from readmodels.catalogue import Product

WAIT_MS = 300
LOGGED = 14


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody to shop as."""

    label: str
    anonymous_id: str


@dataclass(slots=True)
class ShopDesk:
    """``visitors``: the loaded ones that the picker offers."""

    writer: Writer
    reader: Reader
    read_models: ReadModels
    segment: Channel
    visitors: Sequence[Visitor] = field(default_factory=tuple)

    async def products(self) -> dict[str, Product]:
        """SKU → product, as on sale now. Raises UnavailableError."""
        return dict((await self.read_models.shop()).products)

    async def record(self, visitor: str, event: str, properties: dict[str, Any]) -> None:
        """Sends a track call, and waits a moment until answers reflect it. Raises UnavailableError."""
        await self._send({"type": "track", "event": event, "properties": properties}, visitor)

    async def arrive(self, visitor: str, page: str) -> None:
        """Sends a page call. Raises UnavailableError."""
        await self._send({"type": "page", "name": page, "properties": {"title": page}}, visitor)

    async def stream(self, visitor: str) -> UUID | None:
        """The visitor's stream, None before their first event. Raises UnavailableError."""
        return await self.reader.find(Identifier(kind=IdentifierKind.ANONYMOUS, value=visitor))

    async def recommend(
        self, visitor: str, placement: str, limit: int, item: str | None = None, without: Collection[str] = ()
    ) -> Recommendations:
        """Asks, leaves out what stands elsewhere on the page, and records what is shown. Raises UnavailableError."""
        wanted = limit + len(without)
        answer = await self.reader.recommend(placement, await self.stream(visitor), limit=wanted, item=item)
        kept = [recommended for recommended in answer.items if recommended.sku not in without]
        answer = replace(answer, items=tuple(kept[:limit]))
        if answer.items:
            shown = {
                "placement": placement,
                "skus": [recommended.sku for recommended in answer.items],
                "decision_id": str(answer.decision_id),
            }
            await self.record(visitor, "Recommendation Shown", shown)
        return answer

    async def about(self, visitor: str) -> tuple[Profile | None, tuple[LoggedEvent, ...]]:
        """The visitor's profile and latest events. Raises UnavailableError."""
        stream = await self.stream(visitor)
        if stream is None:
            return None, ()
        return await self.reader.profile(stream), await self.reader.events(stream, LOGGED)

    async def _send(self, message: dict[str, Any], visitor: str) -> None:
        whole = {**message, "anonymousId": visitor, "messageId": str(uuid4())}
        delivery = Delivery({}, json.dumps(whole).encode(), datetime.now(UTC))
        parsed = self.segment.parse(delivery, Trust(known_identifiers=True))
        outcomes = await self.writer.submit([command for _, command in parsed.commands])
        for outcome in outcomes[-1:]:
            if outcome.stream is not None:
                await self.reader.wait_for(outcome.stream, outcome.version, timeout_ms=WAIT_MS)


def line(product: Product, quantity: int = 1) -> dict[str, Any]:
    """A product as Segment's ecommerce events carry it; the price is a JSON number."""
    told: dict[str, Any] = {"sku": product.sku, "name": product.title, "quantity": quantity}
    if product.category:
        told["category"] = product.category
    if product.cents is not None and product.currency:
        told |= {"price": float(from_cents(product.cents, product.currency)), "currency": product.currency}
    return told


def total(products: dict[str, Product], cart: dict[str, int]) -> Decimal:
    """What a cart costs; products without a price cost nothing here."""
    priced = [(products[sku], n) for sku, n in cart.items() if sku in products]
    return sum((from_cents(p.cents or 0, p.currency or "USD") * n for p, n in priced), Decimal(0))
