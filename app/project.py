"""The project process: log → Redis, one runner a log, restarted from the confirmed position when a server went away."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import psycopg
from eventsourcing.persistence import PersistenceError

from adapters import redis as redis_adapter
from adapters.eventlog.feed import LiveFeed, ReplayFeed
from adapters.eventlog.log import PostgresLog
from adapters.redis.stores import RedisCatalogueStore, RedisCustomerStore, RedisStatisticsStore
from app import bulk, refilling, train
from app.wiring import Wiring
from commands.ports import UnavailableError
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

LOGGER = logging.getLogger("bespoke.project")
RETRY_S = 1.0
LOOK_EVERY_S = 1.0
TAKE_UP_S = 30.0
PROJECTOR_LOCK = 0x70726F6A  # "proj": one projector a namespace
LOCK_HELD = """SELECT count(*) > 0 AS held FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND objid = %s AND granted AND datname = current_database()"""
Progress = Callable[[int], None]


class AnotherProjectorError(Exception):
    """Somebody else projects this namespace already."""


def start_generation(wiring: Wiring) -> int:
    """The live generation; a new one where Redis has none (it is new, or was wiped, or a node was): it is filled from
    the records that PostgreSQL keeps, and from the log. After a resharding all is folded anew first, and readers keep
    the generation of the old shards until then."""
    live = _usable(wiring)
    if live and _epoch(wiring, live) != wiring.shards.now.layout.epoch:
        old, (live, _) = live, _fold_anew(wiring)
        wiring.generations.drop(old)
    if not live:
        live = _begin(wiring)
        train.restore(wiring)
        if refilling.prepare(wiring, live, lambda shard: _name(live, shard + 1)):
            _replay(wiring, live, 0, lambda n: None)  # the catalogue: until it is there, readers keep theirs
        wiring.generations.switch(live)
    return live


def _usable(wiring: Wiring) -> int:
    """The live generation, 0 where there is none or a node of a cluster has lost its part of it."""
    live = wiring.generations.live()
    return live if live and wiring.generations.is_whole(live) else 0


def catch_up(wiring: Wiring, generation: int, progress: Progress = lambda n: None) -> int:
    """Projects what is recorded up to now and returns how many events that were."""
    for shard in _filling(wiring, generation):
        refilling.fill_shard(wiring, generation, shard)
    return sum(_replay(wiring, generation, number, progress) for number in range(len(_logs(wiring))))


def follow(wiring: Wiring, stop: threading.Event) -> None:
    """Projects until ``stop`` is set, through restarts of the servers. A second projector waits, and takes over when
    the first one ends."""
    while not stop.is_set():
        try:
            wiring.shards.refresh()
            with single_projector(wiring):
                _follow_all(wiring, start_generation(wiring), stop)
        except AnotherProjectorError:
            LOGGER.debug("another projector is at work")
        except (UnavailableError, PersistenceError) as error:
            LOGGER.warning("projecting waits: %s", type(error).__name__)
        stop.wait(RETRY_S / 5)


def rebuild(
    wiring: Wiring, progress: Progress = lambda n: None, engine: bulk.Engine | None = None
) -> tuple[int, int, int]:
    """Folds everything anew beside the live generation, then switches; (old, new, events). ``engine``: what runs the
    slices, by default this machine's cores.

    Readers see the old one until the switch; a running projector goes over to the new one, then the old one is
    deleted. Raises AnotherProjectorError when it does not go over.
    """
    old = wiring.generations.live()
    new, events = _fold_anew(wiring, progress, engine)
    _wait_until_taken_up(wiring, new)
    if old:
        wiring.generations.drop(old)
    return old, new, events


def _fold_anew(
    wiring: Wiring, progress: Progress = lambda n: None, engine: bulk.Engine | None = None
) -> tuple[int, int]:
    """The number of a generation with all that is recorded, which is live now, and how many events that were."""
    new = _begin(wiring)
    events = _fold_all(wiring, new, engine, progress) + catch_up(wiring, new, progress)
    wiring.generations.switch(new)
    return new, events


def _begin(wiring: Wiring) -> int:
    """A new generation, marked with the epoch of the shards that it will be folded from."""
    new = wiring.generations.begin(at_least=max(wiring.generations.live(), _last_generation(wiring)))
    wiring.redis.set(Keys(wiring.settings.namespace, new).epoch, wiring.shards.now.layout.epoch)
    return new


def _epoch(wiring: Wiring, generation: int) -> int:
    """The epoch of the shards that a generation was folded from; the first one where nothing is said."""
    found = wiring.redis.get(Keys(wiring.settings.namespace, generation).epoch)
    return int(found) if found else 1


def is_of_these_shards(wiring: Wiring) -> bool:
    """Whether the live generation was folded from the shards as they are now. Raises UnavailableError."""
    live = _usable(wiring)
    return bool(live) and _epoch(wiring, live) == wiring.layout().epoch


def _fold_all(wiring: Wiring, generation: int, engine: bulk.Engine | None, progress: Progress) -> int:
    """The customers' shards, whole, by slices. Raises StoreRestartedError, UnavailableError."""
    redis_adapter.load_functions(wiring.redis)
    run = redis_adapter.run_identity(wiring.redis)
    heads = bulk.fold_shards(wiring, customers=generation, statistics=generation, engine=engine, progress=progress)
    while not redis_adapter.on_disk(wiring.redis, partial(keys.confirmed, wiring.settings.namespace)):
        progress(0)
    if redis_adapter.run_identity(wiring.redis) != run:
        raise StoreRestartedError
    for shard, head in heads.items():
        wiring.positions(wiring.customers[shard]).save(_name(generation, shard + 1), head)
    return sum(heads.values())


def _wait_until_taken_up(wiring: Wiring, generation: int) -> None:
    deadline = time.monotonic() + TAKE_UP_S
    while is_running(wiring) and wiring.generations.projecting() != generation:
        if time.monotonic() > deadline:
            raise AnotherProjectorError("the projector does not go over to the new generation; start it again")
        time.sleep(RETRY_S / 10)


def lag(wiring: Wiring) -> int:
    """Events that are recorded and not yet confirmed as projected; one more for each shard that is being filled."""
    live = wiring.generations.live()
    return len(_filling(wiring, live)) + sum(
        log.head() - wiring.positions(log).load(_name(live, number)) for number, log in enumerate(_logs(wiring))
    )


def is_running(wiring: Wiring) -> bool:
    """Whether somebody projects this namespace now."""
    with wiring.catalogue.recorder.datastore.get_connection() as connection:
        row = connection.execute(LOCK_HELD, (PROJECTOR_LOCK,)).fetchone()
        return bool(row and row["held"])


@contextmanager
def single_projector(wiring: Wiring) -> Iterator[None]:
    """Holds the right to project. Raises AnotherProjectorError, UnavailableError."""
    with wiring.catalogue.recorder.datastore.get_connection() as connection:  # that database never moves
        row = connection.execute("SELECT pg_try_advisory_lock(%s) AS mine", (PROJECTOR_LOCK,)).fetchone()
        if not row or not row["mine"]:
            raise AnotherProjectorError("a projector of this namespace is running already")
        try:
            yield
        finally:
            if not connection.closed:
                _unlock(connection)


def _unlock(connection: psycopg.Connection[object]) -> None:
    try:
        connection.execute("SELECT pg_advisory_unlock(%s)", (PROJECTOR_LOCK,))
    except psycopg.Error:
        LOGGER.warning("the projector lock's connection is gone")


def _filling(wiring: Wiring, generation: int) -> list[int]:
    return [s for s in range(len(wiring.customers)) if refilling.is_filling(wiring, generation, s)]


def _logs(wiring: Wiring) -> list[PostgresLog]:
    return [wiring.catalogue, *wiring.customers]


def _name(generation: int, number: int) -> str:
    return f"g{generation}:{number}"


def _last_generation(wiring: Wiring) -> int:
    """The highest generation that any position tells of, so that numbers are never used again after a wipe."""
    logs = (wiring.catalogue, wiring.customers[0])
    names = [name for log in logs for name in wiring.positions(log).projections()]
    return max((int(name[1:].partition(":")[0]) for name in names), default=0)


def _projections(
    wiring: Wiring, generation: int, number: int, keep: RecordsProjection | None = None
) -> list[Projection]:
    """``keep``: the records of the shard are kept outside Redis too, and what Redis lacks comes from there."""
    client = redis_adapter.connect(wiring.redis_url)
    where = Keys(wiring.settings.namespace, generation)
    log = _logs(wiring)[number]
    if number == 0:
        return [CatalogueProjection(RedisCatalogueStore(client, where), log)]
    people, parts = RedisCustomerStore(client, where), RedisStatisticsStore(client, where)
    statistics = StatisticsProjection(
        parts if keep is None else KeptParts(parts, keep),
        log,
        shard=number - 1,
        shards=len(wiring.customers),
        least=wiring.settings.least_people,
    )
    if keep is None:
        settler = Settler(people, FromLog(Sharded(wiring.customers)))
        return [CustomersProjection(people, log, settler=settler), statistics]
    settler = Settler(people, wiring.kept)
    return [CustomersProjection(people, log, settler=settler, keep=keep.keep), keep, statistics]


def _confirmed(wiring: Wiring, generation: int, number: int) -> int:
    return wiring.positions(_logs(wiring)[number]).load(_name(generation, number))


def _start(wiring: Wiring, generation: int, number: int, projections: list[Projection]) -> int:
    own = [p.position for p in projections if isinstance(p, StatisticsProjection | RecordsProjection)]
    return min([_confirmed(wiring, generation, number), *own])


def _runner(
    wiring: Wiring, generation: int, number: int, projections: list[Projection], feed: Feed, start: int
) -> Runner:
    client = wiring.redis
    return Runner(
        _name(generation, number),
        feed,
        projections,
        wiring.positions(_logs(wiring)[number]),
        start=start,
        confirm=lambda: redis_adapter.on_disk(client, partial(keys.confirmed, wiring.settings.namespace)),
        identity=lambda: redis_adapter.run_identity(client),
    )


def _replay(wiring: Wiring, generation: int, number: int, progress: Progress) -> int:
    log = _logs(wiring)[number]
    projections = _projections(wiring, generation, number)
    start = _start(wiring, generation, number, projections)
    feed = ReplayFeed(log, start, log.head())
    events = 0
    with _runner(wiring, generation, number, projections, feed, start) as runner:
        while count := runner.step(0):
            events += count
            progress(count)
    return events


def _follow_all(wiring: Wiring, generation: int, stop: threading.Event) -> None:
    """One thread a log; when one has to stop, all do, and start again together."""
    ended = threading.Event()
    wiring.generations.take_up(generation)
    threads = [
        threading.Thread(target=_follow, args=(wiring, generation, number, stop, ended), name=f"project-{number}")
        for number in range(len(_logs(wiring)))
    ]
    threads += [
        threading.Thread(target=_fill, args=(wiring, generation, shard, stop, ended), name=f"fill-{shard}")
        for shard in _filling(wiring, generation)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _fill(wiring: Wiring, generation: int, shard: int, stop: threading.Event, ended: threading.Event) -> None:
    def go_on(_: int) -> None:
        if stop.is_set() or ended.is_set():
            raise StoreRestartedError

    try:
        filled = refilling.fill_shard(wiring, generation, shard, go_on)
        LOGGER.info("shard %s: %s records filled in", shard, filled)
    except (UnavailableError, StoreRestartedError, UnsettledError, PersistenceError) as error:
        LOGGER.warning("filling shard %s starts again: %s", shard, type(error).__name__)
        ended.set()


def _follow(
    wiring: Wiring,
    generation: int,
    number: int,
    stop: threading.Event,
    ended: threading.Event,
) -> None:
    try:
        _follow_once(wiring, generation, number, lambda: stop.is_set() or ended.is_set())
    except (UnavailableError, StoreRestartedError, UnsettledError, PersistenceError) as error:
        LOGGER.warning("projection %s starts again: %s", number, type(error).__name__)
    finally:
        ended.set()


def _follow_once(wiring: Wiring, generation: int, number: int, stopped: Callable[[], bool]) -> None:
    redis_adapter.load_functions(wiring.redis)
    with ExitStack() as ends:
        keep = None
        if number:
            confirmed = _confirmed(wiring, generation, number)
            keep = ends.enter_context(RecordsProjection(wiring.records[number - 1], start=confirmed))
        projections = _projections(wiring, generation, number, keep)
        start = _start(wiring, generation, number, projections)
        feed = ends.enter_context(LiveFeed(_logs(wiring)[number], start))
        runner = ends.enter_context(_runner(wiring, generation, number, projections, feed, start))
        look_again = time.monotonic() + LOOK_EVERY_S
        while not stopped():
            runner.step()
            if time.monotonic() > look_again:
                look_again = time.monotonic() + LOOK_EVERY_S
                if _usable(wiring) != generation or wiring.shards.moved():
                    return
