"""The live generations of read models, and folding new ones: after Redis was wiped, after a resharding, on request."""

from functools import partial
from typing import Any

from adapters import redis as redis_adapter
from app.projecting import bulk, refilling, runners
from app.projecting.abandoned import making
from app.wiring import Wiring
from projections.runner import StoreRestartedError
from readmodels import catalogue, keys
from readmodels.keys import Keys
from readmodels.live import CATALOGUE, CUSTOMERS, PROJECTIONS, STATISTICS, Live

#: The projections whose generations depend on how the customers' log is sharded.
SHARDED = (CUSTOMERS, STATISTICS)


def start_generation(wiring: Wiring) -> Live:
    """The live generations; a new one where Redis has none (it is new, or was wiped, or a node was): it is filled from
    the records that PostgreSQL keeps, and from the log. After a resharding all is folded anew first, and so is a
    catalogue in another shape; readers keep the old generations until then."""
    live = usable(wiring)
    if all(live) and not _of_these_shards(wiring, live):
        live = _fold_after_resharding(wiring)
    if all(live) and not _of_this_shape(wiring, live.catalogue):
        live = _fold_catalogue(wiring, live)
    return live if all(live) else _start_anew(wiring)


def _start_anew(wiring: Wiring) -> Live:
    with making(wiring):
        new = begin(wiring)
        live = Live.one(new)
        if refilling.prepare(wiring, new, lambda shard: runners.position_names(live, shard + 1)):
            # Until the catalogue is there, readers keep theirs.
            runners.replay(wiring, Live.only(CATALOGUE, new), 0, lambda n: None)
        wiring.generations.switch(new)
    return live


def usable(wiring: Wiring) -> Live:
    """The live generations, none where there is none or a node of a cluster has lost its part of one."""
    live = wiring.generations.all_live()
    whole = all(live) and all(wiring.generations.is_whole(number) for number in set(live))
    return live if whole else Live()


def fold_anew(
    wiring: Wiring, progress: runners.Progress = lambda n: None, engine: bulk.Engine | None = None
) -> tuple[int, int]:
    """The number of a generation with all that is recorded, which is live now, and how many events that were."""
    with making(wiring):
        new = begin(wiring)
        events = fold_all(wiring, Live.one(new), engine, progress) + runners.catch_up(wiring, Live.one(new), progress)
        wiring.generations.switch(new)
    return new, events


def begin(wiring: Wiring) -> int:
    """A new generation, marked with the epoch of the shards that it will be folded from. Do it while ``making``."""
    new = wiring.generations.begin(at_least=max(*wiring.generations.all_live(), last_generation(wiring)))
    wiring.redis.set(Keys(wiring.settings.namespace, new).epoch, wiring.shards.now.layout.epoch)
    return new


def is_of_these_shards(wiring: Wiring) -> bool:
    """Whether the live generations were folded from the shards as they are now. Raises UnavailableError."""
    live = usable(wiring)
    return all(live) and _of_these_shards(wiring, live)


def _of_these_shards(wiring: Wiring, live: Live) -> bool:
    """The catalogue's log has no shards."""
    epoch = wiring.layout().epoch
    return all(epoch_of(wiring, generation) == epoch for generation in map(live.of, SHARDED))


def _of_this_shape(wiring: Wiring, generation: int) -> bool:
    """Whether the catalogue's records are as this code writes them. An empty catalogue is in any shape."""
    where = Keys(wiring.settings.namespace, generation)
    found: Any = wiring.redis.get(where.catalogue_shape)
    return int(found or 0) == catalogue.SHAPE or not wiring.redis.exists(where.catalogue)


def _fold_catalogue(wiring: Wiring, live: Live) -> Live:
    """The catalogue in a generation of its own, live instead of the one there was."""
    new = begin(wiring)
    runners.replay(wiring, Live.only(CATALOGUE, new), 0, lambda n: None)
    wiring.generations.switch(new, [CATALOGUE])
    wiring.generations.drop(CATALOGUE, live.catalogue)
    return wiring.generations.all_live()


def epoch_of(wiring: Wiring, generation: int) -> int:
    """The epoch of the shards that a generation was folded from; the first one where nothing is said."""
    found: Any = wiring.redis.get(Keys(wiring.settings.namespace, generation).epoch)
    return int(found) if found else 1


def _fold_after_resharding(wiring: Wiring) -> Live:
    """A generation of all projections. What is kept beside the live ones goes too: its positions are of the old
    shards."""
    kept = wiring.generations.all_live(), wiring.generations.previous(), wiring.generations.ready()
    new, _ = fold_anew(wiring)
    for generations in kept:
        for name in PROJECTIONS:
            if generations.of(name):
                wiring.generations.drop(name, generations.of(name))
    return Live.one(new)


def fold_all(wiring: Wiring, generations: Live, engine: bulk.Engine | None, progress: runners.Progress) -> int:
    """The customers' shards, whole, by slices, into new generations; how many events. Raises StoreRestartedError,
    UnavailableError."""
    redis_adapter.load_functions(wiring.redis)
    run = redis_adapter.run_identity(wiring.redis)
    customers, statistics = generations.customers or None, generations.statistics or None
    heads = bulk.fold_shards(wiring, customers=customers, statistics=statistics, engine=engine, progress=progress)
    while not redis_adapter.on_disk(wiring.redis, partial(keys.confirmed, wiring.settings.namespace)):
        progress(0)
    if redis_adapter.run_identity(wiring.redis) != run:
        raise StoreRestartedError
    for shard, head in heads.items():
        for name, generation in runners.projected(generations, shard + 1):
            wiring.positions(wiring.customers[shard]).save(runners.position_name(name, generation, shard + 1), head)
    return sum(heads.values())


def last_generation(wiring: Wiring) -> int:
    """The highest generation that any position tells of, so that numbers are never used again after a wipe."""
    logs = (wiring.catalogue, wiring.customers[0])
    names = [name for log in logs for name in wiring.positions(log).projections()]
    numbers = (name[1:].partition(":")[0] for name in names if name.startswith("g"))
    return max((int(number) for number in numbers if number.isdigit()), default=0)
