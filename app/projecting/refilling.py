"""A wiped Redis: a new generation that is live at once, whose records come from PostgreSQL, on demand and in bulk.

What is recorded after the position up to which records are kept comes from the log; where none are kept, or in another
shape, everything does.
"""

from collections.abc import Callable, Sequence
from functools import partial

from adapters import redis as redis_adapter
from app.wiring import Wiring
from projections.fill import fill
from projections.project_statistics import publish
from projections.runner import StoreRestartedError
from readmodels import keys
from readmodels.keys import Keys
from readmodels.statistics import Part, decode_part

Progress = Callable[[int], None]


def prepare(wiring: Wiring, generation: int, names: Callable[[int], Sequence[str]]) -> list[int]:
    """Makes a new generation ready to be filled, before it is live; which shards will be. ``names``: of a shard's
    positions in it. Raises UnavailableError."""
    where = Keys(wiring.settings.namespace, generation)
    shards, found = [], list[Part]()
    store = wiring.statistics(generation)
    for shard, log in enumerate(wiring.customers):
        covered = wiring.records[shard].covered()
        if not covered:
            continue
        wiring.redis.set(where.filling(shard), 1)
        kept = wiring.records[shard].load_part()
        part = decode_part(kept) if kept is not None else Part()
        # What is behind counts as waiting: a position beyond the part's would say that nothing does.
        for name in names(shard):
            wiring.positions(log).save(name, min(covered, part.position))
        shards.append(shard)
        if kept is not None:
            store.save(shard, kept)
            found.append(part)
    if found:
        publish(store, found, wiring.settings.least_people)
    return shards


def is_filling(wiring: Wiring, generation: int, shard: int) -> bool:
    """Whether records of a shard are still to be put into the generation. Raises UnavailableError."""
    return bool(wiring.redis.exists(Keys(wiring.settings.namespace, generation).filling(shard)))


def fill_shard(wiring: Wiring, generation: int, shard: int, progress: Progress = lambda n: None) -> int:
    """Puts a shard's records into the generation; how many. Raises StoreRestartedError when a server was restarted
    meanwhile, UnavailableError, and what ``progress`` does; then it is to be done again."""
    run = redis_adapter.run_identity(wiring.redis)
    filled = fill(wiring.people(generation), wiring.records[shard], wiring.settler(generation), progress)
    while not redis_adapter.on_disk(wiring.redis, partial(keys.confirmed, wiring.settings.namespace)):
        progress(0)
    if redis_adapter.run_identity(wiring.redis) != run:
        raise StoreRestartedError
    wiring.redis.delete(Keys(wiring.settings.namespace, generation).filling(shard))
    return filled
