"""In-memory stand-ins for the two ports of the HTTP adapter, and an app over them with the real channels."""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from adapters.channels.channel import Channel
from adapters.channels.poslog import Poslog
from adapters.channels.segment import Segment
from adapters.channels.shopify import Shopify
from adapters.http import ApiKey, ApiKeys, Metrics, Scope, create_app, generate
from commands.bus import Outcome
from commands.command import Command
from domain.identity import Identifier
from queries.answers import Item, LoggedEvent, Profile, Recommendations
from queries.moment import Moment

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERSON = UUID("0195a000-0000-7000-8000-000000000001")
VISITOR = "5f0c6f4e-7a7b-4b0e-9d43-0d6d3f5b8a11"
IDENTITY_SECRET = b"identity-secret-for-tests-only"
SHOPIFY_SECRET = b"shopify-secret-for-tests-only"


@dataclass
class MemoryWriter:
    """Keeps what it was given, one list a call. A source id seen before records nothing."""

    calls: list[list[Command]] = field(default_factory=list)
    refuses: str | None = None
    fails: Exception | None = None

    async def submit(self, commands: Sequence[Command]) -> list[Outcome]:
        if self.fails:
            raise self.fails
        seen = {command.source_id for call in self.calls for command in call}
        self.calls.append(list(commands))
        if self.refuses:
            return [Outcome(PERSON, refused=self.refuses) for _ in commands]
        return [Outcome(PERSON, 1, int(command.source_id not in seen)) for command in commands]


@dataclass
class MemoryReader:
    """Knows one person under one user id, and remembers what it was asked."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    servers: dict[str, str] = field(default_factory=lambda: {"log": "ok", "redis": "ok"})
    fails: Exception | None = None

    async def find(self, identifier: Identifier) -> UUID | None:
        self.asked.append(("find", identifier.kind, identifier.value))
        self._fail()
        return PERSON if identifier.value == "known" else None

    async def recommend(
        self, placement: str, stream: UUID | None, *, limit: int, item: str | None = None
    ) -> Recommendations:
        self.asked.append(("recommend", placement, stream, limit, item))
        self._fail()
        shown = (Item("sku-1", 0.5, "others liked it", "popular"),)
        return Recommendations(uuid4(), placement, shown, stream, 7, "full")

    async def profile(self, stream: UUID, moment: Moment | None = None) -> Profile | None:
        self._note("profile", moment)
        return Profile(PERSON, (PERSON,), 7, {}, {}, {}, {}, ()) if stream == PERSON else None

    async def events(self, stream: UUID, limit: int, moment: Moment | None = None) -> tuple[LoggedEvent, ...]:
        self._note("events", moment)
        event = LoggedEvent(PERSON, 1, "seen", 0, 0, {})
        return (event,) * min(limit, 3) if stream == PERSON else ()

    async def wait_for(self, stream: UUID, version: int, *, timeout_ms: int) -> bool:
        return True

    async def ready(self) -> dict[str, str]:
        self._fail()
        return self.servers

    def _note(self, what: str, moment: Moment | None) -> None:
        if moment:
            self.asked.append((what, moment))
        self._fail()

    def _fail(self) -> None:
        if self.fails:
            raise self.fails


def key(*scopes: Scope, public: bool = False) -> tuple[str, ApiKey]:
    return generate(scopes, public)


ADMIN, ADMIN_KEY = key(*Scope)
PUBLIC, PUBLIC_KEY = key(Scope.CHANNEL_WRITE, public=True)
ONE_SCOPE = {scope: key(scope) for scope in Scope}


def app(
    writer: MemoryWriter,
    reader: MemoryReader,
    metrics: Metrics,
    extra: Sequence[ControllerRouterHandler] = (),
) -> Litestar:
    channels: dict[str, Channel] = {
        "segment": Segment(IDENTITY_SECRET),
        "shopify": Shopify(SHOPIFY_SECRET),
        "poslog": Poslog(),
    }
    keys = ApiKeys([ADMIN_KEY, PUBLIC_KEY, *(kept for _, kept in ONE_SCOPE.values())])
    return create_app(writer, reader, channels, keys, metrics=metrics, now=lambda: NOW, extra_routes=extra)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def shopify_headers(body: bytes, topic: str = "products/update", secret: bytes = SHOPIFY_SECRET) -> dict[str, str]:
    return {
        "X-Shopify-Hmac-Sha256": b64encode(hmac.digest(secret, body, "sha256")).decode(),
        "X-Shopify-Topic": topic,
        "X-Shopify-Webhook-Id": "delivery-1",
        "Content-Type": "application/json",
    }


def viewed(**changes: Any) -> dict[str, Any]:
    """A good Product Viewed."""
    message = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "m-1",
        "anonymousId": VISITOR,
        "timestamp": "2026-03-01T11:59:00Z",
        "properties": {"sku": "sku-1", "price": 19.99, "currency": "USD"},
    } | changes
    return {name: value for name, value in message.items() if value is not None}
