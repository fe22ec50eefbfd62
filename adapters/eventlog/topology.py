"""Where the shards of the customers' log are: one row an epoch. Exactly one epoch is current, and only its shards take
events; changing which one that is moves the whole log in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.sql import SQL

from adapters.postgres import Connection, Database

MAIN = -1
CREATE = SQL(
    """CREATE TABLE IF NOT EXISTS public.topology (epoch int PRIMARY KEY, servers int[] NOT NULL,
    state text NOT NULL CHECK (state IN ('founding', 'new', 'current', 'old')));
    CREATE UNIQUE INDEX IF NOT EXISTS one_current ON public.topology (state) WHERE state = 'current';
    CREATE SEQUENCE IF NOT EXISTS public.topology_epoch START 2"""
)
SELECT = SQL("SELECT epoch, servers FROM public.topology WHERE state = ANY(%s) ORDER BY epoch")
FOUND = SQL("INSERT INTO public.topology VALUES (1, %s, %s)")
BEGIN = SQL("INSERT INTO public.topology VALUES (nextval('public.topology_epoch'), %s, 'new') RETURNING epoch")
UPDATE = SQL("UPDATE public.topology SET state = %s WHERE epoch = %s AND state = %s")
DELETE = SQL("DELETE FROM public.topology WHERE epoch = %s")
OLD_SCHEMAS = SQL("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^shard_[0-9]+$'")


class TopologyError(Exception):
    """The topology is not what this step needs: somebody else has changed it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The shards of one epoch. ``servers`` has for each shard the place of its server among the shards' URLs, MAIN for
    the server of everything else."""

    epoch: int
    servers: tuple[int, ...]

    def schema(self, shard: int) -> str:
        """The first epoch's names are those of logs made before there were epochs."""
        return f"shard_{shard}" if self.epoch == 1 else f"e{self.epoch}_shard_{shard}"


@dataclass(frozen=True, slots=True)
class Place:
    """A shard's schema and the database that it is in; the URL holds a password."""

    url: str = field(repr=False)
    schema: str


def spread(shards: int, urls: int) -> tuple[int, ...]:
    """Over the servers in turn; all on the main one where there are no others."""
    return tuple(n % urls for n in range(shards)) if urls else (MAIN,) * shards


class Topology:
    """The table ``topology`` in the main database of the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_table(self) -> None:
        """Creates the table unless it is there. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(CREATE)

    def current(self) -> Layout | None:
        """The epoch whose shards take events, None before the log was made. Raises UnavailableError."""
        with self._database.connection() as connection:
            return next(iter(layouts(connection, "current")), None)

    def found(self, servers: Sequence[int]) -> tuple[Layout, bool]:
        """The current layout, or that of a log which is to be made, or of one made before there were epochs; whether
        its schemas are still to be made. ``made`` ends that. Raises UnavailableError."""
        with self._database.connection() as connection:
            for layout in layouts(connection, "current"):
                return layout, False
            for layout in layouts(connection, "founding"):
                return layout, True
            row = connection.execute(OLD_SCHEMAS).fetchone()
            before = row[0] if row else 0
            layout = Layout(1, (MAIN,) * before if before else tuple(servers))
            connection.execute(FOUND, (list(layout.servers), "current" if before else "founding"))
            return layout, not before

    def made(self) -> None:
        """The first epoch's schemas are there. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(UPDATE, ("current", 1, "founding"))


def layouts(connection: Connection, *states: str) -> list[Layout]:
    """The epochs in these states, the oldest first."""
    found: list[tuple[Any, ...]] = connection.execute(SELECT, (list(states),)).fetchall()
    return [Layout(epoch, tuple(servers)) for epoch, servers in found]


def begin(connection: Connection, servers: Sequence[int]) -> Layout:
    """Writes down a new epoch, so that its schemas are found again whatever happens. Numbers never return."""
    (epoch,) = connection.execute(BEGIN, (list(servers),)).fetchone() or (0,)
    return Layout(epoch, tuple(servers))


def forget(connection: Connection, layout: Layout) -> None:
    """Deletes an epoch whose schemas are gone."""
    connection.execute(DELETE, (layout.epoch,))


def switch(connection: Connection, before: Layout, after: Layout) -> None:
    """From one epoch to the next, in one transaction. Raises TopologyError."""
    with connection.transaction():
        for layout, was, becomes in ((before, "current", "old"), (after, "new", "current")):
            if connection.execute(UPDATE, (becomes, layout.epoch, was)).rowcount != 1:
                raise TopologyError("somebody else has changed the shards meanwhile")
