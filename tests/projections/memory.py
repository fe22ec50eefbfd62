"""The customers' store as a few dictionaries, which can die between any two of its steps; and a log to project."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel
from projections.ports import Recorded
from projections.project_customers import CustomersProjection
from readmodels.stores import Refused, Write
from tests.projections.facts import START


class DiedError(Exception):
    """The process was killed."""


class MemoryCustomerStore:
    """Does what ``adapters/redis/functions.lua`` does, step by step. ``steps``: how many are left to do."""

    def __init__(self) -> None:
        self.homes: dict[UUID, dict[UUID, bytes]] = {}
        self.moved: dict[UUID, UUID] = {}
        self.steps: int | None = None
        self.writes = 0

    def write(self, writes: Sequence[Write]) -> list[Refused | None]:
        return [self._put(each) for each in writes]

    def read(self, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, bytes | None]]:
        homes = {stream: self._end(stream) for stream in streams}
        return {stream: (home, self.homes.get(home, {}).get(stream)) for stream, home in homes.items()}

    def members(self, streams: Sequence[UUID]) -> dict[UUID, tuple[UUID, Mapping[UUID, bytes]]]:
        homes = {stream: self._end(stream) for stream in streams}
        return {stream: (home, dict(self.homes.get(home, {}))) for stream, home in homes.items()}

    def place(self, home: UUID, fields: Mapping[UUID, bytes], former: Sequence[UUID]) -> None:
        self._step()
        there = self.homes.get(home, {})
        self.homes[home] = {s: max(there.get(s, b""), value, key=_version) for s, value in fields.items()}
        self.moved.pop(home, None)
        for old in former:
            self._step()
            self.homes.pop(old, None)
            self.moved[old] = home

    def content(self, streams: Iterable[UUID]) -> dict[UUID, Any]:
        """Each stream's person with all fields, and what the stream itself leads to."""
        wanted = sorted(streams)
        members, own = self.members(wanted), self.read(wanted)
        return {stream: (members[stream], own[stream]) for stream in wanted}

    def _put(self, write: Write) -> Refused | None:
        self._step()
        if write.home in self.moved:
            return Refused(self.moved[write.home], 0)
        found = _version(self.homes.get(write.home, {}).get(write.stream, b""))
        if found != write.was:
            return Refused(None, found)
        self.homes.setdefault(write.home, {})[write.stream] = write.value
        self.writes += 1
        return None

    def _end(self, stream: UUID) -> UUID:
        passed = {stream}
        while (further := self.moved.get(stream)) is not None:
            assert further not in passed, "moved in a circle"
            passed.add(further)
            stream = further
        return stream

    def _step(self) -> None:
        if self.steps is not None:
            if not self.steps:
                raise DiedError
            self.steps -= 1


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

    def view(self, who: int) -> None:
        self._record(who, Customer.record, Customer.ProductViewed, sku=f"S{self._sources % 7}")

    def link(self, one: int, other: int) -> None:
        """Both sides; only the first where the other's is not recorded yet."""
        for here, there in ((one, other), (other, one)):
            target = self.customers[there]
            self._record(here, Customer.link, target.id, other_kind=target.kind, evidence="Identify")

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
    projection = CustomersProjection(store, log, known)
    for start in range(0, len(log.recorded), size):
        projection.apply(log.recorded[start : start + size])
    return store
