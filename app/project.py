"""The project process: log → Redis, one runner a log, restarted from the confirmed position when a server went away."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import psycopg
from eventsourcing.persistence import PersistenceError
from redis.exceptions import RedisError

from adapters import redis as redis_adapter
from adapters.eventlog.feed import LiveFeed, ReplayFeed
from adapters.eventlog.log import PostgresLog
from adapters.redis.stores import RedisCatalogueStore, RedisCustomerStore, RedisStatisticsStore
from app import bulk, refilling, train
from app.wiring import Wiring
from commands.ports import UnavailableError
from projections.guarded import Guarded, ProjectionFailedError
from projections.history import FromLog, Sharded
from projections.ports import Feed, Projection
from projections.project_catalogue import CatalogueProjection
from projections.project_customers import CustomersProjection
from projections.project_records import KeptParts, RecordsProjection
from projections.project_statistics import StatisticsProjection
from projections.runner import Runner, StoreRestartedError
from projections.settle import Settler, UnsettledError
from readmodels import keys
from readmodels.keys import Keys
from readmodels.live import CATALOGUE, CUSTOMERS, PROJECTIONS, STATISTICS, Live

LOGGER = logging.getLogger("bespoke.project")
RETRY_S = 1.0
LOOK_EVERY_S = 1.0
TAKE_UP_S = 30.0
PROJECTOR_LOCK = 0x70726F6A  # "proj": one projector a namespace
LOCK_HELD = """SELECT count(*) > 0 AS held FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND objid = %s AND granted AND datname = current_database()"""
#: How often a projection fails at one place before it is stopped.
ATTEMPTS = 3
#: What is no fault of a projection: servers that are away or were restarted.
PASSING = (UnavailableError, StoreRestartedError, UnsettledError, PersistenceError, RedisError, psycopg.Error, OSError)
#: The projections whose generations depend on how the customers' log is sharded.
SHARDED = (CUSTOMERS, STATISTICS)
Progress = Callable[[int], None]
Failures = dict[tuple[str, int, int], int]


class AnotherProjectorError(Exception):
    """Somebody else projects this namespace already."""


def start_generation(wiring: Wiring) -> Live:
    """The live generations; a new one where Redis has none (it is new, or was wiped, or a node was): it is filled from
    the records that PostgreSQL keeps, and from the log. After a resharding all is folded anew first, and readers keep
    the generations of the old shards until then."""
    live = _usable(wiring)
    if all(live) and not _of_these_shards(wiring, live):
        live = _fold_after_resharding(wiring)
    if not all(live):
        new = begin(wiring)
        live = Live.one(new)
        train.restore(wiring)
        if refilling.prepare(wiring, new, lambda shard: _names(live, shard + 1)):
            _replay(wiring, Live.only(CATALOGUE, new), 0, lambda n: None)  # until it is there, readers keep theirs
        wiring.generations.switch(new)
    return live


def _usable(wiring: Wiring) -> Live:
    """The live generations, none where there is none or a node of a cluster has lost its part of one."""
    live = wiring.generations.all_live()
    whole = all(live) and all(wiring.generations.is_whole(number) for number in set(live))
    return live if whole else Live()


def catch_up(wiring: Wiring, generations: Live, progress: Progress = lambda n: None) -> int:
    """Projects into ``generations`` what is recorded up to now and returns how many events that were."""
    for shard in _filling(wiring, generations):
        refilling.fill_shard(wiring, generations.customers, shard)
    return sum(_replay(wiring, generations, number, progress) for number in range(len(_logs(wiring))))


def follow(wiring: Wiring, stop: threading.Event) -> None:
    """Projects until ``stop`` is set, through restarts of the servers. A second projector waits, and takes over when
    the first one ends."""
    failures: Failures = {}
    while not stop.is_set():
        try:
            wiring.shards.refresh()
            with single_projector(wiring) as holds:
                while _follow_all(wiring, start_generation(wiring), stop, failures):
                    holds()
                    wiring.shards.refresh()
        except AnotherProjectorError:
            LOGGER.debug("another projector is at work")
        except PASSING as error:
            LOGGER.warning("projecting waits: %s", type(error).__name__)
        stop.wait(RETRY_S / 5)


def fold_anew(
    wiring: Wiring, progress: Progress = lambda n: None, engine: bulk.Engine | None = None
) -> tuple[int, int]:
    """The number of a generation with all that is recorded, which is live now, and how many events that were."""
    new = begin(wiring)
    events = fold_all(wiring, Live.one(new), engine, progress) + catch_up(wiring, Live.one(new), progress)
    wiring.generations.switch(new)
    return new, events


def begin(wiring: Wiring) -> int:
    """A new generation, marked with the epoch of the shards that it will be folded from."""
    new = wiring.generations.begin(at_least=max(*wiring.generations.all_live(), last_generation(wiring)))
    wiring.redis.set(Keys(wiring.settings.namespace, new).epoch, wiring.shards.now.layout.epoch)
    return new


def is_of_these_shards(wiring: Wiring) -> bool:
    """Whether the live generations were folded from the shards as they are now. Raises UnavailableError."""
    live = _usable(wiring)
    return all(live) and _of_these_shards(wiring, live)


def _of_these_shards(wiring: Wiring, live: Live) -> bool:
    """The catalogue's log has no shards."""
    epoch = wiring.layout().epoch
    return all(epoch_of(wiring, generation) == epoch for generation in (live.customers, live.statistics))


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


def fold_all(wiring: Wiring, generations: Live, engine: bulk.Engine | None, progress: Progress) -> int:
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
        for name, generation in _of_log(generations, shard + 1):
            wiring.positions(wiring.customers[shard]).save(position_name(name, generation, shard + 1), head)
    return sum(heads.values())


def wait_until_taken_up(wiring: Wiring) -> None:
    """Waits until a running projector writes what is live and not stopped. Raises AnotherProjectorError."""
    met = time.monotonic()
    deadline = met + TAKE_UP_S
    while wiring.generations.projecting() != _active(wiring):
        now = time.monotonic()
        if is_running(wiring):
            met = now
        elif now - met > RETRY_S / 2:  # it does not only go over to something just now
            return
        if now > deadline:
            raise AnotherProjectorError("the projector does not take the change up; start it again")
        time.sleep(RETRY_S / 10)


def _active(wiring: Wiring) -> Live:
    return wiring.generations.all_live().without(wiring.states.stopped())


def lag(wiring: Wiring) -> int:
    """Events that are recorded and not yet confirmed by all projections that are not stopped; one more for each shard
    that is being filled."""
    live = wiring.generations.all_live()
    behind = (
        max((head - position for _, position, head in found), default=0)
        for found in (positions(wiring, _active(wiring), n) for n in range(len(_logs(wiring))))
    )
    return len(_filling(wiring, live)) + sum(behind)


def positions(wiring: Wiring, generations: Live, number: int) -> list[tuple[str, int, int]]:
    """Of one log: projection, the position that it has confirmed, the log's last position."""
    log = _logs(wiring)[number]
    confirmed, head = wiring.positions(log), log.head()
    return [
        (name, confirmed.load(position_name(name, generation, number)), head)
        for name, generation in _of_log(generations, number)
    ]


def is_running(wiring: Wiring) -> bool:
    """Whether somebody projects this namespace now."""
    with wiring.catalogue.recorder.datastore.get_connection() as connection:
        row = connection.execute(LOCK_HELD, (PROJECTOR_LOCK,)).fetchone()
        return bool(row and row["held"])


@contextmanager
def single_projector(wiring: Wiring) -> Iterator[Callable[[], object]]:
    """Holds the right to project; what it gives raises psycopg.Error when the right is lost. Raises
    AnotherProjectorError, UnavailableError."""
    with wiring.catalogue.recorder.datastore.get_connection() as connection:  # that database never moves
        row = connection.execute("SELECT pg_try_advisory_lock(%s) AS mine", (PROJECTOR_LOCK,)).fetchone()
        if not row or not row["mine"]:
            raise AnotherProjectorError("a projector of this namespace is running already")
        try:
            yield lambda: connection.execute("SELECT 1")
        finally:
            if not connection.closed:
                _unlock(connection)


def _unlock(connection: psycopg.Connection[object]) -> None:
    try:
        connection.execute("SELECT pg_advisory_unlock(%s)", (PROJECTOR_LOCK,))
    except psycopg.Error:
        LOGGER.warning("the projector lock's connection is gone")


def _filling(wiring: Wiring, generations: Live) -> list[int]:
    filling = (s for s in range(len(wiring.customers)) if refilling.is_filling(wiring, generations.customers, s))
    return list(filling) if generations.customers else []


def _logs(wiring: Wiring) -> list[PostgresLog]:
    return [wiring.catalogue, *wiring.customers]


def _of_log(generations: Live, number: int) -> list[tuple[str, int]]:
    """The projections of a log that have a generation, with it: the first log is the catalogue's."""
    names = (CUSTOMERS, STATISTICS) if number else (CATALOGUE,)
    return [(name, generations.of(name)) for name in names if generations.of(name)]


def position_name(projection: str, generation: int, number: int) -> str:
    """What a projection's position is called in the table of a log."""
    return f"g{generation}:{number}" + (f":{STATISTICS}" if projection == STATISTICS else "")


def last_generation(wiring: Wiring) -> int:
    """The highest generation that any position tells of, so that numbers are never used again after a wipe."""
    logs = (wiring.catalogue, wiring.customers[0])
    names = [name for log in logs for name in wiring.positions(log).projections()]
    return max((int(name[1:].partition(":")[0]) for name in names), default=0)


def _names(generations: Live, number: int) -> list[str]:
    return [position_name(name, generation, number) for name, generation in _of_log(generations, number)]


def _projections(
    wiring: Wiring, generations: Live, number: int, keep: RecordsProjection | None = None
) -> list[tuple[str, Projection]]:
    """``keep``: the records of the shard are kept outside Redis too, and what Redis lacks comes from there."""
    client = redis_adapter.connect(wiring.redis_url)
    made: list[tuple[str, Projection]] = []
    for name, generation in _of_log(generations, number):
        where = Keys(wiring.settings.namespace, generation)
        if name == CATALOGUE:
            made.append((name, CatalogueProjection(RedisCatalogueStore(client, where), wiring.catalogue)))
        elif name == STATISTICS:
            made.append((name, _statistics(wiring, RedisStatisticsStore(client, where), number - 1, keep)))
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


def _confirmed(wiring: Wiring, generations: Live, number: int) -> int:
    """Up to where all are confirmed that have no position of their own, 0 where there is none such."""
    found = positions(wiring, generations, number)
    return min((position for name, position, _ in found if name != STATISTICS), default=0)


def _start(wiring: Wiring, generations: Live, number: int, projections: list[tuple[str, Projection]]) -> int:
    own = [p.position for _, p in projections if isinstance(p, StatisticsProjection | RecordsProjection)]
    confirmed = [p for name, p, _ in positions(wiring, generations, number) if name != STATISTICS]
    return min([*confirmed, *own], default=0)


def _runner(
    wiring: Wiring,
    generations: Live,
    number: int,
    projections: list[tuple[str, Projection]],
    feed: Feed,
    start: int,
) -> Runner:
    client = wiring.redis
    return Runner(
        _names(generations, number),
        feed,
        [Guarded(name, projection, PASSING) for name, projection in projections],
        wiring.positions(_logs(wiring)[number]),
        start=start,
        confirm=lambda: redis_adapter.on_disk(client, partial(keys.confirmed, wiring.settings.namespace)),
        identity=lambda: redis_adapter.run_identity(client),
    )


def _replay(wiring: Wiring, generations: Live, number: int, progress: Progress) -> int:
    log = _logs(wiring)[number]
    projections = _projections(wiring, generations, number)
    if not projections:
        return 0
    start = _start(wiring, generations, number, projections)
    feed = ReplayFeed(log, start, log.head())
    events = 0
    with _runner(wiring, generations, number, projections, feed, start) as runner:
        while count := runner.step(0):
            events += count
            progress(count)
    return events


def _follow_all(wiring: Wiring, live: Live, stop: threading.Event, failures: Failures) -> bool:
    """One thread a log; when one has to stop, all do, and start again together. Whether to go on at once: something
    else is to be projected now, and no server was away."""
    ended, failed = threading.Event(), threading.Event()
    active = _active(wiring)
    wiring.generations.take_up(active)

    def stopped() -> bool:
        return stop.is_set() or ended.is_set()

    def guarded(work: Callable[[], None], what: str) -> None:
        try:
            work()
        except PASSING as error:
            LOGGER.warning("%s starts again: %s", what, type(error).__name__)
            failed.set()
            ended.set()
        except ProjectionFailedError as error:
            failed.set()
            ended.set()
            _failed(wiring, what, error, failures)

    works = {
        f"project-{number}": partial(_follow_once, wiring, live, active, number, stopped, ended)
        for number in range(len(_logs(wiring)))
        if _of_log(active, number)
    }
    works |= {f"fill-{shard}": partial(_fill, wiring, active, shard, stopped) for shard in _filling(wiring, active)}
    threads = [threading.Thread(target=guarded, args=(work, what), name=what) for what, work in works.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not threads:
        stop.wait(LOOK_EVERY_S)
    return not failed.is_set() and not stop.is_set()


def _failed(wiring: Wiring, what: str, error: ProjectionFailedError, failures: Failures) -> None:
    """The third time at one place, the projection is stopped, and the others go on without it."""
    LOGGER.error("%s: %s", what, error)
    number = int(what.rpartition("-")[2])
    place = error.projection, number, error.position
    failures[place] = failures.get(place, 0) + 1
    if failures[place] >= ATTEMPTS:
        del failures[place]
        wiring.states.stop(error.projection, f"failed: {error.kind} at position {error.position} of log {number}")


def _fill(wiring: Wiring, generations: Live, shard: int, stopped: Callable[[], bool]) -> None:
    def go_on(_: int) -> None:
        if stopped():
            raise StoreRestartedError

    filled = refilling.fill_shard(wiring, generations.customers, shard, go_on)
    LOGGER.info("shard %s: %s records filled in", shard, filled)


def _follow_once(
    wiring: Wiring, live: Live, active: Live, number: int, stopped: Callable[[], bool], ended: threading.Event
) -> None:
    """Projects a log until ``stopped``, or until another generation is live or a projection stopped or resumed."""
    redis_adapter.load_functions(wiring.redis)
    with ExitStack() as ends:
        ends.callback(ended.set)
        keep = None
        if number and active.customers:
            confirmed = _confirmed(wiring, active, number)
            keep = ends.enter_context(RecordsProjection(wiring.records[number - 1], start=confirmed))
        projections = _projections(wiring, active, number, keep)
        start = _start(wiring, active, number, projections)
        feed = ends.enter_context(LiveFeed(_logs(wiring)[number], start))
        runner = ends.enter_context(_runner(wiring, active, number, projections, feed, start))
        look_again = time.monotonic() + LOOK_EVERY_S
        while not stopped():
            runner.step()
            if time.monotonic() > look_again:
                look_again = time.monotonic() + LOOK_EVERY_S
                if _usable(wiring) != live or _active(wiring) != active or wiring.shards.moved():
                    return
