"""The proof of an erasure: the streams' place in the tree, and what is found when all stores are looked through."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import resolve_topic

from adapters.eventlog.log import translated
from adapters.eventlog.mapper import plan
from adapters.jobs.forgetting import forget
from adapters.keys.daily import KEPT_DAYS, Purpose
from adapters.keys.rotation import Epoch, Rotation
from app.erasing.comparing import differences
from app.wiring import Wiring
from domain.event import Event
from domain.privacy import LATER, Step
from domain.proof import (
    ErasedStream,
    Pending,
    Retained,
    RetiredEpoch,
    Stage,
    Statement,
    Sweep,
    TreeHead,
    digest_rows,
    gone_at,
)
from projections.erasure import pending
from projections.history import by_shard
from projections.moment import moment
from queries.erasure import RETAINED
from readmodels.erasure import ErasureStatus

#: So many streams are read at a time, with all that is stored of them.
SOME = 100


class NotErasedError(LookupError):
    """There is no such request, or it is not unreadable yet."""


def enter(wiring: Wiring, streams: Sequence[UUID]) -> int:
    """Puts streams into the tree with a digest of all that is stored of them, in one update; how many were not there
    just so. Raises UnavailableError."""
    digests = {}
    for start in range(0, len(streams), SOME):
        for stream, rows in _stored(wiring, streams[start : start + SOME]):
            digests[stream] = digest_rows((row.originator_version, row.topic, row.state) for row in rows)
    return wiring.proofs.add(digests)


def statement(wiring: Wiring, request: UUID) -> Statement:
    """What can be said of a request now. All stores are looked through for it. Raises NotErasedError,
    UnavailableError."""
    status = wiring.erasures.find(request)
    if status is None or not status.unreadable_ms:
        raise NotErasedError("there is no such request, or it is not unreadable yet")
    streams = sorted(status.streams)
    enter(wiring, streams)
    head, epochs, now = _head(wiring, streams), _retired(wiring), datetime.now(UTC)
    erased = _erased(wiring, streams, head)
    gone, before = gone_at(erased, epochs), wiring.proofs.before(head)
    return Statement(
        request=request,
        requested_at=moment(status.requested_ms),
        made_at=now,
        stage=Stage.UNRECOVERABLE if gone is not None and gone <= now else Stage.UNREADABLE,
        head=head,
        previous=before,
        consistency=wiring.proofs.consistency(before, head) if before else (),
        streams=erased,
        epochs=tuple(each for each in epochs if each.epoch in {stream.epoch for stream in erased}),
        sweeps=tuple(_sweeps(wiring, status, streams)),
        differences=tuple(differences(wiring, status)),
        retained=tuple(_retained(wiring, streams)),
        pending=tuple(_pending(status)),
        topic_gone_at=_topic_gone_at(wiring, status),
    )


def _head(wiring: Wiring, streams: Sequence[UUID]) -> TreeHead:
    last = max((leaf.index for leaf in wiring.proofs.leaves(streams).values()), default=-1)
    head = wiring.proofs.head(at_least=last + 1)
    if last < 0 or head is None:
        raise NotErasedError("nothing was ever stored of this person")
    return head


def _erased(wiring: Wiring, streams: Sequence[UUID], head: TreeHead) -> tuple[ErasedStream, ...]:
    leaves, destroyed = wiring.proofs.leaves(streams), wiring.keyring.destructions(streams)
    return tuple(
        ErasedStream(
            stream=stream,
            salt=leaf.salt.hex(),
            rows=leaf.rows,
            digest=leaf.digest,
            leaf=leaf.index,
            path=wiring.proofs.inclusion(leaf.index, head),
            epoch=destroyed[stream][0],
            destroyed_at=destroyed[stream][1].astimezone(UTC),
        )
        for stream, leaf in sorted(leaves.items())
    )


def _retired(wiring: Wiring) -> tuple[RetiredEpoch, ...]:
    return tuple(_told(each, each.destroyed_at) for each in Rotation(wiring.keyring).epochs() if each.destroyed_at)


def _told(epoch: Epoch, at: datetime) -> RetiredEpoch:
    final = epoch.final_at.astimezone(UTC) if epoch.final_at else None
    return RetiredEpoch(epoch=epoch.epoch, service=epoch.service or "", destroyed_at=at.astimezone(UTC), final_at=final)


def _sweeps(wiring: Wiring, status: ErasureStatus, streams: list[UUID]) -> Iterator[Sweep]:
    """What comes late is taken away by a first look, so that the second one finds whether anything stays."""
    counts = {name: step.counts for name, step in status.steps.items()}

    def swept(store: str, step: Step, name: str, late: int, left: int) -> Sweep:
        return Sweep(store=store, removed=counts.get(step.value, {}).get(name, 0) + late, left=left)

    letters = wiring.directory.pseudonyms(streams)
    yield swept("data keys", Step.KEYS, "keys", 0, len(wiring.keyring.living(streams)))
    yield swept("identifiers", Step.DIRECTORY, "claims", 0, len(wiring.directory.claimed(streams)))
    yield swept("records", Step.RECORDS, "records", _records(wiring, streams), _records(wiring, streams))
    yield swept("redis", Step.REDIS, "fields", _fields(wiring, streams), _fields(wiring, streams))
    yield swept("receipts", Step.RECEIPTS, "receipts", 0, wiring.receipts.readable(streams))
    late, left = (len(wiring.dead_letters.forget(letters, wiring.envelope)) for _ in range(2))
    yield swept("dead letters", Step.LETTERS, "letters", late, left)
    late, left = (len(forget(wiring.redis, wiring.settings.namespace, streams)) for _ in range(2))
    yield swept("jobs", Step.JOBS, "jobs", late, left)


def _records(wiring: Wiring, streams: Sequence[UUID]) -> int:
    shards = tuple(wiring.records)
    return sum(len(shards[shard].forget(some)) for shard, some in by_shard(streams, len(shards)).items())


def _fields(wiring: Wiring, streams: Sequence[UUID]) -> int:
    return sum(sum(wiring.people(n).forget(streams).values()) for n in wiring.generations.all())


def _retained(wiring: Wiring, streams: Sequence[UUID]) -> Iterator[Retained]:
    topics: Counter[str] = Counter()
    for start in range(0, len(streams), SOME):
        for _, rows in _stored(wiring, streams[start : start + SOME]):
            topics.update(row.topic for row in rows)
    for topic, events in sorted(topics.items()):
        fields = plan(cast(type[Event], resolve_topic(topic))).clear
        if fields:
            ground = RETAINED.get(topic, "about nobody")
            yield Retained(topic=topic, fields=tuple(sorted(fields)), events=events, ground=ground)


def _pending(status: ErasureStatus) -> Iterator[Pending]:
    waiting = pending(status)
    for step in LATER:
        done = status.steps.get(step.value)
        if done is not None:
            yield Pending(what=step.value, done_at=moment(done.at_ms))
        elif step in waiting:
            yield Pending(what=step.value)


def _topic_gone_at(wiring: Wiring, status: ErasureStatus) -> datetime | None:
    """Messages that were sent until the erasure began are sealed with keys of days up to that one; the job that
    destroys keys of days runs in the first hour of a day."""
    if wiring.settings.kafka_bootstrap is None:
        return None
    day = moment(status.begun_ms).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=KEPT_DAYS[Purpose.TOPIC] + 1, hours=1)


def _stored(wiring: Wiring, streams: Sequence[UUID]) -> Iterator[tuple[UUID, list[StoredEvent]]]:
    logs = tuple(wiring.customers)
    for shard, some in by_shard(streams, len(logs)).items():
        with translated():
            rows = logs[shard].recorder.select_streams(some)
        for stream, found in groupby(rows, lambda row: cast(UUID, row.originator_id)):
            yield stream, list(found)
