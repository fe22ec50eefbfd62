"""What is sent with forms and addresses of the page: bounded, and refused with an error that names the field."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.channels.channel import RejectedError
from adapters.http.compliance.answers import AnyRequest
from domain.identity import Identifier, IdentifierKind
from queries.moment import read_time
from queries.timeline import Place

Form = Mapping[str, Any]


async def read(request: AnyRequest) -> Form:
    """What was sent."""
    return await request.form()


def text(form: Form, name: str, longest: int) -> str:
    """Raises RejectedError for one that is too long, or a file."""
    value = form.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise RejectedError(name, f"{name}: at most {longest} characters", 422)
    return value.strip()


def who(form: Form) -> UUID | Identifier:
    """Whom somebody searches. Raises RejectedError."""
    kind, value = text(form, "kind", 20), text(form, "value", 254)
    try:
        return UUID(value) if kind == "id" else Identifier(kind=IdentifierKind(kind), value=value)
    except ValueError:
        raise RejectedError("value", "this is not in the form of such an identifier", 422) from None


def one_of(kind: Any, given: object, name: str) -> Any:
    """A member of an enumeration. Raises RejectedError."""
    try:
        return kind(given)
    except ValueError:
        raise RejectedError(name, f"{name}: choose one", 422) from None


def moment_of(given: str) -> datetime:
    """With an offset, or as a browser's own field has it, which is taken as UTC. Raises RejectedError."""
    try:
        return read_time(given if given.endswith("Z") or "+" in given else f"{given}Z")
    except ValueError:
        raise RejectedError("as_of", "this is no time that can be read", 400) from None


def place_of(place: str | None, field: str) -> Place | None:
    """Where a page of the timeline begins. Raises RejectedError."""
    try:
        return Place.read(place) if place else None
    except ValueError:
        raise RejectedError(field, "this is no place in the timeline", 400) from None
