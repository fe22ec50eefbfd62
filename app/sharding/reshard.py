"""``bespoke reshard``: the customers' log from its shards to others, while it is in use but for a moment.

Most is copied beforehand. Then the old shards are closed, the rest is copied and compared, and one transaction makes
the new ones current. Until that transaction the old shards are the log, after it the new ones are; whatever is killed
in between, the command run again first puts away what it finds, and begins anew.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL, Identifier

from adapters.eventlog import fence, topology
from adapters.eventlog.moving import Connect, Mover, connections
from adapters.eventlog.topology import Layout, Place
from adapters.postgres import Connection, database_url
from app.projecting import folding, runners
from app.projecting import process as project
from app.settings import SettingsError
from app.sharding.mending import mend
from app.wiring import Wiring
from commands.ports import UnavailableError

LOGGER = logging.getLogger("bespoke.reshard")
LOCK = 0x73686172  # "shar": one resharding a log
LOCK_WAIT_S = 10
FEW = 5_000
PASSES = 10
POLL_S = 0.1
Progress = Callable[[int], None]


class ReshardError(Exception):
    """The shards cannot be moved now; the text says why."""


@dataclass(frozen=True, slots=True)
class Resharded:
    """What was done. ``closed_s``: for how long nothing could be recorded. ``mended``: links of which one side was
    missing. ``dropped``: old shards deleted."""

    epoch: int
    shards: int
    moved: bool
    events: int
    closed_s: float
    mended: int
    generation: int
    dropped: int


def reshard(wiring: Wiring, to: int, *, drop_old: bool = False, progress: Progress = lambda n: None) -> Resharded:
    """Moves the log to so many shards, on the servers that the settings name, and folds the read models anew.

    Returns when readers see them. Done before: only what was left undone is done. Raises ReshardError,
    DifferenceError, TopologyError, UnavailableError; the log is then as it was, and open.
    """
    with _alone(wiring) as lock, connections() as connect:
        _put_away(wiring, lock, connect)
        current = wiring.layout()
        servers, events, closed_s = wiring.spread(to), 0, 0.0
        moved = current.servers != servers
        if moved:
            wiring.create_shard_databases(servers)
            new = topology.begin(lock, servers)
            try:
                events, closed_s = _move(wiring, lock, connect, current, new, progress)
            except BaseException:
                _tidy(wiring, lock)
                raise
        wiring.shards.refresh()
        mended = mend(wiring)
        generation = _fold(wiring)
        dropped = _drop_old(wiring, lock, connect) if drop_old else 0
    return Resharded(wiring.layout().epoch, to, moved, events, closed_s, mended, generation, dropped)


def abort(wiring: Wiring) -> bool:
    """Puts away a resharding that was cut short, and opens the old shards again; whether there was one.

    Raises ReshardError, UnavailableError.
    """
    with _alone(wiring) as lock, connections() as connect:
        return _put_away(wiring, lock, connect)


def _move(
    wiring: Wiring, lock: Connection, connect: Connect, old: Layout, new: Layout, progress: Progress
) -> tuple[int, float]:
    """How many events were moved, and how long the log was closed."""
    wiring.create_shards(new)
    before = _places(wiring, old)
    mover = Mover(before, _places(wiring, new), connect)
    for _ in range(PASSES):
        if mover.pass_(progress) < FEW:
            break
    began = time.monotonic()
    for place in before:
        fence.close(connect(place), place.schema, new.epoch)
    mover.pass_(progress)
    events = mover.finish()
    topology.switch(lock, old, new)
    return events, time.monotonic() - began


def _put_away(wiring: Wiring, lock: Connection, connect: Connect) -> bool:
    """What a resharding left that came to no switch: its half-filled shards, and the fence round those in use."""
    begun = topology.layouts(lock, "new")
    for place in _places(wiring, wiring.layout()):
        fence.reopen(connect(place), place.schema)
    for layout in begun:
        try:
            _delete(wiring, layout, lock, connect)
        except (SettingsError, psycopg.OperationalError) as error:
            LOGGER.warning("half-made schemas e%d_… stay on a server: %s", layout.epoch, type(error).__name__)
            topology.forget(lock, layout)
    return bool(begun)


def _tidy(wiring: Wiring, lock: Connection) -> None:
    """After an error, with other connections to the shards. What cannot be done now is done by the next run."""
    try:
        with connections() as connect:
            _put_away(wiring, lock, connect)
    except (UnavailableError, psycopg.Error) as error:
        LOGGER.error("what was begun is not put away (%s). Do: bespoke reshard --abort", type(error).__name__)


def _drop_old(wiring: Wiring, lock: Connection, connect: Connect) -> int:
    old = topology.layouts(lock, "old")
    for layout in old:
        _delete(wiring, layout, lock, connect)
    return sum(len(layout.servers) for layout in old)


def _delete(wiring: Wiring, layout: Layout, lock: Connection, connect: Connect) -> None:
    for place in _places(wiring, layout):
        connection = connect(place)
        with connection.transaction():  # not by itself: it must not outlive a killed sender
            connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(place.schema)))
    topology.forget(lock, layout)


def _fold(wiring: Wiring) -> int:
    """Waits until the live generation was folded from the new shards: by a running projector, else here."""
    while not folding.is_of_these_shards(wiring):
        try:
            with project.single_projector(wiring):
                runners.catch_up(wiring, folding.start_generation(wiring))
        except project.AnotherProjectorError:
            time.sleep(POLL_S)
    return wiring.generations.live()


@contextmanager
def _alone(wiring: Wiring) -> Iterator[Connection]:
    """The connection that holds the right to reshard; the switch goes over it, so whoever lost it cannot switch."""
    try:
        connection = psycopg.connect(_main(wiring), autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise UnavailableError("PostgreSQL does not answer") from error
    with connection:
        connection.execute(SQL("SET lock_timeout = {}").format(f"{LOCK_WAIT_S}s"))
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        except psycopg.errors.LockNotAvailable:
            raise ReshardError("somebody else is moving the shards of this log just now") from None
        connection.execute("SET lock_timeout = 0")
        yield connection


def _places(wiring: Wiring, layout: Layout) -> list[Place]:
    return [wiring.place(layout, shard) for shard in range(len(layout.servers))]


def _main(wiring: Wiring) -> str:
    return database_url(wiring.postgres_url, wiring.database("log"))
