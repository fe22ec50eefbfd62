"""A command as a Kafka record: CloudEvents 1.0 in binary content mode, its data sealed with the day's key.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md. Nothing that can be
read is personal: the record's key is the directory's HMAC of the identifier, ``ce_id`` an HMAC of the source id. All
that can be read is bound to the data, so that no record passes for another.
"""

import hmac
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from pydantic import ValidationError

from adapters.directory import PostgresDirectory
from adapters.keys import KeyDestroyedError
from adapters.keys.daily import DailyKeys, day_of
from commands import browse, cart, consent, experiment, identify, merchandising, order, stock
from commands.command import Command, CustomerCommand, ProductCommand
from domain.identity import Identifier
from domain.product import product_id

PREFIX, SUFFIX = "bespoke.", ".v1"
SOURCE = b"/bespoke/channels"
CONTENT_TYPE = b"application/octet-stream"
NONCE = 12
MOST_BYTES = 1 << 20
ABSTRACT = frozenset(
    {
        Command,
        CustomerCommand,
        ProductCommand,
        experiment.ExperimentCommand,
        experiment.ChangeExperiment,
        merchandising.RulesCommand,
    }
)
ROOMS = (browse, cart, consent, experiment, identify, merchandising, order, stock)
Headers = Sequence[tuple[str, bytes]]


class PoisonError(Exception):
    """A record that can't be taken; the text says why, names the field and never shows its value. ``data`` is what the
    record's value opened to, if it did."""

    def __init__(self, reason: str, data: bytes | None = None) -> None:
        super().__init__(reason)
        self.data = data


@dataclass(frozen=True, slots=True)
class Message:
    """A record's key, value and headers."""

    key: bytes
    value: bytes
    headers: Headers


def _types() -> dict[bytes, type[Command]]:
    """Every command by its ``ce_type``."""
    modules = (vars(room).values() for room in ROOMS)
    commands = {each for values in modules for each in values if isinstance(each, type) and issubclass(each, Command)}
    return {f"{PREFIX}{cls.__name__}{SUFFIX}".encode(): cls for cls in commands - ABSTRACT}


TYPES = _types()
NAMES = {cls: name for name, cls in TYPES.items()}


def parse(cls: type[Command], data: bytes) -> Command:
    """A command from its JSON. Raises ValidationError."""
    return cls.__pydantic_validator__.validate_json(data)  # type: ignore[no-any-return]


def dump(command: Command) -> bytes:
    """A command as JSON, less what is left as it is by default."""
    return command.__pydantic_serializer__.to_json(command, exclude_defaults=True)


class Envelope:
    """Seals commands and opens them."""

    def __init__(self, keys: DailyKeys, directory: PostgresDirectory, source_secret: bytes) -> None:
        self._keys = keys
        self._directory = directory
        self._hmac = hmac.new(source_secret, b"", "sha256")

    def seal(self, command: Command, now: datetime) -> Message:
        """Raises UnavailableError where the day's key can't be had."""
        day, type_, key = day_of(now), NAMES[type(command)], self._key(command)
        id_ = self._id(command)
        nonce, named = os.urandom(NONCE), str(day).encode()
        value = nonce + self._keys.make(day).encrypt(nonce, dump(command), _bound(key, type_, id_, named))
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", id_),
            ("ce_source", SOURCE),
            ("ce_type", type_),
            ("ce_keyday", named),
            ("content-type", CONTENT_TYPE),
        ]
        return Message(key, value, headers)

    def open(self, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> Command:
        """Raises PoisonError; UnavailableError where keys can't be read."""
        told = dict(headers)
        cls = TYPES.get(told.get("ce_type", b""))
        if cls is None or value is None or not NONCE < len(value) <= MOST_BYTES or told.get("ce_specversion") != b"1.0":
            raise PoisonError(_wrong(told, cls, value))
        data = self._data(key or b"", value, told)
        try:
            return parse(cls, data)
        except ValidationError as error:
            raise PoisonError(_fields(error, cls), data) from None

    def pseudonym(self, identifier: Identifier) -> bytes:
        """The HMAC that stands for an identifier, as in records' keys."""
        return self._directory.pseudonym(identifier)

    def forgotten_at(self, pseudonyms: Iterable[bytes]) -> dict[bytes, datetime]:
        """When those of these identifiers were forgotten that lately were. Raises UnavailableError."""
        return self._directory.forgotten_at(pseudonyms)

    def _data(self, key: bytes, value: bytes, told: dict[str, bytes]) -> bytes:
        named = told.get("ce_keyday", b"")
        if not named.isdigit() or len(named) > 6:
            raise PoisonError("ce_keyday: must be a number of days")
        try:
            bound = _bound(key, told["ce_type"], told.get("ce_id", b""), named)
            return self._keys.cipher(int(named)).decrypt(value[:NONCE], value[NONCE:], bound)
        except KeyDestroyedError:
            raise PoisonError("ce_keyday: no key of this day is kept") from None
        except InvalidTag:
            raise PoisonError("value: does not open; it was changed, or sealed by another installation") from None

    def _key(self, command: Command) -> bytes:
        if isinstance(command, CustomerCommand):
            return self._directory.pseudonym(min(command.identifiers))
        if isinstance(command, ProductCommand):
            return product_id(command.sku).bytes
        assert isinstance(command, experiment.ExperimentCommand | merchandising.RulesCommand)
        return command.stream.bytes

    def _id(self, command: Command) -> bytes:
        keyed = self._hmac.copy()
        keyed.update(command.source_id.encode())
        return keyed.hexdigest()[:32].encode()


def _bound(key: bytes, type_: bytes, id_: bytes, day: bytes) -> bytes:
    return b"%d,%d,%d;%b%b%b%b" % (len(type_), len(id_), len(day), type_, id_, day, key)


def _wrong(told: dict[str, bytes], cls: Any, value: bytes | None) -> str:
    if told.get("ce_specversion") != b"1.0":
        return "ce_specversion: must be 1.0"
    if cls is None:
        return "ce_type: no command has this name"
    if value is None or len(value) <= NONCE:
        return "value: is empty"
    return f"value: is larger than {MOST_BYTES} bytes"


def _fields(error: ValidationError, cls: type[Command]) -> str:
    named = {str(wrong["loc"][0]) if wrong["loc"] else "value" for wrong in error.errors(include_input=False)}
    known = sorted(named & cls.model_fields.keys()) or ["value"]  # an unknown name may be anything, so it is not said
    return f"{', '.join(known)}: not as {cls.__name__} wants it"
