"""Folding a whole log into a new generation with all cores: slices of streams, one worker a slice.

An engine runs the slices: here the machine's own processes, or Ray on many machines. Slices, folds and what is made of
them are the same, and so the bytes are.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from uuid import UUID

from adapters.eventlog.scan import boundaries, facts_between
from adapters.redis.stores import RedisCustomerStore
from app.children import die_with_parent
from app.settings import Settings
from app.tuning import for_batches
from app.wiring import Wiring
from commands.ports import UnavailableError
from projections.bulk import Linked, bring_together, fold_streams
from projections.project_statistics import publish
from projections.tally import Tally, decode_counts, encode_counts
from readmodels.customer import CustomerRecord
from readmodels.keys import Keys
from readmodels.statistics import encode_part

#: Fewer events than this are folded sooner than a worker has started.
SMALL = 100_000
SLICE_EVENTS = 100_000
#: A smaller log is cut into so many slices of so many events or more, lest one core waits for another at the end.
FEWEST, SMALLEST = 8, 25_000
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Slice:
    """Streams of one shard, from ``low`` to before ``high``, up to a position; into which generations (None: not)."""

    shard: int
    low: UUID
    high: UUID
    until: int
    customers: int | None
    statistics: int | None
    #: Whether the records go outside Redis too: where they are not complete there.
    keep: bool = False
    #: The shards are those of this epoch.
    epoch: int = 1


@dataclass(frozen=True, slots=True)
class Done:
    """A slice that is stored, and what cannot be stored before all are."""

    shard: int
    events: int
    linked: list[Linked]
    counts: bytes


Engine = Callable[[Settings, Sequence[Slice]], Iterable[Done]]


def fold_shards(
    wiring: Wiring,
    *,
    customers: int | None,
    statistics: int | None,
    engine: Engine | None = None,
    progress: Progress = lambda n: None,
) -> dict[int, int]:
    """Folds all shards of the customers' log into new generations; shard → the position up to which it did.

    The generations must be new: nobody else writes them. Raises UnavailableError.
    """
    heads = {shard: log.head() for shard, log in enumerate(wiring.customers)}
    slices = [s for shard, head in heads.items() for s in _slices(wiring, shard, head, customers, statistics)]
    engine = engine or (in_process if sum(heads.values()) < SMALL else processes)
    linked: list[Linked] = []
    tallies = {shard: Tally(wiring.settings.least_people) for shard in heads}
    for done in engine(wiring.settings, slices):
        linked += done.linked
        tallies[done.shard].join(decode_counts(done.counts))
        progress(done.events)
    if customers is not None:
        bring_together(RedisCustomerStore(wiring.redis, _keys(wiring, customers)), linked)
    kept = {each.shard for each in slices if each.keep}
    if statistics is not None:
        _keep_parts(wiring, statistics, tallies, heads, kept)
    for shard in kept:
        wiring.records[shard].save({}, covered=heads[shard])
    return heads


def fold_slice(wiring: Wiring, task: Slice) -> Done:
    """Folds and stores one slice. Raises UnavailableError, also when the shards were moved meanwhile."""
    if wiring.shards.now.layout.epoch != task.epoch:
        raise UnavailableError("the log's shards were moved meanwhile; rebuild again")
    log = wiring.customers[task.shard]
    store = None if task.customers is None else RedisCustomerStore(wiring.redis, _keys(wiring, task.customers))
    streams, least = facts_between(log, task.low, task.high, task.until), wiring.settings.least_people
    keep = wiring.records[task.shard].save if task.keep else _nowhere
    folded = fold_streams(streams, store=store, statistics=task.statistics is not None, least=least, keep=keep)
    return Done(task.shard, folded.events, folded.linked, encode_counts(folded.counts))


def in_process(settings: Settings, slices: Sequence[Slice]) -> Iterator[Done]:
    """One slice after the other, here."""
    with Wiring(settings, own_servers=False) as wiring:
        for each in slices:
            yield fold_slice(wiring, each)


def processes(settings: Settings, slices: Sequence[Slice]) -> Iterator[Done]:
    """One worker process a core."""
    with ProcessPoolExecutor(
        max(1, len(os.sched_getaffinity(0))),
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(settings, os.getpid()),
    ) as pool:
        for future in as_completed([pool.submit(_fold_here, each) for each in slices]):
            yield future.result()


_worker: Wiring | None = None


def _begin(settings: Settings, parent: int) -> None:
    """A worker's wiring, for all slices that it will get."""
    global _worker
    die_with_parent(parent)
    for_batches()
    _worker = Wiring(settings, own_servers=False)
    _worker.__enter__()


def _fold_here(task: Slice) -> Done:
    assert _worker is not None
    return fold_slice(_worker, task)


def _slices(wiring: Wiring, shard: int, head: int, customers: int | None, statistics: int | None) -> Iterator[Slice]:
    keep = customers is not None and not wiring.records[shard].covered()
    slices = max(1, head // SLICE_EVENTS, min(FEWEST, head // SMALLEST))
    ends = boundaries(wiring.customers[shard], head, slices)
    for low, high in pairwise(ends):
        yield Slice(shard, low, high, head, customers, statistics, keep, wiring.shards.now.layout.epoch)


def _keep_parts(
    wiring: Wiring, generation: int, tallies: dict[int, Tally], heads: dict[int, int], kept: set[int]
) -> None:
    store, least = wiring.statistics(generation), wiring.settings.least_people
    whole = {shard: tally.part(heads[shard]) for shard, tally in tallies.items()}
    for shard, part in whole.items():
        store.save(shard, encode_part(part))
        if shard in kept:
            wiring.records[shard].save_part(encode_part(part))
    publish(store, whole.values(), least)


def _nowhere(records: Mapping[UUID, CustomerRecord]) -> None:
    """They are kept already."""


def _keys(wiring: Wiring, generation: int) -> Keys:
    return Keys(wiring.settings.namespace, generation)
