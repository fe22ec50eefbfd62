"""The one composition root: settings → servers, logs, stores, the bus and the queries.

What answers, with models and frameworks, is imported where it is built: most processes and commands never answer.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Self

from psycopg import OperationalError, connect, sql

from adapters import redis as redis_adapter
from adapters.apikeys import PostgresKeys
from adapters.attribution import PublishedReports
from adapters.audit import PostgresAudit
from adapters.channels.channel import Channel
from adapters.channels.poslog import Poslog
from adapters.channels.segment import Segment
from adapters.channels.shopify import Shopify
from adapters.directory import PostgresDirectory
from adapters.directory.finding import Finding, Waits
from adapters.directory.remembered import Remembered
from adapters.embedded import EmbeddedServers
from adapters.eventlog.feed import PostgresPositions, ReplayFeed
from adapters.eventlog.log import PostgresLog
from adapters.eventlog.mapper import SealingMapper
from adapters.eventlog.states import ProjectionStates
from adapters.eventlog.topology import MAIN, Layout, Place, Topology, spread
from adapters.generations import KeptGenerations
from adapters.http.limits import Limits
from adapters.http.writer import BusWriter
from adapters.kafka.connection import Broker
from adapters.kafka.dead_letters import DeadLetters
from adapters.kafka.envelope import Envelope
from adapters.kafka.producer import KafkaWriter, Publisher
from adapters.keys import Keyring
from adapters.keys.daily import DailyKeys, Purpose
from adapters.keys.services import KeyService
from adapters.keys.wiping import Wiping
from adapters.keys.wrapping import WrappingKeys, derive
from adapters.officers import PostgresOfficers
from adapters.postgres import Database, database_url, ensure_database, provisioning
from adapters.privacy import ErasureLedger
from adapters.proof.signing import Signer
from adapters.proof.tree import ProofTree
from adapters.receipts.exposing import Exposer
from adapters.receipts.keeper import Keeper
from adapters.receipts.mover import Mover
from adapters.receipts.spool import Spool
from adapters.receipts.store import PostgresReceipts, create_tables
from adapters.records import PostgresRecords
from adapters.redis.buckets import Buckets
from adapters.redis.generations import Generations
from adapters.redis.rescue import Rescue
from adapters.redis.stores import RedisCustomerStore, RedisStatisticsStore
from adapters.rights.requests import create_index
from adapters.sessions import StoredSessions
from adapters.tracking import tracker
from app.settings import Settings, SettingsError
from app.sharding.shards import Opened, Shards
from commands.bus import Bus
from commands.ports import UnavailableError
from domain.assignment.hashing import HashVersion
from domain.event import Event
from ml.artefacts import Registry
from ml.tracking import Tracker
from projections.history import FromRecords, Sharded
from projections.project_experiments import TOPICS as EXPERIMENTS
from projections.settle import Settler
from queries.experiments import experiments_of
from readmodels.keys import Keys
from readmodels.live import STATISTICS

if TYPE_CHECKING:
    from adapters.http.live import Live
    from adapters.redis.reader import RedisReader
    from queries.merchandising import Merchandising
    from queries.reader import Queries
    from queries.recommend.past import Past
    from queries.recommender import Receipts as KeepsDecisions

LOGGER = logging.getLogger("bespoke.wiring")
DATABASES = ("log", "catalogue", "keys", "directory", "ingest", "receipts", "privacy")


class Wiring:
    """Everything that a process needs, built when it is asked for. Use as a context manager."""

    def __init__(self, settings: Settings, *, own_servers: bool = True) -> None:
        self.settings = settings
        self._own = own_servers
        self._servers_running = ExitStack()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self.settings.embedded:
            servers = self.servers
            servers.start() if self._own else servers.attach()
            self._servers_running.callback(servers.stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._servers_running.close()

    @cached_property
    def servers(self) -> EmbeddedServers:
        """Bespoke's own PostgreSQL and Valkey."""
        self.settings.var.mkdir(parents=True, exist_ok=True)
        return EmbeddedServers(self.settings.var)

    @property
    def postgres_url(self) -> str:
        """The PostgreSQL server."""
        given = self.settings.postgres_url
        return given.get_secret_value() if given else self.servers.postgres_url

    @property
    def redis_url(self) -> str:
        """The Redis server."""
        given = self.settings.redis_url
        return given.get_secret_value() if given else self.servers.redis_url

    def revive_servers(self) -> None:
        """Starts an embedded server again that has died, if this process started it."""
        if self.settings.embedded and self.servers.owned:
            for server in (self.servers.postgres, self.servers.valkey):
                if not server.running:
                    server.start()

    def provision(self) -> None:
        """Makes databases, tables and server functions that are missing. Raises SettingsError, UnavailableError."""
        with provisioning(self.postgres_url) as connection:
            for name in DATABASES:
                ensure_database(connection, self.database(name))
            self.keyring.create_tables()
            self.directory.create_table()
            self.dead_letters.create_table()
            self.topology.create_table()
            self._provision_shards()
            self._log(Place(self._url("catalogue"), "public"), None, create=True)
            self._log(Place(self._url("privacy"), "public"), None, create=True)
            self.erasures.create_tables()
            self.proofs.create_tables()
            self.states.create_table()
            self.kept_generations.create_table()
            self.made_keys.create_table()
            self.officers.create_tables()
            self.audit.create_table()
            self.published.create_table()
            with connect(self._url("receipts"), autocommit=True) as other:
                create_tables(other)
        redis_adapter.load_functions(self.redis)

    def drop(self) -> None:
        """Deletes the namespace's databases and keys. For throw-away namespaces."""
        self._stack.close()
        for url, names in ((self.postgres_url, DATABASES), *((url, ("log",)) for url in self._shard_urls)):
            with connect(url, autocommit=True) as connection:
                for name in names:
                    name_ = sql.Identifier(self.database(name))
                    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name_))
        client = redis_adapter.connect(self.redis_url)
        redis_adapter.wipe(client, f"{self.settings.namespace}:*")
        client.close()
        for folder in (
            self.settings.wrapping_folder(),
            self.settings.models_folder(),
            self.settings.checkpoints_folder(),
        ):
            shutil.rmtree(folder, ignore_errors=True)

    @cached_property
    def master(self) -> bytes:
        """The master secret."""
        return self.settings.master()

    @cached_property
    def keyring(self) -> Keyring:
        """Data keys of streams and periods."""
        database = Database(self._url("keys"))
        self._stack.callback(database.close)
        keyring = Keyring(database, self.wrapping())
        self._stack.enter_context(Wiping(keyring))
        return keyring

    def wrapping(self) -> WrappingKeys:
        """The wrapping keys, and who keeps them. Raises SettingsError."""
        return WrappingKeys(self.settings.wrapping_folder(), self.master, self._key_service())

    def _key_service(self) -> KeyService | None:
        if self.settings.kms == "local":
            return None
        if find_spec("boto3") is None:
            raise SettingsError("BESPOKE_KMS is aws, and boto3 is not installed: pip install 'bespoke[aws]'")
        from adapters.keys.aws import AwsKeys

        return AwsKeys(self.settings.namespace, region=self.settings.kms_region)

    @cached_property
    def signer(self) -> Signer:
        """Who signs proofs of erasure."""
        return Signer(derive(self.master, "bespoke proofs"))

    @cached_property
    def proofs(self) -> ProofTree:
        """The tree of erased streams."""
        database = Database(self._url("privacy"), size=2)
        self._stack.callback(database.close)
        return ProofTree(database, self.signer)

    @cached_property
    def directory(self) -> PostgresDirectory:
        """Identifier → stream."""
        database = Database(self._url("directory"))
        self._stack.callback(database.close)
        remembered = Remembered(lambda: self.redis, self.settings.namespace)
        self._stack.callback(remembered.close)
        return PostgresDirectory(database, derive(self.master, "bespoke directory"), cached=remembered)

    @cached_property
    def broker(self) -> Broker:
        """Where Kafka is. Raises SettingsError."""
        settings = self.settings
        if settings.kafka_bootstrap is None:
            raise SettingsError("BESPOKE_KAFKA_BOOTSTRAP is not set: there is no Kafka to read from")
        return Broker(
            tuple(settings.kafka_bootstrap.split(",")),
            settings.kafka_topic,
            settings.kafka_dead_letters,
            settings.kafka_group,
            settings.kafka_session_ms,
            settings.kafka_options(),
        )

    @cached_property
    def envelope(self) -> Envelope:
        """Commands as Kafka records."""
        keys = DailyKeys(self.keyring, Purpose.TOPIC)
        return Envelope(keys, self.directory, derive(self.master, "bespoke topic ids"))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """What could not be taken from Kafka."""
        database = Database(self._url("ingest"))
        self._stack.callback(database.close)
        return DeadLetters(database, DailyKeys(self.keyring, Purpose.DEAD_LETTER))

    @cached_property
    def receipts(self) -> PostgresReceipts:
        """The receipts of decisions."""
        database = Database(self._url("receipts"))
        self._stack.callback(database.close)
        return PostgresReceipts(database, self.keyring, DailyKeys(self.keyring, Purpose.RECEIPT))

    def keeper(self) -> Keeper:
        """What takes decisions to the receipts, through files of this machine."""
        spool = self.spool()
        return Keeper(spool, Mover(spool, self.receipts, self._exposer()))

    def mover(self) -> Mover:
        """What takes the receipts of all processes of this machine to PostgreSQL."""
        return Mover(self.spool(), self.receipts, self._exposer())

    def _exposer(self) -> Exposer:
        def versions() -> dict[str, HashVersion]:
            return {told.key: told.design.hash_version for told in experiments_of(self.experiment_events())}

        return Exposer(lambda commands: self._exposing.dispatch(commands), versions)

    @cached_property
    def _exposing(self) -> Bus:
        """Made when the first exposure comes: the log may be away when a process begins to keep receipts."""
        return self.bus()

    def spool(self) -> Spool:
        """The receipts that wait on this machine."""
        most_bytes = self.settings.spool_mb << 20
        return Spool(self.settings.var / "spool", derive(self.master, "bespoke receipts"), most_bytes=most_bytes)

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

    def past(self) -> "Past":
        """The assortment at any position of the catalogue's log."""
        from queries.recommend.past import Past

        return Past(lambda after: ReplayFeed(self.catalogue, after, self.catalogue.head()))

    def experiment_events(self, until: int | None = None) -> Iterator[Event]:
        """All events of experiments up to a position of the catalogue's log, None: up to its end. Raises
        UnavailableError."""
        feed = ReplayFeed(self.catalogue, 0, self.catalogue.head() if until is None else until, topics=EXPERIMENTS)
        while batch := feed.next_batch(0):
            yield from (recorded.event for recorded in batch)

    @cached_property
    def redis(self) -> redis_adapter.Client:
        """A synchronous client of the server or the cluster."""
        client = redis_adapter.connect(self.redis_url)
        self._stack.callback(client.close)
        return client

    @cached_property
    def generations(self) -> Generations:
        """Which generations of read models are live."""
        return Generations(self.redis, self.settings.namespace)

    @cached_property
    def kept(self) -> FromRecords:
        """The records of all shards outside Redis, up to date."""
        return FromRecords(self.records, Sharded(self.customers))

    @cached_property
    def states(self) -> ProjectionStates:
        """Which projections are stopped."""
        return ProjectionStates(self._beside_catalogue)

    def people(self, generation: int) -> RedisCustomerStore:
        """The customers' store of a generation."""
        return RedisCustomerStore(self.redis, Keys(self.settings.namespace, generation))

    @cached_property
    def kept_generations(self) -> KeptGenerations:
        """Published generations that old answers were made of."""
        return KeptGenerations(self._beside_catalogue)

    @cached_property
    def made_keys(self) -> PostgresKeys:
        """API keys that were made on the command line."""
        return PostgresKeys(self._beside_catalogue)

    @cached_property
    def published(self) -> PublishedReports:
        """Attribution reports that were published."""
        return PublishedReports(self._beside_catalogue)

    def sessions(self, pages: str) -> StoredSessions:
        """Of a group of pages."""
        return StoredSessions(self._beside_catalogue, pages, derive(self.master, f"bespoke {pages}"))

    @cached_property
    def officers(self) -> PostgresOfficers:
        """Who may use the compliance page."""
        return PostgresOfficers(self._beside_catalogue, self.sessions("officers"))

    @cached_property
    def audit(self) -> PostgresAudit:
        """Who read whose record."""
        return PostgresAudit(self._beside_catalogue, self.keyring, self.master)

    def limits(self, reader: "RedisReader") -> Limits:
        """How many requests API keys may make, on the reader's connection."""
        settings = self.settings
        return Limits(Buckets(reader.tracked, settings.namespace), settings.rate())

    @cached_property
    def _beside_catalogue(self) -> Database:
        """For small tables of the catalogue's database."""
        database = Database(self._url("catalogue"))
        self._stack.callback(database.close)
        return database

    def statistics(self, generation: int) -> RedisStatisticsStore:
        """The statistics' store of a generation; what it publishes is kept for the answers made of it."""
        where = Keys(self.settings.namespace, generation)
        return RedisStatisticsStore(self.redis, where, partial(self.kept_generations.save, STATISTICS))

    def settler(self, generation: int) -> Settler:
        """Settles in a generation; what is missing there comes from the records outside Redis and the log."""
        return Settler(self.people(generation), self.kept)

    def positions(self, log: PostgresLog) -> PostgresPositions:
        """How far projections of a log have come."""
        return PostgresPositions(log, create=False)

    def bus(self) -> Bus:
        """A bus of its own for each thread that writes."""
        return Bus(self.customers, self.catalogue, self.directory)

    def writer(self) -> BusWriter | KafkaWriter:
        """Where the HTTP adapters put commands: to Kafka where there is one, else straight to the bus."""
        if self.settings.kafka_bootstrap is None:
            return BusWriter(self.bus())
        return KafkaWriter(Publisher(self.broker, self.envelope))

    @property
    def models(self) -> Registry:
        """Which model artefacts are in use."""
        return Registry(self.settings.models_folder())

    @cached_property
    def tracker(self) -> Tracker:
        """Where trainings are told to."""
        return tracker(self.settings.tracking_uri(), self.settings.namespace)

    def reader(self) -> "RedisReader":
        """Read models for queries, on the running event loop."""
        from adapters.redis.reader import RedisReader
        from app.models.in_use import ModelsInUse

        in_use = ModelsInUse(self.settings.models_folder())
        rescue = Rescue(self.kept, self.settler)
        settings = self.settings
        return RedisReader(
            self.redis_url,
            settings.namespace,
            rescue,
            in_use.get,
            settings.limits(),
            settings.objectives(),
            in_use.opened,
        )

    def finding(self, reader: "RedisReader") -> Finding:
        """Identifier → stream for queries, on the reader's connection."""
        settings = self.settings
        waits = Waits(settings.redis_wait_ms / 1000, settings.directory_wait_ms / 1000, settings.stale_s)
        return Finding(self.directory, reader.tracked, settings.namespace, waits)

    def queries(
        self, reader: "RedisReader", finding: Finding | None = None, keeper: "KeepsDecisions | None" = None
    ) -> "Queries":
        """The read side. ``keeper`` has the receipts of answers; without, nobody has."""
        from queries.reader import Queries
        from queries.recommender import Recommender, Unkept

        kept = keeper or Unkept()
        recommender = Recommender(kept)
        return Queries(reader, finding or self.finding(reader), self.customers, self.catalogue, recommender)

    def live(self, queries: "Queries") -> "Live":
        """Sockets that recommendations are sent to."""
        from adapters.http.live import Live, Terms

        terms = Terms(sockets=self.settings.live_sockets)
        return Live(queries, self.settings.identity_key(), lambda: datetime.now(UTC), terms)

    def merchandising(self, reader: "RedisReader") -> "Merchandising":
        """The rule book, and previews of its rules."""
        from queries.merchandising import Merchandising

        return Merchandising(self.catalogue, reader)

    def channels(self) -> dict[str, Channel]:
        """The channel adapters by name."""
        return {
            "segment": Segment(identity_secret=self.settings.identity_key(), currency=self.settings.currency),
            "shopify": Shopify(self.settings.shopify_key().encode(), currency=self.settings.currency),
            "poslog": Poslog(store_timezone=self.settings.store_timezone, currency=self.settings.currency),
        }

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

    def _server(self, index: int) -> str:
        if index == MAIN:
            return self.postgres_url
        if index >= len(self._shard_urls):
            raise SettingsError(f"BESPOKE_SHARD_URLS names {len(self._shard_urls)} servers, but shards lie on more")
        return self._shard_urls[index]

    @property
    def _shard_urls(self) -> tuple[str, ...]:
        return self.settings.shard_servers()

    def _url(self, name: str) -> str:
        return database_url(self.postgres_url, self.database(name))

    def database(self, name: str) -> str:
        return f"bespoke_{self.settings.namespace}_{name}"
