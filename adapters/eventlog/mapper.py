"""Domain event ↔ stored event: what is in clear, what is sealed, and under which key.

``state`` is: format byte, length of the header (4 bytes, big endian), header, nonce (12), ciphertext with its tag.
The header is a msgpack array: class version, recorded time in µs, HMAC(source id), period number, fields in clear as
JSON. The sealed fields are JSON under AES-256-GCM; the associated data are stream, version and topic, so that no
event can be moved, renumbered or renamed. docs/encryption.md tells the whole scheme.
"""

import hmac
import os
import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, MapperDeserialisationError, StoredEvent
from eventsourcing.utils import get_topic, resolve_topic

from adapters.keys import KeyDestroyedError, Keyring
from domain.erased import Erased
from domain.event import Created, Event, Visibility, visibility

FORMAT = 1
NONCE = 12
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_START = struct.Struct(">BI")
_ENCODER = msgspec.msgpack.Encoder()


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What anybody with the table can read."""

    class_version: int
    recorded_us: int
    source: bytes
    period: int
    clear: bytes


class Plan(msgspec.Struct, frozen=True):
    """What is the same for all events of a class. ``clear`` and ``sealed`` are names of fields."""

    topic: str
    clear: set[str]
    sealed: set[str]


@cache
def plan(cls: type[Event]) -> Plan:
    """How events of a class are stored."""
    sealed = {n for n, f in cls.model_fields.items() if visibility(f) is Visibility.SEALED}
    return Plan(get_topic(cls), set(cls.model_fields) - cls.ENVELOPE - sealed, sealed)


class SealingMapper(Mapper[UUID]):
    """The library's mapper, at its own seam: encrypts field by field and gives back typed events."""

    def __init__(self, keyring: Keyring, source_secret: bytes) -> None:
        super().__init__(JSONTranscoder())
        self._keyring = keyring
        self._source_secret = source_secret

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Raises KeyDestroyedError for a stream that was erased."""
        event = cast(Event, domain_event)
        cls, stream, version = type(event), event.originator_id, event.originator_version
        how, to_json = plan(cls), cls.__pydantic_serializer__.to_json
        period = self._period(event) if how.sealed else 0
        clear = to_json(event, include=how.clear) if how.clear else b""
        header = _ENCODER.encode(
            Header(cls.class_version, _micros(event.timestamp), self._source(event), period, clear)
        )
        state = _START.pack(FORMAT, len(header)) + header
        if how.sealed:
            nonce, cipher = os.urandom(NONCE), self._keyring.cipher(stream, period)
            state += nonce + cipher.encrypt(
                nonce, to_json(event, include=how.sealed), _bound(stream, version, how.topic)
            )
        return StoredEvent(stream, version, how.topic, state)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """The event with its types restored, or ``Erased`` where its key is gone.

        Raises MapperDeserialisationError, which names the event and never its content.
        """
        cls: type[Event] = resolve_topic(stored_event.topic)
        header, body = split(stored_event.state)
        try:
            return self._read(cls, stored_event, header, body)
        except (InvalidTag, ValueError, ArithmeticError, TypeError, msgspec.DecodeError):  # damaged, or moved here
            which = f"{stored_event.topic} {stored_event.originator_id} v{stored_event.originator_version}"
            raise MapperDeserialisationError(f"event {which} cannot be read") from None

    def _read(self, cls: type[Event], stored: StoredEvent, header: Header, body: bytes) -> Event:
        state: dict[str, Any] = {
            "originator_id": stored.originator_id,
            "originator_version": stored.originator_version,
            "timestamp": EPOCH + header.recorded_us * MICROSECOND,
        }
        clear: dict[str, Any] = msgspec.json.decode(header.clear) if header.clear else {}
        try:
            sealed = self._open(stored, header.period, body) if body else {}
        except KeyDestroyedError:
            return Erased(**state, topic=stored.topic, ledger=clear)
        return self._event(cls, header.class_version, state | clear | sealed)

    def _open(self, stored: StoredEvent, period: int, body: bytes) -> dict[str, Any]:
        stream = cast(UUID, stored.originator_id)
        bound = _bound(stream, stored.originator_version, stored.topic)
        opened = self._keyring.cipher(stream, period).decrypt(body[:NONCE], body[NONCE:], bound)
        return cast(dict[str, Any], msgspec.json.decode(opened))

    def _event(self, cls: type[Event], version: int, state: dict[str, Any]) -> Event:
        while version < cls.class_version:
            getattr(cls, f"upcast_v{version}_v{version + 1}")(state)
            version += 1
        if issubclass(cls, Created):
            state["originator_topic"] = get_topic(_aggregate_of(cls))
        return cls.model_validate(state)

    def _period(self, event: Event) -> int:
        happened: datetime = getattr(event, "occurred_at", event.timestamp)
        happened = happened.astimezone(UTC)
        return self._keyring.period(type(event).RETENTION, happened.year * 12 + happened.month - 1)

    def _source(self, event: Event) -> bytes:
        source: str = getattr(event, "source_id", "")
        return hmac.digest(self._source_secret, source.encode(), "sha256")[:16]


@cache
def _aggregate_of(cls: type[Event]) -> type:
    """``customer.opened`` creates a ``customer``: the part of its topic before the dot."""
    return cast(type, resolve_topic(get_topic(cls).partition(".")[0]))


def split(state: bytes) -> tuple[Header, bytes]:
    """The readable header of a stored event, and what is sealed. Raises MapperDeserialisationError."""
    if state[:1] != bytes([FORMAT]):
        raise MapperDeserialisationError("stored event of an unknown format")
    end = 5 + int.from_bytes(state[1:5], "big")
    try:
        return msgspec.msgpack.decode(state[5:end], type=Header), state[end:]
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MapperDeserialisationError("stored event with a damaged header") from None


def _bound(stream: UUID, version: int, topic: str) -> bytes:
    return stream.bytes + version.to_bytes(8, "big") + topic.encode()


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND
