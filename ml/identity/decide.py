"""What is decided about one component of streams: a pure function of what is known of it, in whatever order it came."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple
from uuid import UUID

from domain.identity import SHARED_KINDS, IdentifierKind, Pair, contested, cuts, pair
from ml.identity.cluster import PLACES
from readmodels.identity import Node

Conflict = Callable[[UUID, UUID], bool]
#: Identifiers that a family may share.
CONTACTS = frozenset((IdentifierKind.EMAIL, IdentifierKind.PHONE))
#: So many streams around a contact are looked at for conflicts.
MOST_NEAR = 50


class Decision(NamedTuple):
    """``likely``: pairs that are to be linked by their scores, with these; ``cut``: links by identifiers that cannot
    stand; ``groups``: the persons that come of it, less devices and the like."""

    likely: dict[Pair, float]
    cut: frozenset[Pair]
    groups: tuple[frozenset[UUID], ...]


def known(nodes: Mapping[UUID, Node]) -> dict[UUID, Node]:
    """Those that name a person: no devices, carts, anonymous visitors, and nobody who was erased."""
    return {s: n for s, n in nodes.items() if n.kind and not n.gone and IdentifierKind(n.kind) not in SHARED_KINDS}


def decide(nodes: Mapping[UUID, Node], scored: Mapping[Pair, float], conflict: Conflict) -> Decision:
    """Links by identifiers stand, unless people would become one who are kept apart, by an officer or, around a shared
    contact, by a ``conflict``. On top, ``scored`` pairs by descending weight join what does not conflict."""
    named = known(nodes)
    links = set(_pairs(named, lambda node: node.linked))
    vetoed = set(_pairs(named, lambda node: node.vetoed))
    confirmed = set(_pairs(named, lambda node: node.confirmed))
    apart = vetoed | (_families(named, links, conflict) - confirmed)
    cut = cuts(links, apart)
    shared = contested(links, apart)
    groups = _joined(named, links - cut)
    likely: dict[Pair, float] = {}
    for (one, other), weight in sorted(scored.items(), key=lambda each: (-round(each[1], PLACES), each[0])):
        if one not in groups or other not in groups or one in shared or other in shared:
            continue
        left, right = groups[one], groups[other]
        if left is right or any(pair(a, b) in vetoed or conflict(a, b) for a in left for b in right):
            continue
        likely[one, other] = weight
        left |= right
        groups.update(dict.fromkeys(right, left))
    found = {id(members): frozenset(members) for members in groups.values()}
    return Decision(likely, cut, tuple(sorted(found.values(), key=min)))


def _pairs(nodes: Mapping[UUID, Node], of: Callable[[Node], Iterable[UUID]]) -> Iterator[Pair]:
    for stream, node in nodes.items():
        yield from (pair(stream, other) for other in of(node) if other in nodes)


def _families(nodes: Mapping[UUID, Node], links: Iterable[Pair], conflict: Conflict) -> set[Pair]:
    """Pairs around one contact that conflict."""
    near: dict[UUID, list[UUID]] = {}
    for link in sorted(links):
        for one, other in (link, link[::-1]):
            if IdentifierKind(nodes[one].kind) in CONTACTS and len(near.setdefault(one, [])) < MOST_NEAR:
                near[one].append(other)
    return {pair(a, b) for around in near.values() for a, b in combinations(around, 2) if conflict(a, b)}


def _joined(nodes: Iterable[UUID], links: Iterable[Pair]) -> dict[UUID, set[UUID]]:
    groups = {stream: {stream} for stream in nodes}
    for one, other in links:
        left, right = groups[one], groups[other]
        if left is not right:
            left |= right
            groups.update(dict.fromkeys(right, left))
    return groups
