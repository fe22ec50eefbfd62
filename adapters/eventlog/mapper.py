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
_JSON = msgspec.json.Decoder()


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


_DECODER = msgspec.msgpack.Decoder(Header)


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
        self._source_hmac = hmac.new(source_secret, b"", "sha256")

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
        stream = cast(UUID, stored_event.originator_id)
        return self.read(stream, stored_event.originator_version, stored_event.topic, stored_event.state)

    def read(self, stream: UUID, version: int, topic: str, state: bytes) -> Event:
        """``to_domain_event`` for whoever has the columns and needs no object around them."""
        try:
            return self._read(stream, version, topic, state)
        except (InvalidTag, ValueError, ArithmeticError, TypeError, msgspec.DecodeError):  # damaged, or moved here
            raise MapperDeserialisationError(f"event {topic} {stream} v{version} cannot be read") from None

    def _read(self, stream: UUID, version: int, topic: str, state: bytes) -> Event:
        cls = _class_of(topic)
        header, body = split(state)
        facts: dict[str, Any] = _JSON.decode(header.clear) if header.clear else {}
        facts["originator_id"] = stream
        facts["originator_version"] = version
        facts["timestamp"] = _moment(header.recorded_us)
        if body:
            try:
                cipher = self._keyring.cipher(stream, header.period)
            except KeyDestroyedError:
                return _erased(topic, facts)
            facts.update(_JSON.decode(cipher.decrypt(body[:NONCE], body[NONCE:], _bound(stream, version, topic))))
        return self._event(cls, header.class_version, facts)

    def _event(self, cls: type[Event], version: int, state: dict[str, Any]) -> Event:
        while version < cls.class_version:
            getattr(cls, f"upcast_v{version}_v{version + 1}")(state)
            version += 1
        if created := _creates(cls):
            state["originator_topic"] = created
        return cast(Event, cls.__pydantic_validator__.validate_python(state))

    def _period(self, event: Event) -> int:
        happened: datetime = getattr(event, "occurred_at", event.timestamp)
        happened = happened.astimezone(UTC)
        return self._keyring.period(type(event).RETENTION, happened.year * 12 + happened.month - 1)

    def _source(self, event: Event) -> bytes:
        source: str = getattr(event, "source_id", "")
        keyed = self._source_hmac.copy()
        keyed.update(source.encode())
        return keyed.digest()[:16]


def _erased(topic: str, facts: dict[str, Any]) -> Erased:
    envelope = {name: facts.pop(name) for name in Event.ENVELOPE}
    return Erased(**envelope, topic=topic, ledger=facts)


@cache
def _class_of(topic: str) -> type[Event]:
    return cast(type[Event], resolve_topic(topic))


@cache
def _creates(cls: type[Event]) -> str:
    """The topic of the aggregate that an event creates, "" for others: ``customer.opened`` creates a ``customer``."""
    if not issubclass(cls, Created):
        return ""
    return get_topic(cast(type, resolve_topic(get_topic(cls).partition(".")[0])))


def split(state: bytes) -> tuple[Header, bytes]:
    """The readable header of a stored event, and what is sealed. Raises MapperDeserialisationError."""
    if len(state) < _START.size or state[0] != FORMAT:
        raise MapperDeserialisationError("stored event of an unknown format")
    end = _START.size + int.from_bytes(state[1 : _START.size], "big")
    try:
        return _DECODER.decode(state[_START.size : end]), state[end:]
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MapperDeserialisationError("stored event with a damaged header") from None


def _bound(stream: UUID, version: int, topic: str) -> bytes:
    return stream.bytes + version.to_bytes(8, "big") + topic.encode()


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _moment(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
