"""Closes the streams of a person: whoever writes from now on finds them erased. Those who are linked with them and
are somebody else's lose the link, by an event, as any link ends. Where refunds of their orders go is kept."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from adapters.eventlog.log import PostgresLog
from app.erasing.work import Counts, Todo
from app.wiring import Wiring
from commands.ports import ConflictError, ErasedError
from domain.customer import Customer
from domain.sharding import shard_of
from domain.values import Channel
from projections.history import by_shard

ATTEMPTS = 100
REASON = "erased"


def close(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """Raises UnavailableError, ConflictError where somebody else came first too often."""
    for _ in range(ATTEMPTS):
        try:
            return _close(wiring, todo)
        except (ConflictError, ErasedError):
            continue
    raise ConflictError("streams that are to be erased are written to all the time")


def _close(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    logs, now = tuple(wiring.customers), datetime.now(UTC)
    own = {stream: request for request, streams in todo.items() for stream in streams}
    customers = _load(logs, list(own))
    wiring.directory.retain_orders({order: c.id for c in customers.values() for order in c.orders})
    counts = {request: {"streams": 0, "orders": 0, "neighbours": 0} for request in todo}
    for stream, customer in customers.items():
        mine = counts[own[stream]]
        mine["streams"] += 1
        mine["orders"] += len(customer.orders)
    near: dict[UUID, set[UUID]] = {request: set() for request in todo}
    for stream, customer in customers.items():
        near[own[stream]] |= customer.tied - own.keys()
    wiring.erasures.keep_neighbours(near)
    neighbours = _load(logs, sorted({other for others in near.values() for other in others}))
    for stream, customer in customers.items():
        for other in sorted(customer.tied & neighbours.keys()):
            counts[own[stream]]["neighbours"] += _unlink(neighbours[other], stream, own[stream], now)
        customer.erase(own[stream], occurred_at=now)
    _save(logs, [*neighbours.values(), *customers.values()])
    return counts


def _unlink(neighbour: Customer, stream: UUID, request: UUID, now: datetime) -> bool:
    """Whether there was a link to end, on a stream that takes events."""
    if neighbour.erased or stream not in neighbour.tied:
        return False
    source = f"erasure:{request.hex}#{stream.hex}"
    neighbour.untie(stream, reason=REASON, source_id=source, occurred_at=now, channel=Channel.SERVICE)
    return True


def _load(logs: Sequence[PostgresLog], streams: Sequence[UUID]) -> dict[UUID, Customer]:
    found: dict[UUID, Any] = {}
    for shard, some in by_shard(streams, len(logs)).items():
        found |= logs[shard].load(some)
    return found


def _save(logs: Sequence[PostgresLog], customers: Sequence[Customer]) -> None:
    groups: dict[int, list[Customer]] = {}
    for customer in customers:
        if customer.pending_events:
            groups.setdefault(shard_of(customer.id, len(logs)), []).append(customer)
    for shard, some in sorted(groups.items()):
        logs[shard].save(some)
