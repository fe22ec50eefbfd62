"""Who is who: identifiers, their precedence, and which streams together are one person."""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import StringConstraints, model_validator

from domain.values import Value


class IdentifierKind(StrEnum):
    """Kinds of identifier. The order is the precedence: facts go to the first kind that a payload carries."""

    USER = "user"
    LOYALTY = "loyalty"
    EMAIL = "email"
    PHONE = "phone"
    CART = "cart"
    DEVICE = "device"
    ANONYMOUS = "anonymous"


PRECEDENCE = {kind: rank for rank, kind in enumerate(IdentifierKind)}
#: These name a device or a session, which several people may share; all others name a person.
SHARED_KINDS = frozenset({IdentifierKind.CART, IdentifierKind.DEVICE, IdentifierKind.ANONYMOUS})
#: Two streams, the older one first.
Pair = tuple[UUID, UUID]
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")


class Identifier(Value):
    """One identifier in its normal form, so that equal ones are equal text. Raises ValueError if it has none."""

    kind: IdentifierKind
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=254)]

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        value = data.get("value")
        normal = _NORMAL.get(str(data.get("kind")))
        return {**data, "value": normal(value)} if normal and isinstance(value, str) else data

    def __lt__(self, other: Self) -> bool:
        return (PRECEDENCE[self.kind], self.value) < (PRECEDENCE[other.kind], other.value)


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value.strip()):
        raise ValueError("not an e-mail address")
    return value.strip().lower()


def _phone(value: str) -> str:
    digits = re.sub(r"[\s().\-/]", "", value)
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    if not re.fullmatch(r"\+?\d{5,15}", digits):
        raise ValueError("not a phone number")
    return digits


_NORMAL = {IdentifierKind.EMAIL.value: _email, IdentifierKind.PHONE.value: _phone}


def persons(kinds: Mapping[UUID, IdentifierKind], links: Iterable[tuple[UUID, UUID]]) -> dict[UUID, frozenset[UUID]]:
    """Each stream's person: the set of streams it is one with.

    Links between identifiers that name a person are followed without limit. A device, cart or anonymous visitor
    joins the one person it is linked to; linked to two different people it is shared, and belongs to neither.
    The result depends on the links alone, never on their order.
    """
    neighbours: dict[UUID, set[UUID]] = {stream: set() for stream in kinds}
    for one, other in links:
        if one in neighbours and other in neighbours:
            neighbours[one].add(other)
            neighbours[other].add(one)
    shared = {stream for stream, kind in kinds.items() if kind in SHARED_KINDS}
    groups = _components(neighbours, kinds.keys() - shared)
    owned = _components(neighbours, shared)
    for stream in shared:
        owners = {groups[n] for member in owned[stream] for n in neighbours[member] - shared}
        groups[stream] = owners.pop() if len(owners) == 1 else owned[stream] if not owners else frozenset({stream})
    return _with_guests(groups, shared)


def _components(neighbours: Mapping[UUID, set[UUID]], among: Iterable[UUID]) -> dict[UUID, frozenset[UUID]]:
    among, found = set(among), dict[UUID, frozenset[UUID]]()
    for start in among:
        if start in found:
            continue
        reached = frontier = {start}
        while frontier:
            frontier = {n for s in frontier for n in neighbours[s]} & among - reached
            reached = reached | frontier
        found |= dict.fromkeys(reached, frozenset(reached))
    return found


def _with_guests(groups: dict[UUID, frozenset[UUID]], shared: set[UUID]) -> dict[UUID, frozenset[UUID]]:
    """A host's group gains the shared streams that joined it."""
    whole: dict[frozenset[UUID], set[UUID]] = {}
    for stream, group in groups.items():
        whole.setdefault(group, set(group)).add(stream)
    return {stream: frozenset(whole[group]) for stream, group in groups.items()}


def person_id(members: Iterable[UUID]) -> UUID:
    """The oldest stream's id: ids are random but begin with their time of creation (UUID version 7, RFC 9562)."""
    return min(members)


def pair(one: UUID, other: UUID) -> Pair:
    """Two streams in the order of their ids."""
    return (one, other) if one < other else (other, one)


def cuts(links: Iterable[Pair], apart: Collection[Pair]) -> frozenset[Pair]:
    """Which links cannot stand where these streams are two people. All pairs are in the order of ``pair``.

    A stream that is linked to both of two people, as a family's e-mail address is, belongs to neither: all its links
    are cut. Longer chains are cut where, link by link in the order of ids, two people would become one. The result
    depends on the two sets alone.
    """
    every = set(links)
    both = contested(every, apart)
    cut = {link for link in every if not both.isdisjoint(link)}
    against = _against(apart)
    groups: dict[UUID, set[UUID]] = {}
    for link in sorted(every - cut):
        left, right = (groups.setdefault(stream, {stream}) for stream in link)
        if left is right:
            continue
        if any(not against.get(stream, _NOBODY).isdisjoint(right) for stream in left):
            cut.add(link)
            continue
        left |= right
        groups.update(dict.fromkeys(right, left))
    return frozenset(cut | {(one, other) for one, other in every - cut if groups[one] is not groups[other]})


def contested(links: Iterable[Pair], apart: Iterable[Pair]) -> set[UUID]:
    """The streams that are linked to both of two people."""
    near = _against(links)
    return {s for one, other in apart for s in near.get(one, _NOBODY) & near.get(other, _NOBODY)}


def _against(pairs: Iterable[Pair]) -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = {}
    for one, other in pairs:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


_NOBODY: set[UUID] = set()
