"""The event sourcing library's own contract suites, run over our recorder on a real server."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.tests import persistence as contract
from psycopg.sql import SQL, Identifier

from adapters.eventlog.recorder import BatchRecorder
from adapters.postgres import connection_parts
from app.wiring import Wiring


class OnServer:
    """Gives each test a schema of its own, dropped afterwards."""

    @pytest.fixture(autouse=True)
    def schema(self, servers: Wiring) -> Iterator[None]:
        self._parts = connection_parts(servers.postgres_url)
        self._schema = f"contract_{uuid4().hex[:12]}"
        self._datastores: list[PostgresDatastore] = []
        with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(self._schema)))
            try:
                yield
            finally:
                for datastore in self._datastores:
                    datastore.close()
                connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(self._schema)))

    def datastore(self) -> PostgresDatastore:
        made = PostgresDatastore(**self._parts, schema=self._schema, pool_size=2, max_overflow=10)
        self._datastores.append(made)
        return made

    def create_recorder(self) -> Any:
        recorder = BatchRecorder(self.datastore(), events_table_name="log_events")
        recorder.create_table()
        return recorder


class TestApplicationRecorder(OnServer, contract.ApplicationRecorderTestCase[BatchRecorder]):
    # A refused insert has drawn its numbers already, as with the library's own PostgreSQL recorder.
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(OnServer, contract.NonInterleavingNotificationIDsBaseCase):
    pass


class TestTracking(OnServer, contract.TrackingRecorderTestCase):
    def create_recorder(self) -> PostgresTrackingRecorder:
        recorder = PostgresTrackingRecorder(self.datastore(), tracking_table_name="projection_position")
        recorder.create_table()
        return recorder
