"""The customers' store as a few dictionaries, which can die between any two of its steps; and a log to project."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel
from projections.history import FromLog
from projections.ports import Recorded
from projections.project_customers import CustomersProjection
from projections.settle import Settler
from readmodels.stores import Change, CustomerStore, Found, Refused, Write
from tests.projections.facts import START


class DiedError(Exception):
    """The process was killed."""


class MemoryCustomerStore:
    """Does what ``adapters/redis/functions.lua`` does, hash by hash. ``steps``: how many writes are left to do.
    ``turn`` is called before anything is read or written."""

    def __init__(self) -> None:
        self.homes: dict[UUID, dict[UUID, bytes]] = {}
        self.moved: dict[UUID, UUID] = {}
        self.held: dict[UUID, bytes] = {}
        self.steps: int | None = None
        self.turn: Callable[[], None] = lambda: None
        self.writes = 0

    def write(self, writes: Sequence[Write]) -> list[Refused | None]:
        return [self._put(each) for each in writes]

    def read(self, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, bytes | None]]:
        homes = {stream: self._end(stream) for stream in streams}
        return {stream: (home, self._fields(home).get(stream)) for stream, home in homes.items()}

    def load(self, persons: Sequence[tuple[UUID, Mapping[UUID, bytes]]]) -> None:
        for home, fields in persons:
            self.homes.setdefault(home, {}).update(fields)
            for stream in fields.keys() - {home}:
                self.homes.pop(stream, None)
                self.moved[stream] = home

    def look(self, names: Sequence[UUID]) -> dict[UUID, Found]:
        return {name: self._look(name) for name in names}

    def hold(self, holders: Mapping[UUID, bytes | None], token: bytes) -> set[UUID]:
        return {name for name, holder in holders.items() if self._hold(name, holder, token)}

    def change(self, changes: Sequence[Change], token: bytes) -> list[bool]:
        return [self._change(each, token) for each in changes]

    def release(self, names: Iterable[UUID], token: bytes) -> None:
        for name in names:
            self._step()
            if self.held.get(name) == token:
                del self.held[name]

    def expire(self) -> None:
        """Long after: nobody holds anything any more."""
        self.held.clear()

    def members(self, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, Mapping[UUID, bytes]]]:
        """Each stream's person, and all fields of that person."""
        return members(self, streams)

    def content(self, streams: Iterable[UUID]) -> dict[UUID, Any]:
        """Each stream's person with all fields, and what the stream itself leads to."""
        wanted = sorted(streams)
        members, own = self.members(wanted), self.read(wanted)
        return {stream: (members[stream], own[stream], self.moved.get(stream)) for stream in wanted}

    def _look(self, name: UUID) -> Found:
        self.turn()
        holder = self.held.get(name)
        return Found(self._fields(name), self.moved.get(name), holder)

    def _hold(self, name: UUID, holder: bytes | None, token: bytes) -> bool:
        self._step()
        if self.held.get(name) != holder:
            return False
        self.held[name] = token
        return True

    def _change(self, change: Change, token: bytes) -> bool:
        self._step()
        there = self.homes.get(change.name, {})
        left = there.keys() - change.drop.keys() if change.moved_to else set()
        grown = [s for s, version in change.drop.items() if _version(there.get(s, b"")) > version]
        if self.held.get(change.name) != token or left or grown:
            return False
        if change.moved_to:
            self.homes.pop(change.name, None)
            self.moved[change.name] = change.moved_to
            return True
        if change.put:
            self.moved.pop(change.name, None)
        put = {s: max(there.get(s, b""), value, key=_version) for s, value in change.put.items()}
        self.homes[change.name] = {s: v for s, v in (there | put).items() if s not in change.drop}
        return True

    def _put(self, write: Write) -> Refused | None:
        self._step()
        if write.home in self.moved:
            return Refused(self.moved[write.home], 0)
        found = _version(self.homes.get(write.home, {}).get(write.stream, b""))
        if found != write.was:
            return Refused(None, found)
        if write.value:
            self.homes.setdefault(write.home, {})[write.stream] = write.value
        else:
            self.homes.get(write.home, {}).pop(write.stream, None)
        self.writes += 1
        return None

    def _fields(self, name: UUID) -> dict[UUID, bytes]:
        self.turn()
        return dict(self.homes.get(name, {}))

    def _end(self, stream: UUID) -> UUID:
        self.turn()
        while (further := self.moved.get(stream)) is not None:
            assert further < stream, "a marker leads to somebody younger"
            stream = further
            self.turn()
        return stream

    def _step(self) -> None:
        self.turn()
        if self.steps is not None:
            if not self.steps:
                raise DiedError
            self.steps -= 1


def members(store: CustomerStore, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, Mapping[UUID, bytes]]]:
    """Each stream's person, and all fields of that person."""
    homes = {stream: home for stream, (home, _) in store.read(streams).items()}
    found = store.look(sorted(set(homes.values())))
    return {stream: (home, found[home].fields) for stream, home in homes.items()}


def projection(store: CustomerStore, log: "MemoryLog", known: int = 100) -> CustomersProjection:
    """One that never waits."""
    return CustomersProjection(store, log, known, settler=Settler(store, FromLog(log), pause=lambda attempt: None))


def _version(value: bytes) -> int:
    return int.from_bytes(value[:4], "big")


class MemoryLog:
    """What a few customers did, in the order in which it was recorded."""

    def __init__(self, kinds: Sequence[IdentifierKind]) -> None:
        self.recorded: list[Recorded] = []
        self.customers = [self._open(number, kind) for number, kind in enumerate(kinds, 1)]
        self._sources = 0

    @property
    def ids(self) -> list[UUID]:
        """The streams, the oldest first."""
        return [customer.id for customer in self.customers]

    def streams(self, streams: Sequence[UUID]) -> Iterable[tuple[UUID, list[Event]]]:
        for stream in streams:
            events = [each.event for each in self.recorded if each.event.originator_id == stream]
            if events:
                yield stream, events

    def streams_after(self, versions: Mapping[UUID, int]) -> Iterable[tuple[UUID, list[Event]]]:
        for stream, events in self.streams(list(versions)):
            if later := [event for event in events if event.originator_version > versions[stream]]:
                yield stream, later

    def view(self, who: int) -> None:
        self._record(who, Customer.record, Customer.ProductViewed, sku=f"S{self._sources % 7}")

    def link(self, one: int, other: int) -> None:
        """Both sides, one after the other."""
        for here, there in ((one, other), (other, one)):
            self.link_one_side(here, there)

    def link_one_side(self, one: int, other: int) -> None:
        """The other side is never recorded."""
        target = self.customers[other]
        self._record(one, Customer.link, target.id, other_kind=target.kind, evidence="Identify")

    def unlink(self, one: int, other: int) -> None:
        for here, there in ((one, other), (other, one)):
            self._record(here, Customer.unlink, self.customers[there].id, reason="wrong")

    def _open(self, number: int, kind: IdentifierKind) -> Customer:
        who = Identifier(kind=kind, value="a@b.example" if kind is IdentifierKind.EMAIL else f"12345{number}")
        customer = Customer.open(UUID(int=number), who, occurred_at=START, channel=Channel.WEB)
        self._keep(customer)
        return customer

    def _record(self, who: int, ask: Any, *what: Any, **fields: Any) -> None:
        self._sources += 1
        customer = self.customers[who]
        ask(customer, *what, source_id=f"s{self._sources}", occurred_at=START, channel=Channel.WEB, **fields)
        self._keep(customer)

    def _keep(self, customer: Customer) -> None:
        for event in customer.collect_events():
            assert isinstance(event, Event)
            self.recorded.append(Recorded(len(self.recorded) + 1, event))


def projected(log: MemoryLog, size: int, known: int = 100) -> MemoryCustomerStore:
    """A new store after projecting the log in batches of ``size``."""
    store = MemoryCustomerStore()
    one = projection(store, log, known)
    for start in range(0, len(log.recorded), size):
        one.apply(log.recorded[start : start + size])
    return store
