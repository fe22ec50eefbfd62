"""Domain event ↔ stored event: what is in clear, what is sealed, and under which key.

``state`` is: format byte, length of the header (4 bytes, big endian), header, nonce (12), ciphertext with its tag.
The header is a msgpack array: class version, recorded time in µs, HMAC(source id), period number, fields in clear as
JSON. The sealed fields are JSON under AES-256-GCM; the associated data are stream, version and topic, so that no
event can be moved, renumbered or renamed. docs/encryption.md tells the whole scheme.
"""

import hmac
import os
import struct
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, MapperDeserialisationError, StoredEvent
from eventsourcing.utils import get_topic, resolve_topic
from pydantic import BaseModel

from adapters.keys import KeyDestroyedError, Keyring
from domain.erased import Erased
from domain.event import Created, Event, Visibility, visibility
from projections.ports import Fact

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


class Quick(msgspec.Struct, frozen=True):
    """How events of a class are read that are sealed whole. ``decode``: what was sealed → its fields, with types."""

    kind: type[Event]
    version: int
    topic: bytes
    decode: Callable[[bytes], Any]


_DECODER = msgspec.msgpack.Decoder(Header)
#: What a damaged event, or one that was moved, may raise.
_UNREADABLE = (InvalidTag, ValueError, ArithmeticError, TypeError, msgspec.DecodeError)


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
        except _UNREADABLE:
            raise MapperDeserialisationError(f"event {topic} {stream} v{version} cannot be read") from None

    def facts(self, stream: UUID, rows: Iterable[tuple[UUID, int, str, bytes]]) -> list[Fact]:
        """A stream's events as a fold of it needs them: without envelope, for half the time. ``rows``: columns."""
        found: list[Fact] = []
        ciphers: dict[int, AESGCM] = {}
        name = stream.bytes
        for _, version, topic, state in rows:
            quick = _quick(topic)
            fields = None if quick is None else self._fields(quick, stream, version, state, name, ciphers)
            if quick is None or fields is None:
                event = self.read(stream, version, topic, state)
                found.append((version, type(event), event))
            else:
                found.append((version, quick.kind, fields))
        return found

    def _fields(
        self, how: Quick, stream: UUID, version: int, state: bytes, name: bytes, ciphers: dict[int, AESGCM]
    ) -> Any:
        """The fields of an event of its class's present version. None for any other one, or one that is erased or
        damaged: ``read`` knows what to do with those."""
        try:
            end = _START.size + int.from_bytes(state[1 : _START.size], "big")
            header = _DECODER.decode(state[_START.size : end])
            if state[0] != FORMAT or header.class_version != how.version or header.clear:
                return None
            cipher = ciphers.get(header.period)
            if cipher is None:
                cipher = ciphers[header.period] = self._keyring.cipher(stream, header.period)
            begin = end + NONCE
            bound = name + version.to_bytes(8, "big") + how.topic
            return how.decode(cipher.decrypt(state[end:begin], state[begin:], bound))
        except (*_UNREADABLE, KeyDestroyedError):
            return None

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
def _quick(topic: str) -> Quick | None:
    """None for classes that have fields in clear, which nothing vouches for, or of types that take longer."""
    cls = _class_of(topic)
    how = plan(cls)
    if how.clear or not how.sealed:
        return None
    fields = [(name, cls.model_fields[name].annotation) for name in sorted(how.sealed)]
    try:
        struct = msgspec.defstruct(cls.__name__, fields, forbid_unknown_fields=True)
        decoder = msgspec.json.Decoder(struct, dec_hook=_value)
    except TypeError:
        return None
    return Quick(cls, cls.class_version, topic.encode(), decoder.decode)


def _value(kind: type[Any], said: Any) -> Any:
    if not issubclass(kind, BaseModel):
        raise NotImplementedError
    return kind.__pydantic_validator__.validate_python(said)


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
