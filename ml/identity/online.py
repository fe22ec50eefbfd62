"""Linking records as they come: what changes around a stream when something new is known of it, and nobody else.

The end depends on what is known, never on the order in which it became known: pairs are those that share a block of at
most ``MOST``, weights are those of whole files, and each component that is touched is decided anew as a whole.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.identity import IdentifierKind, Pair, pair
from ml.identity import blocking
from ml.identity.cluster import ASKED, PLACES, Conflict, automatic_weight, conflict_of
from ml.identity.decide import MOST_NEAR, Decision, decide, known
from ml.identity.fields import PLACE, prepared
from ml.identity.model import weight_of
from ml.identity.score import Evidence, Scorer
from readmodels.customer import CORRECTED
from readmodels.identity import Compared, Edges, Entry, IdentityIndex, Node

#: A component of more streams than this is left as it is: nothing that large is a person.
MOST_STREAMS = 1_000
#: So many streams' surroundings are read together.
TOGETHER = 50
#: The identifiers that a stream takes over from the streams that it is linked to.
TAKEN = {IdentifierKind.EMAIL: "email", IdentifierKind.PHONE: "phone", IdentifierKind.LOYALTY: "loyalty"}
TELLING = tuple(PLACE[name] for name in ("given", "born", "loyalty"))


class What(StrEnum):
    """What is to be recorded of two streams."""

    LINK = "link"
    UNLINK = "unlink"
    CUT = "cut"
    UNCUT = "uncut"


class Act(NamedTuple):
    """To be recorded. ``weight`` and ``evidence`` of a link."""

    what: What
    pair: Pair
    weight: float = 0.0
    evidence: tuple[Evidence, ...] = ()


class Touched(NamedTuple):
    """Streams to be decided anew, and scored pairs that are no more."""

    streams: set[UUID]
    dropped: set[Pair]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """In bits: from ``automatic`` on pairs are linked, from ``asked`` on people are asked."""

    automatic: float = field(default_factory=automatic_weight)
    asked: float = weight_of(ASKED)


class Linker:
    """Of one model, with its index. ``fold`` takes a stream's events into its entry."""

    def __init__(self, scorer: Scorer, index: IdentityIndex, thresholds: Thresholds | None = None) -> None:
        self._scorer, self._index = scorer, index
        self._limits = thresholds or Thresholds()
        self._conflict = conflict_of(scorer)

    def take(self, folded: Mapping[UUID, Entry], before: Mapping[UUID, Entry], *, again: bool = False) -> Touched:
        """Streams are as in ``folded`` now; whom that touches. ``again``: somebody may have died over these very
        streams, so that nothing of them is taken to be done. Raises UnavailableError."""
        gone = [stream for stream, entry in folded.items() if entry.node.gone]
        affected, dropped = self._forget(gone, before)
        living = {stream: entry for stream, entry in folded.items() if not entry.node.gone}
        others = {s for stream, e in living.items() for s in _whom(e.node, before.get(stream))} - living.keys()
        entries = self._compared(living | (self._index.entries(others) if others else {}))
        changed = {s for s, (_, new) in entries.items() if new or again}
        self._index.write({stream: entries[stream][0] for stream in living if stream not in changed})
        for stream in sorted(changed):
            more, lost = self._reindex(stream, entries[stream][0], again=again)
            affected |= more
            dropped |= lost
        return Touched(affected | entries.keys(), dropped)

    def settle(self, touched: Touched) -> list[Act]:
        """What is to be recorded: all components of these streams, decided anew. Raises UnavailableError."""
        streams, dropped = sorted(touched.streams), touched.dropped
        acts = dict[Act, None]()
        pending, settled = dict[Pair, float](), set(dropped)
        for start in range(0, len(streams), TOGETHER):
            for component in self._components(streams[start : start + TOGETHER]):
                found, asked, others = self._decided(component)
                acts |= dict.fromkeys(found)
                pending |= asked
                settled |= others
        if pending or settled:
            self._index.ask(pending, settled - pending.keys())
        return list(acts)

    def candidates(self, compared: Compared, besides: UUID | None = None) -> dict[UUID, float]:
        """Streams that a record may be one person with, and the weights: all that share a block and are worth asking
        about. Raises UnavailableError."""
        names = self._index.names(named_keys(compared))
        blocks = self._index.members(names, blocking.MOST + 1).values()
        return self._scored(besides or UUID(int=0), compared, blocks)

    def _compared(self, entries: Mapping[UUID, Entry]) -> dict[UUID, tuple[Entry, bool]]:
        """Each with what is compared of it, as it is now, and whether that is something new."""
        around = {o for e in entries.values() for o in e.node.linked[:MOST_NEAR]} - entries.keys()
        contacts = {**entries} | (self._index.entries(around) if around else {})
        now = {stream: compared_in(entry, contacts) for stream, entry in entries.items()}
        return {s: (entry, entry.secret.compared != entries[s].secret.compared) for s, entry in now.items()}

    def _reindex(self, stream: UUID, entry: Entry, *, again: bool) -> tuple[set[UUID], set[Pair]]:
        """Into its blocks, with its pairs; whom that touches, and which pairs are no more."""
        compared = entry.secret.compared
        names = self._index.names(named_keys(compared)) if compared else ()
        join, leave = set(names) - set(entry.keys), set(entry.keys) - set(names)
        affected, lost = set[UUID](), set[Pair]()
        blocks = self._index.move(stream, leave, names, blocking.MOST + 2)
        for key in sorted(join | leave):
            if key in join and len(blocks[key]) == blocking.MOST + 1:
                lost |= self._retire(blocks[key] - {stream})
            elif key in leave and len(blocks[key]) == blocking.MOST:
                affected |= self._revive(blocks[key])
        scored = self._scored(stream, compared, [blocks[name] for name in names]) if compared else {}
        before = self._index.edges([stream]).get(stream, {}) if entry.keys or again else {}
        gone = before.keys() - scored.keys()
        self._index.link(stream, gone, scored)
        lost |= {pair(stream, other) for other in gone}
        self._index.write({stream: msgspec.structs.replace(entry, keys=names)})
        return affected | scored.keys() | {s for one in lost for s in one}, lost

    def _scored(self, stream: UUID, compared: Compared, blocks: Iterable[set[UUID]]) -> Edges:
        near = {other for block in blocks if len(block) <= blocking.MOST for other in block} - {stream}
        found: Edges = {}
        for other, theirs in self._index.compared(near).items():
            weight = self.weight(stream, compared, other, theirs)
            if weight is not None:
                found[other] = weight
        return found

    def weight(self, one: UUID, ours: Compared, other: UUID, theirs: Compared) -> float | None:
        """The match weight in bits, None for less than people are asked about. In one direction always, so that the
        last digit is the same."""
        first, second = (ours, theirs) if one < other else (theirs, ours)
        weight = self._scorer.at_least(first, second, self._limits.asked)
        return None if weight is None else round(weight, PLACES)

    def _retire(self, members: set[UUID]) -> set[Pair]:
        """A block that too many are in now tells nothing: pairs of it go that share no other. Which ones."""
        edges = self._index.edges(members)
        pairs = {pair(one, other) for one, found in edges.items() for other in found if other in members}
        if not pairs:
            return set()
        keys = {s: set(names) for s, names in self._index.keys_of({s for each in pairs for s in each}).items()}
        common = {each: keys.get(each[0], set()) & keys.get(each[1], set()) for each in pairs}
        sizes = self._index.members(set().union(*common.values()), blocking.MOST + 1)
        lost = {each for each, shared in common.items() if all(len(sizes[key]) > blocking.MOST for key in shared)}
        for one, other in lost:
            self._index.link(one, [other], {})
        return lost

    def _revive(self, members: set[UUID]) -> set[UUID]:
        """A block that is small enough again: its pairs come back."""
        records, affected = self._index.compared(members), set[UUID]()
        for one, other in combinations(sorted(records), 2):
            weight = self.weight(one, records[one], other, records[other])
            if weight is not None:
                self._index.link(one, (), {other: weight})
                affected |= {one, other}
        return affected

    def _forget(self, gone: Collection[UUID], before: Mapping[UUID, Entry]) -> tuple[set[UUID], set[Pair]]:
        if not gone:
            return set(), set()
        edges, keys = self._index.edges(gone), self._index.keys_of(gone)
        self._index.forget(gone)
        affected = {o for s in gone for o in (*edges.get(s, ()), *before.get(s, Entry()).node.linked)} - set(gone)
        sizes = self._index.members({key for names in keys.values() for key in names}, blocking.MOST + 1)
        for block in sizes.values():
            if len(block) == blocking.MOST:
                affected |= self._revive(block)
        return affected, {pair(s, other) for s in gone for other in edges.get(s, ())}

    def _components(self, start: Iterable[UUID]) -> "Iterable[_Component]":
        nodes, edges = dict[UUID, Node](), dict[UUID, Edges]()
        frontier, looked = set(start), set[UUID]()
        while frontier and len(nodes) <= MOST_STREAMS * 4:  # everything around, level by level, for all at once
            found = self._index.around(frontier)
            more = known({stream: node for stream, (node, _) in found.items()})
            nodes |= more
            edges |= {stream: found[stream][1] for stream in more}
            looked |= frontier
            frontier = {o for s in more for o in _beside(nodes[s], edges.get(s, {}), self._limits)} - looked
        left = set(nodes)
        near = defaultdict[UUID, set[UUID]](set)
        for stream, node in nodes.items():
            for other in _beside(node, edges.get(stream, {}), self._limits):
                near[stream].add(other)
                near[other].add(stream)
        while left:
            reached = fresh = {left.pop()}
            while fresh:
                fresh = {o for s in fresh for o in near[s] if o in left}
                left -= fresh
                reached = reached | fresh
            whole = frontier.isdisjoint(other for stream in reached for other in near[stream])
            if whole and len(reached) <= MOST_STREAMS:
                yield _Component({s: nodes[s] for s in reached}, {s: edges.get(s, {}) for s in reached})

    def _decided(self, component: "_Component") -> tuple[list[Act], dict[Pair, float], set[Pair]]:
        nodes, edges = component
        around = {other for found in edges.values() for other in found}
        wanted = nodes.keys() | around if len(nodes) > 1 or around else set()
        records = self._index.compared(wanted) if wanted else {}
        conflict = telling(self._conflict, records)
        scored = {pair(s, o): w for s, found in edges.items() for o, w in found.items() if o in nodes}
        strong = {each: weight for each, weight in scored.items() if weight >= self._limits.automatic}
        decision = decide(nodes, strong, conflict)
        acts = list(self._acts(nodes, decision, records))
        group = {stream: number for number, members in enumerate(decision.groups) for stream in members}
        pending, settled = dict[Pair, float](), set[Pair]()
        for stream, found in edges.items():
            for other, weight in found.items():
                one = pair(stream, other)
                same = other in group and group[stream] == group[other]
                if same or other in nodes[stream].vetoed or conflict(*one):
                    settled.add(one)
                else:
                    pending[one] = weight
        return acts, pending, settled

    def _acts(self, nodes: Mapping[UUID, Node], decision: Decision, records: Mapping[UUID, Compared]) -> Iterable[Act]:
        for one, weight in decision.likely.items():
            if not _both(nodes, one, lambda node: node.likely):
                yield Act(What.LINK, one, weight, self._scorer.evidence(records[one[0]], records[one[1]]))
        vetoed = {pair(s, o) for s, node in nodes.items() for o in node.vetoed if o in nodes}
        for one in sorted(decision.cut - vetoed):
            if not _both(nodes, one, lambda node: node.cut):
                yield Act(What.CUT, one)
        for stream, node in nodes.items():
            for other in node.likely:
                if other in nodes and pair(stream, other) not in decision.likely:
                    yield Act(What.UNLINK, pair(stream, other))
            for other in node.cut:
                if pair(stream, other) not in decision.cut:
                    yield Act(What.UNCUT, pair(stream, other))


class _Component(NamedTuple):
    nodes: dict[UUID, Node]
    edges: dict[UUID, Edges]


def telling(conflict: Conflict, records: Mapping[UUID, Compared]) -> Callable[[UUID, UUID], bool]:
    """Whether two streams' records tell two people; those that tell too little tell nothing."""
    said: dict[Pair, bool] = {}

    def conflicts(one: UUID, other: UUID) -> bool:
        key = pair(one, other)
        if key not in said:
            ours, theirs = records.get(key[0]), records.get(key[1])
            said[key] = ours is not None and theirs is not None and _tells(ours, theirs) and conflict(ours, theirs)
        return said[key]

    return conflicts


def _tells(ours: Compared, theirs: Compared) -> bool:
    return any(ours[place] is not None and theirs[place] is not None for place in TELLING)


def named_keys(compared: Compared) -> list[bytes]:
    """A record's blocking keys, each with the number of its rule."""
    return [b"%d:%s" % (rule, key) for rule, key in enumerate(blocking.keys(compared)) if key is not None]


def compared_in(entry: Entry, contacts: Mapping[UUID, Entry]) -> Entry:
    """The entry with what is compared of it: what its person told, its own identifier, and those of contacts it is
    linked to."""
    node, secret = entry.node, entry.secret
    if not known({UUID(int=0): node}):
        return msgspec.structs.replace(entry, secret=msgspec.structs.replace(secret, compared=None))
    told = {name: said.value for name, said in secret.told.items() if not name.startswith(CORRECTED)}
    told |= {n.removeprefix(CORRECTED): s.value for n, s in secret.told.items() if n.startswith(CORRECTED)}
    for kind, name in TAKEN.items():
        values = [contacts[o].secret.own for o in node.linked if o in contacts and contacts[o].node.kind == kind]
        if node.kind == kind:
            told[name] = secret.own
        elif values and (len(values) == 1 or kind is not IdentifierKind.LOYALTY):
            told[name] = values[0]
    compared = prepared(told)
    found = compared if any(value is not None for value in compared) else None
    return msgspec.structs.replace(entry, secret=msgspec.structs.replace(secret, compared=found))


def _whom(node: Node, before: Entry | None) -> set[UUID]:
    """The streams whose record takes this one's identifier, now or until now."""
    if node.kind not in TAKEN:
        return set()
    old = set(before.node.linked) if before and before.node.kind else set()
    return set(sorted(set(node.linked) ^ old)[:MOST_NEAR])


def _beside(node: Node, edges: Edges, limits: Thresholds) -> set[UUID]:
    strong = {other for other, weight in edges.items() if weight >= limits.automatic}
    return strong | set(node.linked) | set(node.likely) | set(node.cut)


def _both(nodes: Mapping[UUID, Node], one: Pair, of: Callable[[Node], Collection[UUID]]) -> bool:
    return one[1] in of(nodes[one[0]]) and one[0] in of(nodes[one[1]])
