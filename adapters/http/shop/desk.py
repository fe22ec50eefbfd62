"""What the shop's pages do: record what a visitor does, and ask what to show them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from msgspec.structs import replace

from adapters.channels.channel import Channel, Delivery, RejectedError, Trust
from adapters.http.ports import Reader, Writer
from commands.bus import Outcome
from domain.identity import Identifier, IdentifierKind
from domain.money import from_cents
from queries.answers import LoggedEvent, Profile, Recommendations
from queries.ports import ReadModels
from queries.recommend.ask import Wanted
from readmodels.catalogue import Product

WAIT_MS = 300
LOGGED = 14


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody to shop as."""

    label: str
    anonymous_id: str


@dataclass(frozen=True, slots=True)
class Amount:
    """What a bag costs, in minor units."""

    cents: int
    currency: str

    def told(self) -> dict[str, Any]:
        """As Segment's order events carry it."""
        return {"total": float(from_cents(self.cents, self.currency)), "currency": self.currency}


@dataclass(slots=True)
class ShopDesk:
    """``visitors``: the loaded ones that the picker offers. What the channel or the log refuses is a RejectedError."""

    writer: Writer
    reader: Reader
    read_models: ReadModels
    segment: Channel
    visitors: Sequence[Visitor] = field(default_factory=tuple)

    async def products(self) -> Mapping[str, Product]:
        """SKU → product, as on sale now. Raises UnavailableError."""
        return (await self.read_models.shop()).products

    async def record(self, visitor: str, event: str, properties: dict[str, Any]) -> None:
        """Sends a track call, and waits a moment until answers reflect it. Raises UnavailableError."""
        await self._wait(await self._send(_track(event, properties), visitor))

    async def clicked(self, visitor: str, placement: str, sku: str, position: int, decision: UUID) -> None:
        """Sends that a recommendation was clicked; a reload of its page says it again and counts once.

        Raises UnavailableError.
        """
        told = {"placement": placement, "sku": sku, "position": position, "decision_id": str(decision)}
        once = str(uuid5(decision, f"{visitor} {position} {sku}"))
        await self._send(_track("Recommendation Clicked", told) | {"messageId": once}, visitor)

    async def arrive(self, visitor: str, page: str) -> None:
        """Sends a page call. Raises UnavailableError."""
        await self._wait(await self._send({"type": "page", "name": page, "properties": {"title": page}}, visitor))

    async def stream(self, visitor: str) -> UUID | None:
        """The visitor's stream, None before their first event. Raises UnavailableError."""
        return await self.reader.find(Identifier(kind=IdentifierKind.ANONYMOUS, value=visitor))

    async def recommend(
        self, visitor: str, placement: str, limit: int, item: str | None = None, without: Collection[str] = ()
    ) -> Recommendations:
        """Asks, leaves out what stands elsewhere on the page, and records what is shown. Raises UnavailableError."""
        wanted = limit + len(without)
        asked = Wanted(placement, wanted, item)
        answer = await self.reader.recommend(asked, await self.stream(visitor))
        kept = [recommended for recommended in answer.items if recommended.sku not in without]
        answer = replace(answer, items=tuple(kept[:limit]))
        if answer.items:
            shown = {
                "placement": placement,
                "skus": [recommended.sku for recommended in answer.items],
                "decision_id": str(answer.decision_id),
            }
            await self._send(_track("Recommendation Shown", shown), visitor)
        return answer

    async def price_factor(self, visitor: str) -> float:
        """Of list prices, for this visitor: of an answer, so that whoever sees other prices is known to have. Raises
        UnavailableError."""
        return (await self.reader.recommend(Wanted("cart", 1), await self.stream(visitor))).price_factor

    async def about(self, visitor: str) -> tuple[Profile | None, tuple[LoggedEvent, ...]]:
        """The visitor's profile and latest events. Raises UnavailableError."""
        stream = await self.stream(visitor)
        if stream is None:
            return None, ()
        return await self.reader.profile(stream), await self.reader.events(stream, LOGGED)

    async def _send(self, message: dict[str, Any], visitor: str) -> Sequence[Outcome]:
        whole = {"messageId": str(uuid4()), **message, "anonymousId": visitor}
        delivery = Delivery({}, json.dumps(whole).encode(), datetime.now(UTC))
        parsed = self.segment.parse(delivery, Trust(known_identifiers=True))
        for problem in parsed.problems:
            raise RejectedError(problem.field, problem.reason, problem.status)
        outcomes = await self.writer.submit([command for _, command in parsed.commands])
        for outcome in outcomes:
            if outcome.refused is not None:
                raise RejectedError("event", outcome.refused)
        return outcomes

    async def _wait(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes[-1:]:
            if outcome.stream is not None:
                await self.reader.wait_for(outcome.stream, outcome.version, timeout_ms=WAIT_MS)


def _track(event: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": event, "properties": properties}


def priced(product: Product, factor: float) -> Product:
    """The product at what a visitor is shown, in whole minor units."""
    if factor == 1.0 or product.cents is None:
        return product
    return replace(product, cents=round(product.cents * factor))


def line(product: Product, quantity: int = 1) -> dict[str, Any]:
    """A product as Segment's ecommerce events carry it; the price is a JSON number."""
    told: dict[str, Any] = {"sku": product.sku, "name": product.title, "quantity": quantity}
    if product.category:
        told["category"] = product.category
    if product.cents is not None and product.currency:
        told |= {"price": float(from_cents(product.cents, product.currency)), "currency": product.currency}
    return told


def paid(products: Mapping[str, Product], cart: Mapping[str, int]) -> Amount:
    """What a cart costs, in its products' currency; products without a price cost nothing here."""
    held = [(products[sku], n) for sku, n in cart.items() if sku in products]
    currency = next((product.currency for product, _ in held if product.currency), "USD")
    return Amount(sum((product.cents or 0) * n for product, n in held), currency)
