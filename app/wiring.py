"""The one composition root: settings → servers, logs, stores, the bus and the queries."""

import shutil
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self
from uuid import uuid4

from psycopg import connect, sql

from adapters import redis as redis_adapter
from adapters.channels.channel import Channel
from adapters.channels.poslog import Poslog
from adapters.channels.segment import Segment
from adapters.channels.shopify import Shopify
from adapters.directory import PostgresDirectory
from adapters.embedded import EmbeddedServers
from adapters.eventlog.feed import PostgresPositions
from adapters.eventlog.log import PostgresLog
from adapters.eventlog.mapper import SealingMapper
from adapters.http.writer import BusWriter
from adapters.kafka.connection import Broker
from adapters.kafka.dead_letters import DeadLetters
from adapters.kafka.envelope import Envelope
from adapters.kafka.producer import KafkaWriter, Publisher
from adapters.keys import Keyring
from adapters.keys.daily import DailyKeys, Purpose
from adapters.keys.wrapping import WrappingKeys, derive
from adapters.postgres import Database, database_url, ensure_database, provisioning
from adapters.postgres.states import ProjectionStates
from adapters.records import PostgresRecords
from adapters.redis.generations import Generations
from adapters.redis.reader import RedisReader
from adapters.redis.rescue import Rescue
from adapters.redis.stores import RedisCustomerStore
from app.settings import Settings, SettingsError
from commands.bus import Bus
from projections.history import FromRecords, Sharded
from projections.settle import Settler
from queries.reader import Queries
from readmodels.keys import Keys

DATABASES = ("log", "catalogue", "keys", "directory", "ingest")


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
                ensure_database(connection, self._database(name))
            self.keyring.create_tables()
            self.directory.create_table()
            self.dead_letters.create_table()
            self._refuse_other_shards()
            for shard in range(self.settings.shards):
                self._create_schema(shard)
                self._log("log", f"shard_{shard}", self.keyring, create=True)
            self._log("catalogue", "public", None, create=True)
            self.states.create_table()
        redis_adapter.load_functions(self.redis)

    def drop(self) -> None:
        """Deletes the namespace's databases and keys. For throw-away namespaces."""
        self._stack.close()
        with connect(self.postgres_url, autocommit=True) as connection:
            for name in DATABASES:
                name_ = sql.Identifier(self._database(name))
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name_))
        client = redis_adapter.connect(self.redis_url)
        redis_adapter.wipe(client, f"{self.settings.namespace}:*")
        client.close()
        for folder in (self.settings.wrapping_folder(), self.settings.models_folder()):
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
        return Keyring(database, WrappingKeys(self.settings.wrapping_folder(), self.master))

    @cached_property
    def directory(self) -> PostgresDirectory:
        """Identifier → stream."""
        database = Database(self._url("directory"))
        self._stack.callback(database.close)
        return PostgresDirectory(database, derive(self.master, "bespoke directory"))

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
    def customers(self) -> list[PostgresLog]:
        """The shards of the customers' log."""
        return [self._log("log", f"shard_{n}", self.keyring) for n in range(self.settings.shards)]

    @cached_property
    def records(self) -> list[PostgresRecords]:
        """The shards' records outside Redis."""
        return [self._records(log) for log in self.customers]

    @cached_property
    def catalogue(self) -> PostgresLog:
        """The log of products and experiments."""
        return self._log("catalogue", "public", None)

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
        database = Database(self._url("catalogue"))
        self._stack.callback(database.close)
        return ProjectionStates(database)

    def people(self, generation: int) -> RedisCustomerStore:
        """The customers' store of a generation."""
        return RedisCustomerStore(self.redis, Keys(self.settings.namespace, generation))

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

    def reader(self) -> RedisReader:
        """Read models for queries, on the running event loop."""
        return RedisReader(self.redis_url, self.settings.namespace, Rescue(self.kept, self.settler))

    def queries(self, reader: RedisReader) -> Queries:
        """The read side."""
        return Queries(reader, self.directory, self.customers, self.catalogue, uuid4)

    def channels(self) -> dict[str, Channel]:
        """The channel adapters by name."""
        return {
            "segment": Segment(identity_secret=self.settings.identity_key(), currency=self.settings.currency),
            "shopify": Shopify(self.settings.shopify_key().encode(), currency=self.settings.currency),
            "poslog": Poslog(store_timezone=self.settings.store_timezone, currency=self.settings.currency),
        }

    def _log(self, database: str, schema: str, keyring: Keyring | None, *, create: bool = False) -> PostgresLog:
        mapper = SealingMapper(self.keyring, derive(self.master, "bespoke sources"))
        log = PostgresLog(self._url(database), mapper, keyring, schema=schema, create=create)
        if create:
            PostgresPositions(log, create=True)
            if keyring is not None:
                self._records(log, create=True)
            log.close()
        else:
            self._stack.callback(log.close)
        return log

    def _records(self, log: PostgresLog, *, create: bool = False) -> PostgresRecords:
        return PostgresRecords(log, self.keyring, derive(self.master, "bespoke statistics part"), create=create)

    def _refuse_other_shards(self) -> None:
        """A stream's shard depends on how many there are, so their number is fixed by the first start."""
        with connect(self._url("log"), autocommit=True) as connection:
            row = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^shard_[0-9]+$'").fetchone()
        made = row[0] if row else 0
        if made not in (0, self.settings.shards):
            raise SettingsError(f"BESPOKE_SHARDS is {self.settings.shards}, but this log was made with {made}")

    def _create_schema(self, shard: int) -> None:
        with connect(self._url("log"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(f"shard_{shard}")))

    def _url(self, name: str) -> str:
        return database_url(self.postgres_url, self._database(name))

    def _database(self, name: str) -> str:
        return f"bespoke_{self.settings.namespace}_{name}"
