"""All at once: the decisions that linking one by one comes to, from all entries and all scored pairs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from domain.identity import Pair, pair
from ml.identity.decide import Conflict, Decision, decide, known
from ml.identity.online import MOST_STREAMS, compared_in
from readmodels.identity import Compared, Entry, Node


def records_of(entries: Mapping[UUID, Entry]) -> dict[UUID, Compared]:
    """What is compared of each stream, those that tell nothing left out; in the order of ids."""
    found = {stream: compared_in(entries[stream], entries).secret.compared for stream in sorted(entries)}
    return {stream: record for stream, record in found.items() if record is not None}


def decisions(
    entries: Mapping[UUID, Entry], scored: Mapping[Pair, float], automatic: float, conflict: Conflict
) -> list[Decision]:
    """Of each component of what is linked by identifiers or scored ``automatic`` bits or more."""
    nodes = known({stream: entry.node for stream, entry in entries.items()})
    strong = {each: weight for each, weight in scored.items() if weight >= automatic}
    found = []
    for members in _components(nodes, strong):
        inside = {s: nodes[s] for s in members}
        own = {each: strong[each] for s in members for each in _of(s, strong, members)}
        found.append(decide(inside, own, conflict))
    return found


def persons(found: Iterable[Decision]) -> set[frozenset[UUID]]:
    """All persons of these, of one stream too."""
    return {group for decision in found for group in decision.groups}


def _components(nodes: Mapping[UUID, Node], strong: Mapping[Pair, float]) -> Sequence[set[UUID]]:
    near = defaultdict[UUID, set[UUID]](set)
    links = (pair(s, o) for s, node in nodes.items() for o in (*node.linked, *node.likely, *node.cut))
    for one, other in (*strong, *links):
        near[one].add(other)
        near[other].add(one)
    left, found = set(nodes), []
    while left:
        reached = fresh = {left.pop()}
        while fresh:
            fresh = {o for s in fresh for o in near[s] if o in left}
            left -= fresh
            reached = reached | fresh
        if len(reached) <= MOST_STREAMS:
            found.append(reached)
    return found


def _of(stream: UUID, strong: Mapping[Pair, float], members: set[UUID]) -> Iterable[Pair]:
    return (each for other in members if (each := (stream, other)) in strong)
