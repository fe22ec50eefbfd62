"""Items of a delivery: reading them, and turning what is wrong with one into a problem with its field."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError

from adapters.channels.channel import Delivery, Parsed, Problem, RejectedError
from commands.command import Command
from domain.identity import Identifier, IdentifierKind
from domain.money import known_currency, to_cents

T = TypeVar("T")
Id = int | str | None
_BOM = b"\xef\xbb\xbf"
_AT = re.compile(r" - at `\$?\.?([^`]*)`$")


class BadItemError(Exception):
    """One item cannot be taken. ``field`` is its path in the payload; the reason never repeats the value."""

    def __init__(self, field: str, reason: str, status: int = 422) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.status = status


class Paths:
    """Where a command's field stands in the payload: as ``names`` say, or else under ``prefix``."""

    def __init__(self, prefix: str = "", **names: str) -> None:
        self._prefix = prefix
        self._names = names

    def of(self, location: Sequence[int | str]) -> str:
        """A pydantic error's location as a path of the payload."""
        first, *rest = location or ("",)
        head = self._names.get(str(first), f"{self._prefix}{first}")
        tail = (str(part) if isinstance(part, int) else _INNER.get(part, part) for part in rest)
        return ".".join(part for part in (head, *tail) if part)


_INNER = {"price_cents": "price", "discount_cents": "discount", "value": ""}


def collect(parsed: Parsed, index: int, build: Callable[[], Sequence[Command]], paths: Paths) -> None:
    """Adds what ``build`` makes of item ``index``: all of its commands, or a problem. None: it is skipped."""
    try:
        commands = build()
    except BadItemError as bad:
        parsed.problems.append(Problem(index, bad.field, bad.reason, bad.status))
    except ValidationError as error:
        parsed.problems.append(_problem(index, error, paths))
    else:
        parsed.skipped += not commands
        parsed.commands += [(index, command) for command in commands]


def _problem(index: int, error: ValidationError, paths: Paths) -> Problem:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return Problem(index, paths.of(first["loc"]), first["msg"].removeprefix("Value error, "))


def json_body(delivery: Delivery) -> bytes:
    """The body without a byte-order mark. Raises RejectedError (400) unless it is text in UTF-8."""
    body = delivery.body.removeprefix(_BOM)
    try:
        body.decode()
    except UnicodeDecodeError:
        raise RejectedError("body", "not UTF-8", 400) from None
    return body


def read(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw, prefix: str = "") -> T:
    """Decodes a part of an item. Raises BadItemError naming the field, below ``prefix``."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise BadItemError(*_named(str(error), prefix)) from None
    except (msgspec.DecodeError, RecursionError, ArithmeticError, ValueError):
        raise BadItemError(prefix or "body", "malformed JSON", 400) from None


def read_whole(decoder: msgspec.json.Decoder[T], delivery: Delivery) -> T:
    """Decodes a body that is one item. Raises RejectedError naming the field."""
    try:
        return read(decoder, json_body(delivery))
    except BadItemError as bad:
        raise RejectedError(bad.field, bad.reason, bad.status) from None


def _named(message: str, prefix: str) -> tuple[str, str]:
    at = _AT.search(message)
    path = re.sub(r"\[(\d+)\]", r".\1", at[1]) if at else ""
    field = ".".join(part for part in (prefix, path.lstrip(".")) if part)
    return field or "body", message[: at.start()] if at else message


def text(value: Id) -> str | None:
    """An id or a text as text without outer blanks; None where there is nothing in it."""
    return (value if isinstance(value, str) else str(value)).strip() or None if value is not None else None


def identifier(kind: IdentifierKind, value: str, field: str) -> Identifier:
    """Raises BadItemError naming ``field`` if the value has no normal form."""
    try:
        return Identifier(kind=kind, value=value)
    except ValidationError as error:
        reason = error.errors(include_input=False, include_url=False, include_context=False)[0]["msg"]
        raise BadItemError(field, reason.removeprefix("Value error, ")) from None


def identifiers(found: Mapping[tuple[IdentifierKind, str], Id]) -> tuple[Identifier, ...]:
    """The identifiers among (kind, field) → value, each once."""
    given = {(kind, field): text(value) for (kind, field), value in found.items()}
    return tuple(dict.fromkeys(identifier(kind, v, field) for (kind, field), v in given.items() if v))


def currency(code: str | None, field: str, default: str) -> str:
    """The code, or the default where none is given. Raises BadItemError."""
    try:
        return known_currency(code or default)
    except ValueError as error:
        raise BadItemError(field, str(error)) from None


def cents(amount: Decimal | str | None, code: str, field: str) -> int | None:
    """Minor units, not negative. Raises BadItemError."""
    if amount is None:
        return None
    try:
        value = to_cents(amount, code)
    except (ValueError, ArithmeticError):
        raise BadItemError(field, "not an amount, or out of range") from None
    if value < 0:
        raise BadItemError(field, "must not be negative")
    return value


def whole(value: Any, field: str) -> int:
    """A whole number from a number or its text. Raises BadItemError."""
    try:
        number = Decimal(str(value))
        if number == number.to_integral_value() and abs(number) < 10**9:
            return int(number)
    except ArithmeticError:
        pass
    raise BadItemError(field, "must be a whole number")


def count(value: Any, field: str) -> int:
    """A whole number that is not negative. Raises BadItemError."""
    number = whole(value, field)
    if number < 0:
        raise BadItemError(field, "must not be negative")
    return number
