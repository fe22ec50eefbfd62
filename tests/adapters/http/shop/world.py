"""A small shop in memory: four products, and a reader whose answers a test sets."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from commands.command import Command
from domain.identity import Identifier, IdentifierKind
from queries.answers import Item, LoggedEvent, Profile, Recommendations
from queries.moment import Moment
from queries.ports import Person, Shop
from queries.recommend.ask import Wanted
from readmodels.catalogue import Product
from tests.adapters.http.fakes import PERSON, MemoryReader, MemoryWriter

LOADED = "0b9f4c2e-7d1a-4f4e-9a55-1c3f6f0e2d11"
DECISION = UUID("8f14e45f-ceea-467f-9c3a-0d6b7a1e2c33")


def garment(sku: str, title: str, category: str | None = "Skirts", **changes: Any) -> Product:
    facts: dict[str, Any] = {"brand": None, "colour": "blue", "image": None, "cents": 3850, "currency": "USD"}
    facts |= {"compare_at_cents": None, "available": 9} | changes
    return Product(sku=sku, title=title, category=category, **facts)


PRODUCTS = {
    product.sku: product
    for product in (
        garment("M1", "Blue skirt 1"),
        garment("M2", "Navy blue trousers 2", "Trousers", cents=6200),
        garment("M3", "Red skirt 3", colour="red", available=0),
        garment("M4", "A <script>alert(1)</script> & co", "Tops & more"),
    )
}


@dataclass
class Shelves:
    """The read models, as the shop's desk reads them."""

    products: dict[str, Product] = field(default_factory=lambda: dict(PRODUCTS))

    async def shop(self) -> Shop:
        return Shop(self.products, None)  # type: ignore[arg-type]

    async def person(self, stream: UUID) -> tuple[Person, Shop]:
        return Person(PERSON, {}), await self.shop()

    async def ready(self) -> str:
        return "ok"


@dataclass
class Onlooker(MemoryReader):
    """Knows everybody whose events were written; ``cart`` and ``items`` are what a test says."""

    writer: MemoryWriter = field(default_factory=MemoryWriter)
    cart: dict[str, int] = field(default_factory=dict)
    items: tuple[str, ...] = ("M2", "M1")
    logged: tuple[LoggedEvent, ...] = ()
    keeps_up: bool = True
    factor: float = 1.0

    async def find(self, identifier: Identifier) -> UUID | None:
        await super().find(identifier)
        named = {one for command in recorded(self.writer) for one in getattr(command, "identifiers", ())}
        known = {*named, Identifier(kind=IdentifierKind.ANONYMOUS, value=LOADED)}
        return PERSON if identifier in known else None

    async def recommend(
        self, wanted: Wanted, who: UUID | Identifier | None, *, min_version: int | None = None, language: str = "en"
    ) -> Recommendations:
        await super().recommend(wanted, who, min_version=min_version, language=language)
        shown = tuple(Item(sku, 0.5, f"Because of {sku}", "co-occurrence") for sku in self.items if sku != wanted.item)
        stream = await self.find(who) if isinstance(who, Identifier) else who
        return Recommendations(DECISION, wanted.placement, shown[: wanted.limit], stream, 7, "full", (), self.factor)

    async def profile(self, stream: UUID, moment: Moment | None = None) -> Profile | None:
        self._fail()
        cart = [{"sku": sku, "quantity": n, "title": None} for sku, n in self.cart.items()]
        context = {"current_session_intent": "browsing_skirts", "cart_items": cart, "recent_views": []}
        behaviour = {"favorite_categories": ["Skirts"], "order_count": 2}
        return Profile(PERSON, (PERSON,), 7, {}, {}, behaviour, context, ())

    async def events(self, stream: UUID, limit: int, moment: Moment | None = None) -> tuple[LoggedEvent, ...]:
        self._fail()
        return self.logged[:limit]

    async def wait_for(self, stream: UUID, version: int, *, timeout_ms: int) -> bool:
        self.asked.append(("wait_for", stream, version, timeout_ms))
        return self.keeps_up


def recorded(writer: MemoryWriter) -> list[Command]:
    """Everything written so far, in order."""
    return [command for call in writer.calls for command in call]


def kinds(writer: MemoryWriter) -> list[str]:
    """The names of the commands written so far."""
    return [type(command).__name__ for command in recorded(writer)]
