"""Stores beside the logs: the directory, receipts, read models, small tables, models; and the bus, which writes."""

from functools import cached_property, partial

from adapters.apikeys import PostgresKeys
from adapters.attribution import PublishedReports
from adapters.audit import PostgresAudit
from adapters.directory import PostgresDirectory
from adapters.directory.remembered import Remembered
from adapters.eventlog.states import ProjectionStates
from adapters.generations import KeptGenerations
from adapters.keys.daily import DailyKeys, Purpose
from adapters.keys.wrapping import derive
from adapters.officers import PostgresOfficers
from adapters.postgres import Database
from adapters.proof.tree import ProofTree
from adapters.receipts.exposing import Exposer
from adapters.receipts.keeper import Keeper
from adapters.receipts.mover import Mover
from adapters.receipts.spool import Spool
from adapters.receipts.store import PostgresReceipts
from adapters.redis.generations import Generations
from adapters.redis.stores import RedisCustomerStore, RedisStatisticsStore
from adapters.sessions import StoredSessions
from adapters.tracking import tracker
from app.wiring.logs import Logs
from commands.bus import Bus
from domain.assignment.hashing import HashVersion
from ml.artefacts import Registry
from ml.tracking import Tracker
from projections.history import FromRecords, Sharded
from projections.settle import Settler
from queries.experiments import experiments_of
from readmodels.keys import Keys
from readmodels.live import STATISTICS


class Stores(Logs):
    """What is kept beside the logs."""

    @cached_property
    def directory(self) -> PostgresDirectory:
        """Identifier → stream."""
        database = Database(self._url("directory"))
        self._stack.callback(database.close)
        remembered = Remembered(lambda: self.redis, self.settings.namespace)
        self._stack.callback(remembered.close)
        return PostgresDirectory(database, derive(self.master, "bespoke directory"), cached=remembered)

    @cached_property
    def proofs(self) -> ProofTree:
        """The tree of erased streams."""
        database = Database(self._url("privacy"), size=2)
        self._stack.callback(database.close)
        return ProofTree(database, self.signer)

    def bus(self) -> Bus:
        """A bus of its own for each thread that writes."""
        return Bus(self.customers, self.catalogue, self.directory)

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

    def statistics(self, generation: int) -> RedisStatisticsStore:
        """The statistics' store of a generation; what it publishes is kept for the answers made of it."""
        where = Keys(self.settings.namespace, generation)
        return RedisStatisticsStore(self.redis, where, partial(self.kept_generations.save, STATISTICS))

    def settler(self, generation: int) -> Settler:
        """Settles in a generation; what is missing there comes from the records outside Redis and the log."""
        return Settler(self.people(generation), self.kept)

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

    @cached_property
    def _beside_catalogue(self) -> Database:
        """For small tables of the catalogue's database."""
        database = Database(self._url("catalogue"))
        self._stack.callback(database.close)
        return database

    @property
    def models(self) -> Registry:
        """Which model artefacts are in use."""
        return Registry(self.settings.models_folder())

    @cached_property
    def tracker(self) -> Tracker:
        """Where trainings are told to."""
        return tracker(self.settings.tracking_uri(), self.settings.namespace)
