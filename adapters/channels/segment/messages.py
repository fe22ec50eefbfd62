"""What of a Segment message is read; the rest is ignored. An event's own type reads its ``properties``."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from adapters.channels.items import Id, read

T = TypeVar("T")
_EMPTY = b"{}"
_ABSENT = (b"", b"null")


class Message(msgspec.Struct, rename="camel", gc=False):
    type: str | None = None
    event: str | None = None
    name: str | None = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    context: Raw = Raw()
    properties: Raw = Raw()
    traits: Raw = Raw()


class Batch(msgspec.Struct, rename="camel"):
    batch: list[Raw] | None = None
    sent_at: str | None = None


class Utm(msgspec.Struct):
    source: Id = None
    medium: Id = None
    name: Id = None
    term: Id = None
    content: Id = None


class Page(msgspec.Struct):
    url: str | None = None
    referrer: str | None = None
    title: str | None = None
    path: str | None = None


class Referrer(msgspec.Struct):
    url: str | None = None


class Device(msgspec.Struct):
    type: str | None = None


class Location(msgspec.Struct):
    city: str | None = None
    region: str | None = None
    country: str | None = None


class Library(msgspec.Struct):
    name: str | None = None


class Address(msgspec.Struct, rename="camel"):
    street: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    postal_code: Id = None


class Traits(msgspec.Struct, rename={"first_name": "firstName", "last_name": "lastName"}):
    email: str | None = None
    phone: Id = None
    loyalty_id: Id = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    birthday: str | None = None
    age: Id = None
    gender: str | None = None
    address: Address | None = None


class Context(msgspec.Struct, rename={"user_agent": "userAgent"}):
    campaign: Utm | None = None
    page: Page | None = None
    referrer: Referrer | None = None
    device: Device | None = None
    location: Location | None = None
    library: Library | None = None
    user_agent: str | None = None
    traits: Traits | None = None
    identity_token: str | None = None


class Product(msgspec.Struct):
    sku: Id = None
    product_id: Id = None
    category: str | None = None
    brand: str | None = None
    size: Id = None
    price: Decimal | None = None
    quantity: Id = None
    currency: str | None = None


class Properties(Product):
    """What the ecommerce events and our own carry besides a product."""

    products: list[Product] | None = None
    list_id: Id = None
    query: str | None = None
    order_id: Id = None
    checkout_id: Id = None
    refund_id: Id = None
    total: Decimal | None = None
    value: Decimal | None = None
    revenue: Decimal | None = None
    tax: Decimal | None = None
    shipping: Decimal | None = None
    discount: Decimal | None = None
    affiliation: str | None = None


class Recommendation(msgspec.Struct):
    placement: Id = None
    decision_id: Id = None
    sku: Id = None
    skus: list[int | str] | None = None
    product_id: Id = None
    position: Id = None


class Membership(msgspec.Struct):
    loyalty_id: Id = None
    tier: Id = None


class Consent(msgspec.Struct):
    purpose: str | None = None
    medium: str | None = None
    basis: str | None = None
    policy_version: Id = None


class ConsentText(msgspec.Struct):
    framework: str | None = None
    text: str | None = None


class Opened(msgspec.Struct):
    """Page, screen, and the mobile life cycle."""

    title: str | None = None
    path: str | None = None
    url: str | None = None
    referrer: str | None = None
    referring_application: str | None = None


@dataclass(slots=True)
class Item:
    """A message and what its commands have in common. ``vouched``: a server or a token names the person."""

    message: Message
    context: Context
    base: dict[str, Any]
    currency: str
    trusted: bool
    vouched: bool

    def properties(self, decoder: msgspec.json.Decoder[T]) -> T:
        """The properties as an event's own type. Raises BadItemError."""
        return part(decoder, self.message.properties, "properties")

    @property
    def where(self) -> dict[str, str | None]:
        """Device and location, for the commands that keep them."""
        return {"device": device(self.context), "location": location(self.context)}


def part(decoder: msgspec.json.Decoder[T], raw: Raw, name: str) -> T:
    """A part of a message; absent and null are an empty one. Raises BadItemError."""
    return read(decoder, _EMPTY if bytes(memoryview(raw)[:5]) in _ABSENT else raw, name)


def device(context: Context) -> str | None:
    """The device's own type, or the class that the user agent tells."""
    if context.device and context.device.type:
        return context.device.type.lower()
    agent = context.user_agent
    if not agent:
        return None
    if "iPad" in agent or "Tablet" in agent:
        return "tablet"
    return "mobile" if "Mobi" in agent else "desktop"


def location(context: Context) -> str | None:
    """City, region and country, as far as they are known."""
    place = context.location
    return ", ".join(p for p in (place.city, place.region, place.country) if p) or None if place else None
