"""The logs: customers in shards, and the catalogue's, which has products, rules and experiments."""

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property

from psycopg import OperationalError, connect, sql

from adapters.eventlog.feed import PostgresPositions, ReplayFeed
from adapters.eventlog.log import PostgresLog
from adapters.eventlog.mapper import SealingMapper
from adapters.eventlog.topology import MAIN, Layout, Place, Topology, spread
from adapters.keys import Keyring
from adapters.keys.wrapping import derive
from adapters.postgres import Database, database_url, ensure_database
from adapters.privacy import ErasureLedger
from adapters.records import PostgresRecords
from adapters.rights.requests import create_index
from app.settings import SettingsError
from app.sharding.shards import Opened, Shards
from app.wiring.secrets import Secrets
from commands.ports import UnavailableError
from domain.event import Event
from projections.project_experiments import TOPICS as EXPERIMENTS

LOGGER = logging.getLogger("bespoke.wiring")


class Logs(Secrets):
    """The logs, and where they lie."""

    @cached_property
    def topology(self) -> Topology:
        """Where the shards are."""
        database = Database(self._url("log"), size=2)
        self._stack.callback(database.close)
        return Topology(database)

    @cached_property
    def shards(self) -> Shards:
        """The shards that this process has open."""
        shards = Shards(self.layout, self._open)
        self._stack.callback(shards.close)
        return shards

    @property
    def customers(self) -> Sequence[PostgresLog]:
        """The shards of the customers' log."""
        return self.shards.logs

    @property
    def records(self) -> Sequence[PostgresRecords]:
        """The shards' records outside Redis."""
        return self.shards.records

    @cached_property
    def catalogue(self) -> PostgresLog:
        """The log of products and experiments."""
        log = self._log(Place(self._url("catalogue"), "public"), None)
        self._stack.callback(log.close)
        return log

    @cached_property
    def erasures(self) -> ErasureLedger:
        """Requests to erase, in a database that is not in the backups of the others."""
        log, database = self._log(Place(self._url("privacy"), "public"), None), Database(self._url("privacy"))
        self._stack.callback(log.close)
        self._stack.callback(database.close)
        return ErasureLedger(log, database)

    def experiment_events(self, until: int | None = None) -> Iterator[Event]:
        """All events of experiments up to a position of the catalogue's log, None: up to its end. Raises
        UnavailableError."""
        feed = ReplayFeed(self.catalogue, 0, self.catalogue.head() if until is None else until, topics=EXPERIMENTS)
        while batch := feed.next_batch(0):
            yield from (recorded.event for recorded in batch)

    def positions(self, log: PostgresLog) -> PostgresPositions:
        """How far projections of a log have come."""
        return PostgresPositions(log, create=False)

    def layout(self) -> Layout:
        """Where the shards are now. Raises SettingsError before ``provision``, UnavailableError."""
        found = self.topology.current()
        if found is None:
            raise SettingsError("there is no log yet. Make it: bespoke doctor")
        return found

    def place(self, layout: Layout, shard: int) -> Place:
        """The database and the schema of a shard. Raises SettingsError."""
        return Place(database_url(self._server(layout.servers[shard]), self.database("log")), layout.schema(shard))

    def spread(self, shards: int) -> tuple[int, ...]:
        """On which servers so many shards are to lie."""
        return spread(shards, len(self._shard_urls))

    def create_shard_databases(self, servers: Sequence[int]) -> None:
        """Makes the databases that are missing on these servers. Raises SettingsError, UnavailableError."""
        for index in sorted(set(servers) - {MAIN}):
            try:
                with connect(self._server(index), autocommit=True, connect_timeout=5) as connection:
                    ensure_database(connection, self.database("log"))
            except OperationalError as error:
                raise UnavailableError(f"server {index + 1} of BESPOKE_SHARD_URLS does not answer") from error

    def create_shards(self, layout: Layout) -> None:
        """Makes databases, schemas and tables of a layout that are missing. Raises psycopg.Error."""
        self.create_shard_databases(layout.servers)
        for shard in range(len(layout.servers)):
            place = self.place(layout, shard)
            with connect(place.url, autocommit=True, connect_timeout=5) as connection:
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(place.schema)))
            self._log(place, self.keyring, create=True)

    def _provision_shards(self) -> None:
        """The shards' tables. A schema that should be there and is not is never made again: it may be elsewhere."""
        layout, new = self.topology.found(self.spread(self.settings.shards))
        if not new:
            for shard in range(len(layout.servers)):
                self._require(self.place(layout, shard), shard)
        self.create_shards(layout)
        if new:
            self.topology.made()
        self._hint(len(layout.servers))

    def _require(self, place: Place, shard: int) -> None:
        with connect(place.url, autocommit=True, connect_timeout=5) as connection:
            if not connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (place.schema,)).fetchone():
                raise SettingsError(
                    f"shard {shard} of the log is not on its server: give BESPOKE_SHARD_URLS the same servers in the "
                    "same order as when the shards were made"
                )

    def _hint(self, shards: int) -> None:
        if "shards" in self.settings.model_fields_set and self.settings.shards != shards:
            wanted = self.settings.shards
            LOGGER.warning(
                "BESPOKE_SHARDS is %d, but this log has %d shards. To change that: bespoke reshard --to %d",
                *(wanted, shards, wanted),
            )

    def _open(self, layout: Layout) -> Opened:
        logs = tuple(self._log(self.place(layout, n), self.keyring) for n in range(len(layout.servers)))
        return Opened(layout, logs, tuple(self._records(log) for log in logs))

    def _log(self, place: Place, keyring: Keyring | None, *, create: bool = False) -> PostgresLog:
        mapper = SealingMapper(self.keyring, derive(self.master, "bespoke sources"))
        log = PostgresLog(place.url, mapper, keyring, schema=place.schema, create=create)
        if create:
            PostgresPositions(log, create=True)
            if keyring is not None:
                self._records(log, create=True)
                create_index(log)
            log.close()
        return log

    def _records(self, log: PostgresLog, *, create: bool = False) -> PostgresRecords:
        return PostgresRecords(log, self.keyring, derive(self.master, "bespoke statistics part"), create=create)
