"""Identify and alias: who somebody is, and what they told."""

from datetime import date
from typing import Any

from adapters.channels.items import BadItemError, text, whole
from adapters.channels.segment.messages import Address, Item, Traits
from adapters.channels.segment.who import Caller
from commands.command import Command
from commands.identify import Identify


def identify(item: Item, traits: Traits) -> list[Command]:
    """Identify. From a public key it only links a vouched user id to the visitor, or is skipped."""
    if not item.vouched:
        return []
    return [Identify.model_validate(item.base | {"details": details(traits) if item.trusted else None})]


def alias(item: Item, caller: Caller) -> list[Command]:
    """Identify, with the earlier id among the identifiers. Raises BadItemError."""
    if not item.message.user_id:
        raise BadItemError("userId", "is needed")
    joined = dict.fromkeys((*item.base["identifiers"], caller.previous(item.message)))
    return [Identify.model_validate(item.base | {"identifiers": tuple(joined)})]


def details(traits: Traits) -> dict[str, Any]:
    """Traits as details. Raises BadItemError."""
    address = traits.address or Address()
    parts = (text(traits.first_name), text(traits.last_name))
    return {
        "name": text(traits.name) or " ".join(p for p in parts if p) or None,
        "birth_date": _birth_date(traits.birthday),
        "age": whole(traits.age, "traits.age") if traits.age is not None else None,
        "gender": text(traits.gender),
        "street": text(address.street),
        "city": text(address.city),
        "region": text(address.state),
        "country": text(address.country),
        "postcode": text(address.postal_code),
    }


def _birth_date(birthday: str | None) -> str | None:
    if text(birthday) is None or birthday is None:
        return None
    try:
        return date.fromisoformat(birthday.strip()[:10]).isoformat()
    except ValueError:
        raise BadItemError("traits.birthday", "not an ISO 8601 date") from None
