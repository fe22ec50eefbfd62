"""The one router of commands: finds the streams, loads, decides, saves many commands at once, retries lost races."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from commands.command import Command, CustomerCommand, ProductCommand, StreamCommand
from commands.experiment import ExperimentCommand
from commands.exposure import ERASED_STREAM, UNKNOWN_STREAM
from commands.identify import UnlinkIdentifier
from commands.merchandising import RulesCommand
from commands.order import ReturnLines
from commands.ports import ConflictError, Directory, ErasedError, EventLog, Progress
from commands.tie import TieCommand
from domain.customer import Customer
from domain.event import Aggregate
from domain.experiment import ExperimentError
from domain.identity import Identifier
from domain.merchandising import RuleBookError
from domain.product import Product, product_id
from domain.sharding import shard_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command. ``events`` 0: all of it was recorded before. ``refused``: why nothing was recorded.
    ``accepted``: it is safe with a broker, and what becomes of it is not known yet."""

    stream: UUID | None = None
    version: int = 0
    events: int = 0
    refused: str | None = None
    accepted: bool = False


NOBODY = UUID(int=0)
Decided = Callable[[Sequence[Outcome]], None]


class Bus:
    """Not thread-safe: one bus a writing thread. ``cache`` is how many hot aggregates it keeps."""

    def __init__(
        self,
        customers: Sequence[EventLog],
        catalogue: EventLog,
        directory: Directory,
        *,
        cache: int = 20_000,
        attempts: int = 100,
    ) -> None:
        self._customers = customers
        self._catalogue = catalogue
        self._directory = directory
        self._attempts = attempts
        self._cache = _Cache(cache)

    def dispatch(
        self, commands: Sequence[Command], progress: Progress | None = None, decided: Decided = lambda outcomes: None
    ) -> list[Outcome]:
        """One outcome a command, in order; when it returns, all that was not refused is stored.

        ``progress`` goes into every log: into those that the commands touch with their events, then into the others.
        ``decided`` is told the outcomes before anything is stored, so that it may keep what is refused.
        Raises UnavailableError: then nothing is acknowledged, and sending it all again is safe. Raises FencedError.
        """
        wanted = _identifiers(commands)
        streams = self._directory.claim(wanted)
        returned = {c.order_id for c in commands if isinstance(c, ReturnLines)}
        retained = self._directory.retained(returned) if returned else {}
        # Rules and experiments are seldom written, from several places: always as they are now.
        self._cache.forget(c.stream for c in commands if isinstance(c, RulesCommand | ExperimentCommand))
        for _ in range(self._attempts):
            try:
                return _Work(self, streams, retained).run(commands, progress, decided)
            except ConflictError:
                continue
            except ErasedError as erased:  # whoever comes with these identifiers now is a stranger
                self._directory.release({i: stream for i, stream in streams.items() if stream in erased.streams})
                streams = self._directory.claim(wanted)
        raise ConflictError("lost the race for a stream too often")

    @property
    def logs(self) -> Sequence[EventLog]:
        """Every log that commands may touch."""
        return [*self._customers, self._catalogue]

    def log_of(self, stream: UUID) -> EventLog:
        """The shard in which a customer's stream lives."""
        shards = tuple(self._customers)
        return shards[shard_of(stream, len(shards))]


class _Cache:
    """Hot aggregates, least recently used out first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._aggregates: OrderedDict[UUID, Any] = OrderedDict()

    def get(self, stream: UUID) -> Any | None:
        if stream in self._aggregates:
            self._aggregates.move_to_end(stream)
        return self._aggregates.get(stream)

    def keep(self, aggregates: Iterable[Any]) -> None:
        for aggregate in aggregates:
            self._aggregates[aggregate.id] = aggregate
        while len(self._aggregates) > self._size:
            self._aggregates.popitem(last=False)

    def forget(self, streams: Iterable[UUID]) -> None:
        for stream in streams:
            self._aggregates.pop(stream, None)


class _Work:
    """One attempt at one batch."""

    def __init__(self, bus: Bus, streams: dict[Identifier, UUID], retained: Mapping[str, UUID]) -> None:
        self._bus = bus
        self._streams = streams
        self._retained = retained
        self._customers = tuple(bus._customers)  # one view of the shards throughout: they may be moved meanwhile
        self._touched: dict[UUID, Any] = {}

    def run(self, commands: Sequence[Command], progress: Progress | None, decided: Decided) -> list[Outcome]:
        """Decides and saves. Whatever goes wrong, nothing that is not stored stays among the hot aggregates."""
        try:
            self._load(commands)
            outcomes = [self._decide(command) for command in commands]
            decided(outcomes)
            self._save(progress)
        except BaseException:
            self._bus._cache.forget(self._touched)
            raise
        self._bus._cache.keep(self._touched.values())
        return outcomes

    def _save(self, progress: Progress | None) -> None:
        groups: dict[int, tuple[EventLog, list[Aggregate]]] = {}
        for aggregate in self._touched.values():
            if aggregate.pending_events:
                log = self._log(aggregate)
                groups.setdefault(id(log), (log, []))[1].append(aggregate)
        for log, aggregates in groups.values():
            log.save(aggregates, progress)
        if progress is not None:
            for log in (*self._customers, self._bus._catalogue):
                if id(log) not in groups:
                    log.save((), progress)

    def _log(self, aggregate: Aggregate) -> EventLog:
        return self._log_of(aggregate.id) if isinstance(aggregate, Customer) else self._bus._catalogue

    def _log_of(self, stream: UUID) -> EventLog:
        return self._customers[shard_of(stream, len(self._customers))]

    def _load(self, commands: Sequence[Command]) -> None:
        wanted: dict[int, tuple[EventLog, list[UUID]]] = {}
        for stream, log in self._wanted(commands).items():
            cached = self._bus._cache.get(stream)
            if cached is not None:
                self._touched[stream] = cached
            else:
                wanted.setdefault(id(log), (log, []))[1].append(stream)
        for log, streams in wanted.values():
            self._touched |= log.load(streams)
        if erased := {s for s in self._streams.values() if s in self._touched and self._touched[s].erased}:
            raise ErasedError(erased)

    def _wanted(self, commands: Sequence[Command]) -> dict[UUID, EventLog]:
        catalogue = [product_id(c.sku) for c in commands if isinstance(c, ProductCommand)]
        catalogue += [c.stream for c in commands if isinstance(c, ExperimentCommand | RulesCommand)]
        streams = [
            *self._streams.values(),
            *self._retained.values(),
            *(c.stream for c in commands if isinstance(c, StreamCommand)),
            *(stream for c in commands if isinstance(c, TieCommand) for stream in (c.one, c.other)),
        ]
        customers = {s: self._log_of(s) for s in streams}
        return customers | dict.fromkeys(catalogue, self._bus._catalogue)

    def _decide(self, command: Command) -> Outcome:
        if isinstance(command, CustomerCommand):
            return self._decide_customer(command)
        if isinstance(command, StreamCommand):
            return self._decide_stream(command)
        if isinstance(command, TieCommand):
            return self._decide_tie(command)
        if isinstance(command, ProductCommand):
            product = self._product(command)
            return _watched(product, lambda: command.handle(product))
        if isinstance(command, ExperimentCommand | RulesCommand):
            return self._decide_stated(command)
        raise TypeError(f"no stream for {type(command).__name__}")

    def _decide_stated(self, command: ExperimentCommand | RulesCommand) -> Outcome:
        """Of experiments and rules: they say in words what does not go in their state."""
        before: Any = self._touched.get(command.stream)
        version = before.version if before else 0
        try:
            after = command.handle(before)
        except (ExperimentError, RuleBookError) as refusal:
            return Outcome(command.stream, version, refused=str(refusal))
        self._touched[command.stream] = after
        return Outcome(command.stream, after.version, after.version - version)

    def _decide_customer(self, command: CustomerCommand) -> Outcome:
        if isinstance(command, ReturnLines) and (gone := self._of_somebody_erased(command)) is not None:
            return _watched(gone, lambda: command.handle(gone))
        first, *others = [self._customer(i, command) for i in sorted(set(command.identifiers))]
        events = sum(_link(first, other, command) for other in others)
        if isinstance(command, UnlinkIdentifier):
            events += _unlink(first, self._customer(command.other, command), command)
        outcome = _watched(first, lambda: command.handle(first))
        return Outcome(outcome.stream, outcome.version, outcome.events + events, outcome.refused)

    def _of_somebody_erased(self, command: ReturnLines) -> Customer | None:
        """Whose order it was, where they are erased and nobody who is named knows of it."""
        named = (self._touched.get(self._streams[identifier]) for identifier in command.identifiers)
        if any(command.order_id in customer.orders for customer in named if customer is not None):
            return None
        gone: Customer | None = self._touched.get(self._retained.get(command.order_id, NOBODY))
        return gone if gone is not None and command.order_id in gone.orders else None

    def _decide_stream(self, command: StreamCommand) -> Outcome:
        customer = self._touched.get(command.stream)
        if customer is None:
            return Outcome(command.stream, refused=UNKNOWN_STREAM)
        if customer.erased:
            return Outcome(command.stream, customer.version, refused=ERASED_STREAM)
        return _watched(customer, lambda: command.handle(customer))

    def _decide_tie(self, command: TieCommand) -> Outcome:
        one, other = self._touched.get(command.one), self._touched.get(command.other)
        if one is None or other is None:
            return Outcome(command.one, refused=UNKNOWN_STREAM)
        if one.erased or other.erased:
            return Outcome(command.one, one.version, refused=ERASED_STREAM)
        if not (hasattr(one, "kind") and hasattr(other, "kind")):  # what it belongs to has expired
            return Outcome(command.one, one.version, refused=UNKNOWN_STREAM)
        events = _both(one, other, command.tell)
        return Outcome(command.one, one.version, events)

    def _customer(self, identifier: Identifier, command: CustomerCommand) -> Customer:
        stream = self._streams[identifier]
        if stream not in self._touched:
            self._touched[stream] = Customer.open(
                stream, identifier, occurred_at=command.occurred_at, channel=command.channel
            )
        found: Customer = self._touched[stream]
        found.known_by(identifier, occurred_at=command.occurred_at, channel=command.channel)
        return found

    def _product(self, command: ProductCommand) -> Product:
        stream = product_id(command.sku)
        if stream not in self._touched:
            self._touched[stream] = Product.open(command.sku, occurred_at=command.occurred_at)
        found: Product = self._touched[stream]
        return found


def _identifiers(commands: Iterable[Command]) -> set[Identifier]:
    wanted: set[Identifier] = set()
    for command in commands:
        if isinstance(command, CustomerCommand):
            wanted.update(command.identifiers)
        if isinstance(command, UnlinkIdentifier):
            wanted.add(command.other)
    return wanted


def _watched(aggregate: Any, decide: Callable[[], None]) -> Outcome:
    before = aggregate.version
    try:
        decide()
    except ValueError as refusal:
        if aggregate.version != before:
            raise RuntimeError("a decision refused after it had recorded") from refusal
        return Outcome(aggregate.id, before, refused=type(refusal).__name__)
    return Outcome(aggregate.id, aggregate.version, aggregate.version - before)


def _both(one: Customer, other: Customer, act: Callable[[Customer, Customer], None]) -> int:
    before = one.version + other.version
    act(one, other)
    act(other, one)
    return one.version + other.version - before


def _link(one: Customer, other: Customer, command: CustomerCommand) -> int:
    return _both(
        one,
        other,
        lambda here, there: here.link(
            there.id,
            other_kind=there.kind,
            evidence=type(command).__name__,
            source_id=f"{command.source_id}#{there.id.hex}",
            occurred_at=command.occurred_at,
            channel=command.channel,
        ),
    )


def _unlink(one: Customer, other: Customer, command: UnlinkIdentifier) -> int:
    return _both(
        one,
        other,
        lambda here, there: here.unlink(
            there.id,
            reason=command.reason,
            source_id=f"{command.source_id}#{there.id.hex}",
            occurred_at=command.occurred_at,
            channel=command.channel,
        ),
    )
