"""From the topic to the bus, each record once in effect.

Two threads: this one reads, opens and hands on; another stores. What has been read lies in a short queue, and while it
is full the partitions are paused, so that memory is bounded and the group still hears from us. The truth about how far
we are is in PostgreSQL, with the events; the group's own offsets are a hint for its tools.

A batch belongs to one assignment: when partitions come or go, or somebody else turns out to have stored them further,
what is still in hand is dropped and read again from where the logs say.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError, KafkaError

from adapters.kafka.connection import Admin, Broker
from adapters.kafka.dead_letters import DeadLetters, Kept, Letter
from adapters.kafka.envelope import NAMES, Envelope, PoisonError, dump
from commands.bus import Bus, Outcome
from commands.command import Command
from commands.ports import ConflictError, FencedError, Progress, UnavailableError
from domain.identity import Identifier

LOGGER = logging.getLogger("bespoke.ingest")
BATCH = 800
QUEUED = 2
POLL_MS = 100
RETRY_S = 0.5
BOOTSTRAP_MS = 5_000
COMMIT_EVERY_S = 5.0
Where = tuple[int, int]


@dataclass(slots=True)
class Batch:
    """What was read together: commands with their places, when they were published; what could not be read, and when
    that was published; and the offsets after it."""

    assignment: int
    source: str
    commands: list[Command] = field(default_factory=list)
    places: list[Where] = field(default_factory=list)
    published: list[datetime] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    lettered: list[datetime] = field(default_factory=list)
    offsets: dict[int, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Records."""
        return len(self.commands) + len(self.letters)


@dataclass(slots=True)
class Counts:
    """Since the start. ``lag``: partition → records that wait behind what is stored, by the fetch high-water mark."""

    records: int = 0
    events: int = 0
    dead_letters: int = 0
    skipped: int = 0
    lag: dict[int, int] = field(default_factory=dict)


class Ingest:
    """One member of the consumer group. ``run`` it in the main thread."""

    def __init__(
        self, broker: Broker, bus: Bus, envelope: Envelope, letters: DeadLetters, *, batch: int = BATCH
    ) -> None:
        self._broker, self._bus, self._envelope, self._letters = broker, bus, envelope, letters
        self._batch_size = batch
        self._admin = Admin(broker)
        self._queue: queue.Queue[Batch | None] = queue.Queue(QUEUED)
        self._assignment = 0
        self._stale = threading.Event()
        self._stop = threading.Event()
        self._failed: BaseException | None = None
        self._source = ""
        self._next: dict[int, int] = {}
        self._stored: dict[int, int] = {}
        self.counts = Counts()

    def run(self, stop: threading.Event, *, until_caught_up: bool = False) -> Counts:
        """Takes records until ``stop`` is set, or all that there are are stored. Survives servers that go and come."""
        self._stop = stop
        consumer = self._reached()
        if consumer is None:
            return self.counts
        writer = threading.Thread(target=self._write, name="ingest-writer")
        writer.start()
        try:
            consumer.subscribe([self._broker.topic], listener=_Listener(self._reassigned))
            while not stop.is_set() and self._failed is None:
                try:
                    self._step(consumer)
                except (UnavailableError, KafkaError) as error:
                    LOGGER.warning("ingest waits: %s", type(error).__name__)
                    self._stale.set()
                    stop.wait(RETRY_S)
                if until_caught_up and self._caught_up(consumer):
                    break
        finally:
            self._end(writer)
            self._commit(consumer)
            consumer.close()
            self._admin.close()
        if self._failed is not None:
            raise self._failed
        return self.counts

    def _end(self, writer: threading.Thread) -> None:
        """What is still in hand is dropped: it stays on the topic, and is read again."""
        self._assignment += 1
        while writer.is_alive():
            with suppress(queue.Full):
                self._queue.put(None, timeout=POLL_MS / 1000)
            writer.join(POLL_MS / 1000)

    def _reached(self) -> Any:
        """A consumer, when the broker answers; None when we are to stop before that."""
        while not self._stop.is_set():
            try:
                return self._consumer()
            except KafkaError as error:
                LOGGER.warning("ingest waits: %s", type(error).__name__)
                self._stop.wait(RETRY_S)
        self._admin.close()
        return None

    def _consumer(self) -> Any:
        return KafkaConsumer(
            **self._broker.options,
            group_id=self._broker.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=self._batch_size,
            fetch_max_bytes=16 << 20,
            max_partition_fetch_bytes=4 << 20,
            session_timeout_ms=self._broker.session_ms,
            heartbeat_interval_ms=self._broker.session_ms // 3,
            bootstrap_timeout_ms=BOOTSTRAP_MS,
        )

    def _step(self, consumer: Any) -> None:
        if self._stale.is_set() and consumer.assignment():
            self._begin(consumer)
        full = self._queue.full()
        if full:
            consumer.pause(*consumer.assignment())
        polled = consumer.poll(POLL_MS if not full else POLL_MS // 5, max_records=self._batch_size)
        if full:
            consumer.resume(*consumer.paused())
        if self._stale.is_set():
            return  # the assignment changed, or somebody else stored more: what was polled may be of before
        records = [record for part in polled.values() for record in part]
        if records and self._expected(records):
            self._hand_on(records)
        self._watch(consumer)

    def _begin(self, consumer: Any) -> None:
        """Drops what is in hand and goes to where the logs are, each partition to the least of them."""
        self._stale.clear()
        self._assignment += 1
        source = self._admin.source()
        if self._source and source != self._source:
            LOGGER.warning("the topic is another one than before: it was made anew, and is read from its beginning")
        self._source = source
        consumed = [log.consumed(source) for log in self._bus.logs]
        assigned = sorted(consumer.assignment())
        first = consumer.beginning_offsets(assigned)
        self._next, self._stored = {}, {}
        for tp in assigned:
            known = min(offsets.get(tp.partition, 0) for offsets in consumed)
            if first[tp] > known:
                LOGGER.error(
                    "partition %d: %d records were gone before they were read", tp.partition, first[tp] - known
                )
            self._next[tp.partition] = self._stored[tp.partition] = max(known, first[tp])
            consumer.seek(tp, self._next[tp.partition])

    def _expected(self, records: Sequence[Any]) -> bool:
        """Whether this is the topic that we think it is, and the records follow on those before. Looked at after they
        were fetched and before they are handed on, so that nothing of a topic made anew counts as one of the old."""
        if self._admin.source() != self._source or any(r.offset < self._next.get(r.partition, 0) for r in records):
            self._stale.set()
            return False
        return True

    def _hand_on(self, records: Sequence[Any]) -> None:
        batch = Batch(self._assignment, self._source)
        for record in records:
            self._open(batch, record)
            batch.offsets[record.partition] = record.offset + 1
        self._next |= batch.offsets
        while not self._stop.is_set() and self._failed is None:
            try:
                self._queue.put(batch, timeout=POLL_MS / 1000)
                return
            except queue.Full:
                continue

    def _open(self, batch: Batch, record: Any) -> None:
        published = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        try:
            batch.commands.append(self._envelope.open(record.key, record.value, record.headers))
            batch.places.append((record.partition, record.offset))
            batch.published.append(published)
        except PoisonError as poison:
            kept = Kept(record.key or b"", record.value or b"", list(record.headers), poison.data)
            type_ = dict(record.headers).get("ce_type", b"")[:100].decode("ascii", "replace")
            where = (batch.source, record.partition, record.offset)
            batch.letters.append(Letter(*where, type_ if poison.data else "", str(poison), kept))
            batch.lettered.append(published)

    def _reassigned(self) -> None:
        self._stale.set()
        self._assignment += 1

    def _write(self) -> None:
        """The other thread: stores batch after batch, each for as long as it takes."""
        try:
            while (batch := self._queue.get()) is not None:
                while batch.assignment == self._assignment and not self._stored_now(batch):
                    if self._stop.wait(RETRY_S):
                        return
        except BaseException as error:  # a fault of ours: the process ends, and nothing is skipped
            self._failed = error

    def _stored_now(self, batch: Batch) -> bool:
        """Whether nothing more is to be done for a batch."""
        try:
            self.counts.skipped += skip_erased(batch, self._envelope)
            self._letters.keep(batch.letters)
            outcomes = store(self._bus, self._letters, batch)
        except (FencedError, ConflictError):
            LOGGER.warning("somebody else has stored these records; reading again from where they are")
            self._stale.set()
            return True
        except UnavailableError as error:
            LOGGER.warning("storing waits: %s", type(error.__cause__ or error).__name__)
            return False
        self._stored |= batch.offsets
        self.counts.records += batch.size
        self.counts.events += sum(outcome.events for outcome in outcomes)
        self.counts.dead_letters += len(batch.letters) + sum(o.refused is not None for o in outcomes)
        return True

    _committed_at = 0.0

    def _watch(self, consumer: Any) -> None:
        for tp in consumer.assignment():
            high = consumer.highwater(tp)
            if high is not None and tp.partition in self._stored:
                self.counts.lag[tp.partition] = max(0, high - self._stored[tp.partition])
        if time.monotonic() - self._committed_at > COMMIT_EVERY_S:
            self._committed_at = time.monotonic()
            self._commit(consumer)

    def _commit(self, consumer: Any) -> None:
        """Only so that the group's tools show something."""
        try:
            consumer.commit(
                {TopicPartition(self._broker.topic, p): OffsetAndMetadata(n, "", -1) for p, n in self._stored.items()}
            )
        except (CommitFailedError, KafkaError) as error:
            LOGGER.debug("the group did not take offsets: %s", type(error).__name__)

    def _caught_up(self, consumer: Any) -> bool:
        assigned = consumer.assignment()
        return (
            bool(assigned)
            and not self._stale.is_set()
            and all(
                consumer.highwater(tp) is not None and self._stored.get(tp.partition, -1) >= consumer.highwater(tp)
                for tp in assigned
            )
        )


def skip_erased(batch: Batch, envelope: Envelope) -> int:
    """Drops what was published of somebody before they were erased, also what could not be read; how many. Where it
    goes to somebody else's stream only the erased identifiers are left out. Raises UnavailableError."""
    named = {i: envelope.pseudonym(i) for command in batch.commands for i in getattr(command, "identifiers", ())}
    keyed = {letter.kept.key for letter in batch.letters}
    gone = envelope.forgotten_at({*named.values(), *keyed}) if named or keyed else {}
    if not gone:
        return 0
    return _skip_letters(batch, gone) + _skip_commands(batch, named, gone)


def _skip_letters(batch: Batch, gone: Mapping[bytes, datetime]) -> int:
    """By whose record it is: of what cannot be read nobody knows more."""
    told = list(zip(batch.letters, batch.lettered, strict=True))
    kept = [(letter, at) for letter, at in told if not (at_ := gone.get(letter.kept.key)) or at > at_]
    batch.letters, batch.lettered = [letter for letter, _ in kept], [at for _, at in kept]
    return len(told) - len(kept)


def _skip_commands(batch: Batch, named: Mapping[Identifier, bytes], gone: Mapping[bytes, datetime]) -> int:
    kept: list[tuple[Command, Where, datetime]] = []
    for command, place, published in zip(batch.commands, batch.places, batch.published, strict=True):
        identifiers = getattr(command, "identifiers", ())
        stale = [i for i in identifiers if named[i] in gone and published <= gone[named[i]]]
        if stale and min(identifiers) in stale:
            continue
        if stale:
            left = tuple(i for i in identifiers if i not in stale)
            command = command.model_copy(update={"identifiers": left})
        kept.append((command, place, published))
    skipped = len(batch.commands) - len(kept)
    batch.commands, batch.places, batch.published = ([each[n] for each in kept] for n in range(3))  # type: ignore[assignment]
    return skipped


def store(bus: Bus, letters: DeadLetters, batch: Batch) -> list[Outcome]:
    """Stores a batch with its offsets. What the domain refuses becomes a letter first; a command that breaks is
    found, set aside, and the others are stored. Raises UnavailableError, FencedError, ConflictError."""
    progress = Progress(batch.source, batch.offsets)
    try:
        return bus.dispatch(batch.commands, progress, lambda outcomes: letters.keep(list(_refusals(batch, outcomes))))
    except (UnavailableError, FencedError, ConflictError):
        raise
    except Exception:
        LOGGER.exception("a command breaks; taking them one by one")
    outcomes = [_alone(bus, letters, batch, number) for number in range(len(batch.commands))]
    bus.dispatch((), progress)
    return outcomes


def _alone(bus: Bus, letters: DeadLetters, batch: Batch, number: int) -> Outcome:
    try:
        (outcome,) = bus.dispatch(batch.commands[number : number + 1])
    except (UnavailableError, FencedError, ConflictError):
        raise
    except Exception as error:
        outcome = Outcome(refused=type(error).__name__)
    if outcome.refused:
        letters.keep([_letter(batch, number, outcome.refused)])
    return outcome


def _refusals(batch: Batch, outcomes: Iterable[Outcome]) -> Iterable[Letter]:
    return (_letter(batch, n, outcome.refused) for n, outcome in enumerate(outcomes) if outcome.refused)


def _letter(batch: Batch, number: int, reason: str) -> Letter:
    command = batch.commands[number]
    kept = Kept(b"", b"", [], dump(command))
    return Letter(batch.source, *batch.places[number], NAMES[type(command)].decode(), f"refused: {reason}", kept)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells that partitions came or went."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def on_partitions_revoked(self, revoked: Any) -> None:
        self._changed()

    def on_partitions_assigned(self, assigned: Any) -> None:
        self._changed()

    def on_partitions_lost(self, lost: Any) -> None:
        self._changed()
