"""The Segment channel: verify → parse → commands."""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import msgspec
from msgspec import Raw

from adapters.channels import clock
from adapters.channels.channel import Delivery, Parsed, RejectedError, Trust
from adapters.channels.clock import Clock
from adapters.channels.items import BadItemError, Paths, collect, json_body, read, read_whole, text
from adapters.channels.segment import events, people, visits
from adapters.channels.segment.messages import Batch, Context, Item, Message, Traits, part
from adapters.channels.segment.who import Caller
from commands.command import Command
from domain.identity import IdentifierKind
from domain.money import known_currency
from domain.values import Channel

MOST_ITEMS = 1_000
LARGEST_ITEM = 32 * 1024
_CALLS = frozenset({"identify", "track", "page", "screen", "alias", "group"})
_BATCH = msgspec.json.Decoder(Batch)
_MESSAGE = msgspec.json.Decoder(Message)
_CONTEXT = msgspec.json.Decoder(Context)
_TRAITS = msgspec.json.Decoder(Traits)
_PATHS = Paths(
    "properties.",
    source_id="messageId",
    occurred_at="timestamp",
    identifiers="userId",
    channel="type",
    details="traits",
    lines="properties.products",
    line="properties",
    price_cents="properties.price",
    total_cents="properties.total",
    refund_cents="properties.total",
    tax_cents="properties.tax",
    shipping_cents="properties.shipping",
    discount_cents="properties.discount",
    store="properties.affiliation",
    return_id="properties.order_id",
    page="name",
    url="context.page.url",
    referrer="context.page.referrer",
    campaign="context.campaign",
    device="context.device.type",
    location="context.location",
    text="properties.text",
    policy_version="properties.policy_version",
)


class Segment:
    """``call`` is the route's own (``track`` … ``batch``), None if the body says it.

    ``identity_secret`` checks identity tokens; without it none is valid. ``currency`` is that of amounts which name
    none. Raises ValueError for a short secret or an unknown call or currency.
    """

    def __init__(self, identity_secret: bytes | None = None, *, call: str | None = None, currency: str = "USD") -> None:
        if identity_secret is not None and len(identity_secret) < 16:
            raise ValueError("an identity secret has 16 bytes or more")
        if call is not None and call not in _CALLS | {"batch"}:
            raise ValueError("unknown call")
        self._secret = identity_secret
        self._call = call
        self._currency = known_currency(currency)

    def verify(self, delivery: Delivery) -> None:
        """Segment signs nothing: the write key says who sends. Raises RejectedError if the body is empty."""
        if not delivery.body:
            raise RejectedError("body", "is empty", 400)

    def parse(self, delivery: Delivery, trust: Trust) -> Parsed:
        """The commands of one message or of a batch. Raises RejectedError."""
        batch, items = self._items(delivery)
        caller = Caller(trust.known_identifiers, self._secret, delivery.received_at)
        reader = _Reader(self, caller, Clock.of(delivery, trust), batch.sent_at)
        parsed = Parsed()
        for index, item in enumerate(items):
            collect(parsed, index, lambda item=item: reader.commands(item), _PATHS)  # type: ignore[misc]
        return parsed

    def call(self, said: str | None) -> str:
        """What kind of call a message is. Raises BadItemError."""
        expected = None if self._call == "batch" else self._call
        if said is None and expected is None:
            raise BadItemError("type", "is needed")
        if said is not None and (said not in _CALLS or expected not in (None, said)):
            raise BadItemError("type", "unknown, or another than the route's")
        return said or expected or ""

    @property
    def currency(self) -> str:
        """That of amounts which name none."""
        return self._currency

    def _items(self, delivery: Delivery) -> tuple[Batch, list[bytes] | list[Raw]]:
        batch = read_whole(_BATCH, delivery)
        if batch.batch is None:
            if self._call == "batch":
                raise RejectedError("batch", "is needed")
            return batch, [json_body(delivery)]
        if self._call not in (None, "batch"):
            raise RejectedError("batch", "belongs to the batch route")
        if len(batch.batch) > MOST_ITEMS:
            raise RejectedError("batch", f"more than {MOST_ITEMS} items", 413)
        return batch, batch.batch


@dataclass(slots=True)
class _Reader:
    """Reads the messages of one delivery."""

    segment: Segment
    caller: Caller
    clock: Clock
    sent_at: str | None

    def commands(self, raw: bytes | Raw) -> list[Command]:
        if memoryview(raw).nbytes > LARGEST_ITEM:
            raise BadItemError("body", f"larger than {LARGEST_ITEM} bytes", 413)
        message = read(_MESSAGE, raw)
        call = message.type = self.segment.call(message.type)
        handler = events.handler(message.event) if call == "track" else None
        if call == "group" or (call == "track" and handler is None):
            return []
        context = part(_CONTEXT, message.context, "context")
        traits = part(_TRAITS, message.traits, "traits") if call in ("identify", "alias") else None
        item = self._item(raw, message, context, traits)
        if handler is not None:
            return handler(item)
        if call == "identify":
            return people.identify(item, traits or Traits())
        return people.alias(item, self.caller) if call == "alias" else visits.visit(item)

    def _item(self, raw: bytes | Raw, message: Message, context: Context, traits: Traits | None) -> Item:
        named = self.caller.identifiers(message, context, traits)
        base = {
            "source_id": f"segment:{text(message.message_id) or _digest(raw)}",
            "occurred_at": self._time(message),
            "identifiers": named,
            "channel": _channel(message.type or "", context),
        }
        vouched = self.caller.trusted or any(one.kind == IdentifierKind.USER for one in named)
        return Item(message, context, base, self.segment.currency, self.caller.trusted, vouched)

    def _time(self, message: Message) -> datetime:
        """``timestamp``; else the original one, corrected by the error of the clock of its sender."""
        if message.timestamp is not None or message.original_timestamp is None:
            return self.clock.read(message.timestamp, "timestamp")
        original = clock.parse(message.original_timestamp, "originalTimestamp")
        sent = message.sent_at or self.sent_at
        skew = self.clock.received_at - clock.parse(sent, "sentAt") if sent is not None else None
        return self.clock.judge(original + skew if skew is not None else original, "originalTimestamp")


def _channel(call: str, context: Context) -> Channel:
    kind = context.device.type.lower() if context.device and context.device.type else ""
    library = context.library.name if context.library and context.library.name else ""
    app = call == "screen" or kind in ("ios", "android") or library in ("analytics-ios", "analytics-android")
    return Channel.MOBILE if app else Channel.WEB


def _digest(raw: bytes | Raw) -> str:
    """A name for a message without one: the digest of what it says, which a redelivery says again."""
    told = {name: value for name, value in read(_ANY, raw).items() if name not in ("sentAt", "receivedAt")}
    return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


_ANY = msgspec.json.Decoder(dict[str, object])
