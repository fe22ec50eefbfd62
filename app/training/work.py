"""The pieces of work that a training set is folded from, and what runs them: this process, or one worker a core."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from uuid import UUID

from adapters.eventlog.scan import streams_between, streams_until
from app.children import die_with_parent
from app.settings import Settings
from app.tuning import for_batches
from app.wiring import Wiring
from commands.ports import UnavailableError
from domain.event import Event
from ml.packing import Packed, packed
from projections.examples import Rules, examples
from projections.gathering import Linked, linked
from projections.history import by_shard
from readmodels.features import Example


@dataclass(frozen=True, slots=True)
class Positions:
    """How far the logs were read: one position a shard of these shards' epoch, and the catalogue's."""

    epoch: int
    shards: tuple[int, ...]
    catalogue: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Streams of one shard, from ``low`` to before ``high``, but not those of ``others``."""

    shard: int
    low: UUID
    high: UUID
    others: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Persons:
    """Persons of several streams, in whatever shards these are."""

    members: tuple[frozenset[UUID], ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is to fold, and by what."""

    of: Slice | Persons
    rules: Rules
    positions: Positions


@dataclass(frozen=True, slots=True)
class Done:
    """The examples of a piece of work. ``linked``: streams of a slice that are not alone and wait for the others."""

    of: Slice | Persons
    part: Packed
    events: int
    linked: list[Linked]


Run = Callable[[Iterable[Work]], Iterable[Done]]


def work(wiring: Wiring, task: Work) -> Done:
    """Folds a slice or some persons. Raises UnavailableError."""
    if wiring.shards.now.layout.epoch != task.positions.epoch:
        raise UnavailableError("the log's shards were moved meanwhile; try again")
    return _slice(wiring, task, task.of) if isinstance(task.of, Slice) else _persons(wiring, task, task.of)


def streams_of(wiring: Wiring, streams: Iterable[UUID], positions: Positions) -> dict[UUID, list[Event]]:
    """Those of the streams that exist by the positions, with their events. Raises UnavailableError."""
    found: dict[UUID, list[Event]] = {}
    for shard, own in by_shard(sorted(streams), len(positions.shards)).items():
        found |= streams_until(wiring.customers[shard], own, positions.shards[shard])
    return found


def _slice(wiring: Wiring, task: Work, part: Slice) -> Done:
    found: list[Linked] = []
    events = 0

    def each() -> Iterator[list[Example]]:
        nonlocal events
        until = task.positions.shards[part.shard]
        for stream, facts in streams_between(wiring.customers[part.shard], part.low, part.high, until):
            events += len(facts)
            if told := linked(stream, facts):
                found.append(told)
            elif stream not in part.others:
                yield examples({stream: facts}, task.rules)

    whole = packed(each())
    return Done(part, whole, events, found)


def _persons(wiring: Wiring, task: Work, persons: Persons) -> Done:
    streams = streams_of(wiring, (stream for members in persons.members for stream in members), task.positions)
    own = ({s: streams[s] for s in sorted(members) if s in streams} for members in persons.members)
    part = packed(examples(each, task.rules) for each in own)
    return Done(persons, part, sum(map(len, streams.values())), [])


@contextmanager
def engine(settings: Settings, *, small: bool) -> Iterator[Run]:
    """Runs work in this process where it is ``small``, else in one worker process a core."""
    if small:
        with Wiring(settings, own_servers=False) as wiring:
            yield lambda tasks: (work(wiring, task) for task in tasks)
        return
    with ProcessPoolExecutor(
        max(1, len(os.sched_getaffinity(0))),
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(settings, os.getpid()),
    ) as pool:
        yield lambda tasks: (done.result() for done in as_completed([pool.submit(_work_here, task) for task in tasks]))


_worker: Wiring | None = None


def _begin(settings: Settings, parent: int) -> None:
    """A worker's wiring, for all that it will get."""
    global _worker
    die_with_parent(parent)
    for_batches()
    _worker = Wiring(settings, own_servers=False)
    _worker.__enter__()


def _work_here(task: Work) -> Done:
    assert _worker is not None
    return work(_worker, task)
