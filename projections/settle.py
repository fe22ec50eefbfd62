"""Who is one with whom: streams that are linked move into one hash, those that are not any more move out.

Several projectors do this at once, each may die between any two calls, and a call works on one hash. So whoever moves
streams first holds all hashes of the group, each with the same token, and looks again: nobody else moves anything
there as long as the tokens stand. Then it adds; when all is added it lets the streams' own hashes lead to their
homes; and only when all do it takes away. A change is made only while its token stands and nothing has grown
meanwhile; else the group is looked at again, until it rests. A holder that does not go on loses its tokens to whoever
waits, and its late calls change nothing.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from uuid import UUID, uuid4

from domain.identity import IdentifierKind, person_id, persons
from projections.ports import Source
from readmodels.customer import CustomerRecord, decode, encode
from readmodels.stores import Change, CustomerStore, Found

VERSION = 4  # a field begins with its version in so many bytes, big endian
ATTEMPTS = 200
#: So many looks at one holder, and it is taken to be dead.
PATIENCE = 8
PAUSE_S = 0.002


class UnsettledError(Exception):
    """A group did not come to rest; begin again from the confirmed position."""


def wait(attempt: int) -> None:
    """A random while, longer each time, 0.1 s at most: of two who wait for each other one comes first."""
    time.sleep(random.uniform(0, min(0.1, PAUSE_S * 2 ** min(attempt, 10))))


def new_token() -> bytes:
    """Used once, so that no late call of an earlier attempt counts."""
    return uuid4().bytes


class Settler:
    """``source`` knows the streams of all shards: what the store lacks comes from there."""

    def __init__(self, store: CustomerStore, source: Source, pause: Callable[[int], None] = wait) -> None:
        self._store = store
        self._source = source
        self._pause = pause

    def settle(self, streams: Iterable[UUID]) -> dict[UUID, UUID]:
        """Puts every stream that the given ones hang together with into the hash of its person; each one's person.

        Raises UnsettledError.
        """
        todo, homes, patience = set(streams), dict[UUID, UUID](), _Patience()
        for attempt in range(ATTEMPTS):
            groups = self._groups(todo)
            restless = [group for group in groups if not group.rests]
            moved = self._rearrange(restless, patience) if restless else []
            for group in (*moved, *(group for group in groups if group.rests)):
                homes |= group.homes
            todo = {name for group in restless for name in group.found}.difference(*(g.found for g in moved))
            if not todo:
                return homes
            self._pause(attempt)
        raise UnsettledError(f"{len(todo)} streams")

    def _groups(self, start: Iterable[UUID]) -> "list[_Group]":
        """All that hangs together with ``start``, group by group."""
        records = _Records()
        found, lost = _reach(self._store, start, records), dict[UUID, bytes]()
        while more := self._lost(found, lost):
            lost |= more
            linked = {other for value in more.values() for other in records[value].ties}
            found |= _reach(self._store, linked - found.keys(), records)
        groups = _components(found, lost, records)
        return [_Group({name: found[name] for name in names}, lost, records) for names in groups]

    def _lost(self, found: Mapping[UUID, Found], known: Mapping[UUID, bytes]) -> dict[UUID, bytes]:
        """What there is of streams that are named somewhere and live nowhere."""
        living = {stream for each in found.values() for stream in each.fields}
        lost = found.keys() - living - known.keys()
        records = self._source.records(sorted(lost)) if lost else {}
        return {stream: encode(record) for stream, record in records.items() if not record.gone}

    def _rearrange(self, groups: "list[_Group]", patience: "_Patience") -> "list[_Group]":
        """One attempt at these groups; those that now rest: nobody else moved anything there until the last change."""
        token = new_token()
        held = self._store.hold({n: patience.of(n, f) for g in groups for n, f in g.found.items()}, token)
        whole = {name for group in groups if group.found.keys() <= held for name in group.found}
        seen = [group for group in self._groups(whole) if group.found.keys() <= held] if whole else []
        for what in (_Group.additions, _Group.markers, _Group.removals):
            seen = self._change(seen, what, token)
        self._store.release(held, token)
        return seen

    def _change(self, groups: "list[_Group]", what: "Callable[[_Group], list[Change]]", token: bytes) -> "list[_Group]":
        """Makes these changes of all groups; the groups where all were made."""
        wanted = [(group, change) for group in groups for change in what(group)]
        made = self._store.change([change for _, change in wanted], token)
        failed = {id(group) for (group, _), done in zip(wanted, made, strict=True) if not done}
        return [group for group in groups if id(group) not in failed]


class _Patience:
    """How often each holder was met: one that was met too often may be replaced."""

    def __init__(self) -> None:
        self._met: dict[tuple[UUID, bytes], int] = {}

    def of(self, name: UUID, found: Found) -> bytes | None:
        """Who may hold this hash when it is taken."""
        if found.held_by is None:
            return None
        met = self._met[name, found.held_by] = self._met.get((name, found.held_by), 0) + 1
        return found.held_by if met > PATIENCE else None


class _Records(dict[bytes, CustomerRecord]):
    """Stored values as records, each decoded once."""

    def __missing__(self, value: bytes) -> CustomerRecord:
        record = self[value] = decode(value)
        return record


class _Group:
    """Streams that hang together, and where each one is and should be. ``lost``: fields that are in no hash."""

    def __init__(self, found: Mapping[UUID, Found], lost: Mapping[UUID, bytes], records: _Records) -> None:
        self.found = found
        self._fields = {stream: value for stream, value in lost.items() if stream in found}
        for stream, value in ((s, v) for each in found.values() for s, v in each.fields.items()):
            if _version(value) > _version(self._fields.get(stream, b"")):
                self._fields[stream] = value
        self._members = _persons({stream: records[value] for stream, value in self._fields.items()})
        self.homes = {stream: home for home, members in self._members.items() for stream in members}

    @cached_property
    def rests(self) -> bool:
        """Whether everything is where it should be, and nobody is about to move it."""
        untouched = all(each.held_by is None for each in self.found.values())
        return untouched and not self.additions() and not self.markers() and not self.removals()

    def additions(self) -> list[Change]:
        """What the homes lack."""
        return [
            Change(home, put={s: self._fields[s] for s in members})
            for home, members in self._members.items()
            if self.found[home].moved_to is not None or not self._has(home, members)
        ]

    def markers(self) -> list[Change]:
        """Where the hashes of streams that live elsewhere should lead."""
        return [
            Change(stream, drop=self._versions(stream), moved_to=home)
            for stream, home in self.homes.items()
            if stream != home and self.found[stream].moved_to != home
        ]

    def removals(self) -> list[Change]:
        """What stands elsewhere now; also what is left in the hash of somebody who was erased."""
        strangers = {
            name: {s: v for s, v in self._versions(name).items() if s not in self._members.get(name, ())}
            for name in self.found
            if name in self._members or name not in self.homes
        }
        return [Change(name, drop=drop) for name, drop in strangers.items() if drop]

    def _versions(self, name: UUID) -> dict[UUID, int]:
        return {stream: _version(value) for stream, value in self.found[name].fields.items()}

    def _has(self, home: UUID, members: frozenset[UUID]) -> bool:
        there = self.found[home].fields
        return all(_version(there.get(s, b"")) == _version(self._fields[s]) for s in members)


def _persons(records: Mapping[UUID, CustomerRecord]) -> dict[UUID, frozenset[UUID]]:
    """Home → members. A stream whose beginning was erased is alone."""
    kinds = {s: IdentifierKind(r.kind) for s, r in records.items() if r.kind}
    links = [(s, other) for s, r in records.items() for other in r.ties]
    alone = {s: frozenset({s}) for s in records.keys() - kinds.keys()}
    return {person_id(members): members for members in (persons(kinds, links) | alone).values()}


def _reach(store: CustomerStore, start: Iterable[UUID], records: _Records) -> dict[UUID, Found]:
    """The hashes of all streams that hang together with ``start``."""
    found: dict[UUID, Found] = {}
    frontier = set(start)
    while frontier:
        looked = store.look(sorted(frontier))
        found |= looked
        frontier = {other for each in looked.values() for other in _told(each, records)} - found.keys()
    return found


def _told(found: Found, records: _Records) -> Iterable[UUID]:
    """All streams that a hash tells of."""
    if found.moved_to is not None:
        yield found.moved_to
    for stream, value in found.fields.items():
        yield stream
        yield from records[value].ties


def _components(found: Mapping[UUID, Found], lost: Mapping[UUID, bytes], records: _Records) -> list[set[UUID]]:
    """Names that tell of each other, directly or not."""
    of = {name: {name} for name in found}
    for name, each in found.items():
        for other in (*_told(each, records), *(records[lost[name]].ties if name in lost else ())):
            if of[name] is not of[other]:
                small, large = sorted((of[name], of[other]), key=len)
                large |= small
                of |= dict.fromkeys(small, large)
    return list({id(names): names for names in of.values()}.values())


def _version(value: bytes) -> int:
    return int.from_bytes(value[:VERSION], "big")
