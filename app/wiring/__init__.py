"""The one composition root: settings → servers, logs, stores, the bus and the queries.

Each part knows those before it: servers, secrets, logs, stores, channels, and what answers.
"""

import shutil

from psycopg import connect, sql

from adapters import redis as redis_adapter
from adapters.eventlog.topology import Place
from adapters.postgres import ensure_database, provisioning
from adapters.receipts.store import create_tables
from app.wiring.answering import Answering

__all__ = ["DATABASES", "Wiring"]

DATABASES = ("log", "catalogue", "keys", "directory", "ingest", "receipts", "privacy")


class Wiring(Answering):
    """Everything that a process needs, built when it is asked for. Use as a context manager."""

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
