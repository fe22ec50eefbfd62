"""Links of which one side is missing: a writer died between two shards, and the delivery never came again.

What one stream says of another and that one does not is recorded there too, under the source that it would have had.
A delivery that comes again after all then finds both.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from adapters.eventlog.log import PostgresLog
from app.wiring import Wiring
from commands.ports import ConflictError, ErasedError
from domain.customer import Customer
from domain.sharding import shard_of
from domain.values import Channel

Link = Customer.IdentifierLinked | Customer.IdentifierUnlinked
TOPICS = (Customer.IdentifierLinked.TOPIC, Customer.IdentifierUnlinked.TOPIC)
ROWS = 2_000
Pair = tuple[UUID, UUID]


def mend(wiring: Wiring) -> int:
    """Looks at all links of the log; how many sides were missing and are recorded now. A stream that was never opened
    is left alone: whose it is, is not known. Raises UnavailableError."""
    logs = tuple(wiring.customers)
    return sum(_mended(logs, pair) for pair in _candidates(logs))


def _candidates(logs: Sequence[PostgresLog]) -> list[Pair]:
    """Pairs whose last words about each other were not seen to agree; each once."""
    said: dict[Pair, bool] = {}
    for one, other, linked in (word for log in logs for word in _words(log)):
        if said.get((other, one)) is linked:
            del said[other, one]
            said.pop((one, other), None)
        else:
            said[one, other] = linked
    return sorted({(min(pair), max(pair)) for pair in said})


def _words(log: PostgresLog) -> Iterator[tuple[UUID, UUID, bool]]:
    """Stream, other stream, whether they are linked: in the order of positions."""
    after = 0
    while batch := log.read(after, ROWS, TOPICS):
        after = batch[-1].id
        for event in log.decode_all(batch):
            if isinstance(event, Link):
                yield event.originator_id, event.other, isinstance(event, Customer.IdentifierLinked)


def _mended(logs: Sequence[PostgresLog], pair: Pair) -> bool:
    """Whether a side was missing and is recorded now. Somebody else who is recording just now comes first."""
    one, other = (_log_of(logs, stream).load([stream]).get(stream) for stream in pair)
    if one is None or other is None or (other.id in one.linked) == (one.id in other.linked):
        return False
    if one.erased or other.erased:
        return _parted(logs, *((other, one) if one.erased else (one, other)))
    for teller, listener in ((one, other), (other, one)):
        told = _last(logs, teller.id, listener.id)
        if told is not None and _source(told, teller.id) not in listener.sources:
            _tell(teller, listener, told)
            try:
                return bool(_log_of(logs, listener.id).save([listener]))
            except (ConflictError, ErasedError):
                return False
    return False


def _parted(logs: Sequence[PostgresLog], living: Customer, gone: Customer) -> bool:
    """A link to somebody who was erased ends; of two who were, nothing is recorded any more."""
    if living.erased or gone.id not in living.linked:
        return False
    source = f"mended#{gone.id.hex}"
    now = datetime.now(UTC)
    living.unlink(gone.id, reason="erased", source_id=source, occurred_at=now, channel=Channel.SERVICE)
    try:
        return bool(_log_of(logs, living.id).save([living]))
    except (ConflictError, ErasedError):
        return False


def _last(logs: Sequence[PostgresLog], stream: UUID, other: UUID) -> Link | None:
    """The last that a stream says of another."""
    for _, events in _log_of(logs, stream).streams([stream], TOPICS):
        about = [event for event in events if isinstance(event, Link) and event.other == other]
        return about[-1] if about else None
    return None


def _tell(teller: Customer, listener: Customer, told: Link) -> None:
    source = _source(told, teller.id)
    if isinstance(told, Customer.IdentifierLinked):
        listener.link(
            teller.id,
            other_kind=teller.kind,
            evidence=told.evidence,
            source_id=source,
            occurred_at=told.occurred_at,
            channel=told.channel,
        )
    else:
        listener.unlink(
            teller.id, reason=told.reason, source_id=source, occurred_at=told.occurred_at, channel=told.channel
        )


def _source(told: Link, other: UUID) -> str:
    """The source that the other side's event has: the delivery's, and the stream that is spoken of."""
    return f"{told.source_id.rpartition('#')[0]}#{other.hex}"


def _log_of(logs: Sequence[PostgresLog], stream: UUID) -> PostgresLog:
    return logs[shard_of(stream, len(logs))]
