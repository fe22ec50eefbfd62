"""What is projected of each log, into which generations, from which position: the runners of the projector, of catching
up, and of a fold anew."""

from collections.abc import Callable, Sequence
from functools import partial

import psycopg
from eventsourcing.persistence import PersistenceError
from redis.exceptions import RedisError

from adapters import redis as redis_adapter
from adapters.eventlog.feed import ReplayFeed
from adapters.eventlog.log import PostgresLog
from adapters.redis.stores import (
    RedisCatalogueStore,
    RedisCustomerStore,
    RedisExperimentsStore,
    RedisRulesStore,
    RedisStatisticsStore,
)
from app.projecting import refilling
from app.wiring import Wiring
from commands.ports import UnavailableError
from projections.guarded import Guarded
from projections.history import FromLog, Sharded
from projections.ports import Feed, Projection
from projections.project_catalogue import CatalogueProjection
from projections.project_customers import CustomersProjection
from projections.project_experiments import ExperimentsProjection
from projections.project_merchandising import RulesProjection
from projections.project_records import KeptParts, RecordsProjection
from projections.project_statistics import StatisticsProjection
from projections.runner import Runner, StoreRestartedError
from projections.settle import Settler, UnsettledError
from readmodels import keys
from readmodels.keys import Keys
from readmodels.live import CATALOGUE, CUSTOMERS, STATISTICS, Live

#: What is no fault of a projection: servers that are away or were restarted.
PASSING = (UnavailableError, StoreRestartedError, UnsettledError, PersistenceError, RedisError, psycopg.Error, OSError)
Progress = Callable[[int], None]


def catch_up(wiring: Wiring, generations: Live, progress: Progress = lambda n: None) -> int:
    """Projects into ``generations`` what is recorded up to now and returns how many events that were."""
    for shard in filling(wiring, generations):
        refilling.fill_shard(wiring, generations.customers, shard)
    return sum(replay(wiring, generations, number, progress) for number in range(len(logs_of(wiring))))


def lag(wiring: Wiring) -> int:
    """Events that are recorded and not yet confirmed by all projections that are not stopped; one more for each shard
    that is being filled."""
    live, active = wiring.generations.all_live(), active_of(wiring)
    if not all(live):  # nobody has begun: all of it waits
        return sum(log.head() for log in logs_of(wiring))
    behind = (
        max((head - position for _, position, head in found), default=0)
        for found in (positions(wiring, active, n) for n in range(len(logs_of(wiring))))
    )
    return len(filling(wiring, live)) + sum(behind)


def positions(wiring: Wiring, generations: Live, number: int) -> list[tuple[str, int, int]]:
    """Of one log: projection, the position that it has confirmed, the log's last position."""
    log = logs_of(wiring)[number]
    confirmed, head = wiring.positions(log), log.head()
    return [
        (name, confirmed.load(position_name(name, generation, number)), head)
        for name, generation in projected(generations, number)
    ]


def active_of(wiring: Wiring) -> Live:
    """The live generations of the projections that are not stopped. Raises UnavailableError."""
    return wiring.generations.all_live().without(wiring.states.stopped())


def filling(wiring: Wiring, generations: Live) -> list[int]:
    """The shards whose records are still to be put into the generation. Raises UnavailableError."""
    found = (s for s in range(len(wiring.customers)) if refilling.is_filling(wiring, generations.customers, s))
    return list(found) if generations.customers else []


def logs_of(wiring: Wiring) -> list[PostgresLog]:
    """The logs by number: the catalogue's, then the customers' shards."""
    return [wiring.catalogue, *wiring.customers]


def projected(generations: Live, number: int) -> list[tuple[str, int]]:
    """The projections of a log that have a generation, with it: the first log is the catalogue's."""
    names = (CUSTOMERS, STATISTICS) if number else (CATALOGUE,)
    return [(name, generations.of(name)) for name in names if generations.of(name)]


def position_name(projection: str, generation: int, number: int) -> str:
    """What a projection's position is called in the table of a log."""
    return f"g{generation}:{number}" + (f":{STATISTICS}" if projection == STATISTICS else "")


def position_names(generations: Live, number: int) -> list[str]:
    """What the positions of all projections of a log are called."""
    return [position_name(name, generation, number) for name, generation in projected(generations, number)]


def projections_of(
    wiring: Wiring, generations: Live, number: int, keep: RecordsProjection | None = None
) -> list[tuple[str, Projection]]:
    """``keep``: the records of the shard are kept outside Redis too, and what Redis lacks comes from there."""
    client = redis_adapter.connect(wiring.redis_url)
    made: list[tuple[str, Projection]] = []
    for name, generation in projected(generations, number):
        where = Keys(wiring.settings.namespace, generation)
        if name == CATALOGUE:
            made.append((name, CatalogueProjection(RedisCatalogueStore(client, where), wiring.catalogue)))
            made.append((name, RulesProjection(RedisRulesStore(client, where), wiring.catalogue)))
            made.append((name, ExperimentsProjection(RedisExperimentsStore(client, where), wiring.experiment_events)))
        elif name == STATISTICS:
            made.append((name, _statistics(wiring, wiring.statistics(generation), number - 1, keep)))
        else:
            made += _people(wiring, RedisCustomerStore(client, where), number - 1, keep)
    return made


def _people(
    wiring: Wiring, store: RedisCustomerStore, shard: int, keep: RecordsProjection | None
) -> list[tuple[str, Projection]]:
    log = wiring.customers[shard]
    if keep is None:
        settler = Settler(store, FromLog(Sharded(wiring.customers)))
        return [(CUSTOMERS, CustomersProjection(store, log, settler=settler))]
    settler = Settler(store, wiring.kept)
    return [(CUSTOMERS, CustomersProjection(store, log, settler=settler, keep=keep.keep)), (CUSTOMERS, keep)]


def _statistics(
    wiring: Wiring, parts: RedisStatisticsStore, shard: int, keep: RecordsProjection | None
) -> StatisticsProjection:
    return StatisticsProjection(
        parts if keep is None else KeptParts(parts, keep),
        wiring.customers[shard],
        shard=shard,
        shards=len(wiring.customers),
        least=wiring.settings.least_people,
    )


def confirmed(wiring: Wiring, generations: Live, number: int) -> int:
    """Up to where all are confirmed that have no position of their own; the log's end where there is none such."""
    found = positions(wiring, generations, number)
    return min((position for name, position, _ in found if name != STATISTICS), default=logs_of(wiring)[number].head())


def start_of(wiring: Wiring, generations: Live, number: int, projections: Sequence[tuple[str, Projection]]) -> int:
    """From where the log is to be read for all of them."""
    own = (
        p.position
        for _, p in projections
        if isinstance(p, StatisticsProjection | RecordsProjection | CatalogueProjection)
    )
    return min([confirmed(wiring, generations, number), *own])


def runner_of(
    wiring: Wiring,
    generations: Live,
    number: int,
    projections: Sequence[tuple[str, Projection]],
    feed: Feed,
    start: int,
) -> Runner:
    """A runner that keeps a position for each projection, and says which of them fails."""
    client = wiring.redis
    return Runner(
        feed,
        [
            (position_name(name, generations.of(name), number), Guarded(name, projection, PASSING))
            for name, projection in projections
        ],
        wiring.positions(logs_of(wiring)[number]),
        start=start,
        confirm=lambda: redis_adapter.on_disk(client, partial(keys.confirmed, wiring.settings.namespace)),
        identity=lambda: redis_adapter.run_identity(client),
    )


def replay(wiring: Wiring, generations: Live, number: int, progress: Progress) -> int:
    """Projects one log up to its present end; how many events. Raises what catching up does."""
    log = logs_of(wiring)[number]
    projections = projections_of(wiring, generations, number)
    if not projections:
        return 0
    start = start_of(wiring, generations, number, projections)
    feed = ReplayFeed(log, start, log.head())
    events = 0
    with runner_of(wiring, generations, number, projections, feed, start) as runner:
        while count := runner.step(0):
            events += count
            progress(count)
    return events
