"""One shard of a log: an eventsourcing Application on a PostgreSQL schema, behind the ports of the inner rooms."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import (
    InfrastructureFactory,
    IntegrityError,
    InterfaceError,
    Mapper,
    Notification,
    OperationalError,
    PersistenceError,
    StoredEvent,
)
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment
from psycopg.errors import Error as PsycopgError
from psycopg.errors import UniqueViolation

from adapters.eventlog.mapper import SealingMapper
from adapters.eventlog.recorder import BatchRecorder
from adapters.keys import KeyDestroyedError, Keyring
from adapters.postgres import CONNECTION_PARTS, connection_parts
from commands.ports import ConflictError, ErasedError, Progress, UnavailableError
from domain.customer import Customer
from domain.erased import Erased
from domain.event import Event


class _LogApplication(Application[UUID]):
    """``events`` is the table: <name>_events in the schema of the shard."""

    name = "log"

    def __init__(self, env: Mapping[str, str], mapper: SealingMapper, options: Mapping[str, str]) -> None:
        self._given_mapper = mapper
        self._options = options
        super().__init__(env=env)

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """The library hands on host, port, user and password; ``options`` are all other parts of the URL (TLS…)."""
        factory = super().construct_factory(env)
        pool = cast(PostgresFactory, factory).datastore.pool
        pool.kwargs = cast(dict[str, Any], pool.kwargs) | dict(self._options)
        return factory

    def construct_mapper(self) -> Mapper[UUID]:
        return self._given_mapper


#: Events that ``events`` reads at a time.
PAGE = 1_000


class PostgresLog:
    """Loads and saves many aggregates at a time; gives events to whoever folds them."""

    def __init__(
        self, url: str, mapper: SealingMapper, keyring: Keyring | None, *, schema: str, create: bool = False
    ) -> None:
        parts = connection_parts(url)
        self._keyring = keyring
        self.mapper = mapper
        with translated():
            self._application = _LogApplication(_environment(parts, schema, create), mapper, _options(parts))
        self.recorder = cast(BatchRecorder, self._application.recorder)

    def load(self, streams: Sequence[UUID]) -> dict[UUID, Any]:
        """The aggregates that exist among ``streams``; one whose data key is destroyed is an erased customer, and
        one whose beginning alone has expired goes on. Raises UnavailableError."""
        aggregates: dict[UUID, Any] = {}
        for stream, events in self.streams(streams):
            aggregate: Any = self._forgotten(events[0]) if isinstance(events[0], Erased) else None
            for event in events:
                aggregate = event.mutate(aggregate)
            aggregates[stream] = aggregate
        return aggregates

    def streams(
        self, streams: Sequence[UUID], topics: Sequence[str] | None = None
    ) -> Iterator[tuple[UUID, list[Event]]]:
        """Each stream that exists with all its events, or those of some topics. Raises UnavailableError."""
        with translated():
            stored = self.recorder.select_streams(streams, topics) if streams else []
        yield from self._by_stream(stored)

    def events(self, stream: UUID) -> Iterator[Event]:
        """All events of a stream in order, some hundred in memory at a time. Raises UnavailableError."""
        version, more = 0, True
        while more:
            with translated():
                stored = list(self.recorder.select_events(stream, gt=version, limit=PAGE))
            yield from self.decode_all(stored)
            more = len(stored) == PAGE
            version = stored[-1].originator_version if stored else version

    def streams_after(self, versions: Mapping[UUID, int]) -> Iterator[tuple[UUID, list[Event]]]:
        """Each stream that has events beyond the version given for it, with those. Raises UnavailableError."""
        with translated():
            stored = self.recorder.select_streams_after(versions) if versions else []
        yield from self._by_stream(stored)

    def save(self, aggregates: Iterable[Any], progress: Progress | None = None) -> int:
        """All pending events in one transaction, with the consumer's progress; how many.

        Raises ConflictError, ErasedError, FencedError, UnavailableError.
        """
        changed = list(aggregates)
        if not changed:
            with translated():
                self.recorder.insert_events((), progress=progress)
            return 0
        if self._keyring is not None:
            self._keyring.add_streams([a.id for a in changed if a.pending_events[0].originator_version == 1])
            self._keyring.prefetch(a.id for a in changed)
        # Not through Application.save: nobody follows this application in process, and its bookkeeping costs a third.
        pending = [event for aggregate in changed for event in aggregate.collect_events()]
        stored = [self._stored(event) for event in pending]
        with translated():
            self.recorder.insert_events(stored, progress=progress)
        return len(stored)

    def consumed(self, source: str) -> dict[int, int]:
        """Partition → offset of the next record, as stored with the events. Raises UnavailableError."""
        with translated():
            return self.recorder.offsets.load(source)

    def decode(self, stored: StoredEvent) -> Event:
        """One stored event as a typed one, or ``Erased``."""
        return cast(Event, self.mapper.to_domain_event(stored))

    def decode_all(self, stored: Sequence[StoredEvent]) -> list[Event]:
        """Many at once, with their keys fetched in one round trip."""
        self._prefetch(stored)
        return [self.decode(event) for event in stored]

    def read(self, after: int, limit: int, topics: Sequence[str] = ()) -> Sequence[Notification]:
        """Events with a position greater than ``after``, in order; those of some topics. Raises UnavailableError."""
        with translated():
            found: Sequence[Notification] = self.recorder.select_notifications(
                after, limit, topics=topics, inclusive_of_start=False
            )
            return found

    def head(self) -> int:
        """The last position, 0 where nothing is recorded. Raises UnavailableError."""
        with translated():
            return self.recorder.max_notification_id() or 0

    def close(self) -> None:
        """Gives all connections back."""
        self._application.close()

    def prefetch(self, streams: Iterable[UUID]) -> None:
        """Fetches the keys of many streams in one round trip. Raises UnavailableError."""
        if self._keyring is not None:
            self._keyring.prefetch(streams)

    def _forgotten(self, first: Erased) -> Customer:
        """Erased, or its beginning has expired and it goes on."""
        stream = first.originator_id
        return Customer.forgotten(first, erased=self._keyring is None or not self._keyring.alive(stream))

    def _stored(self, event: Event, *, again: bool = True) -> StoredEvent:
        try:
            return self.mapper.to_stored_event(event)
        except KeyDestroyedError as error:
            if again and self._keyring is not None and error.stream is None:  # the period's: late facts get a new one
                self._keyring.wipe_periods()
                return self._stored(event, again=False)
            if self._keyring is not None and error.stream is not None:
                self._keyring.wipe([error.stream])
            raise ErasedError([event.originator_id]) from None

    def _by_stream(self, stored: Sequence[StoredEvent]) -> Iterator[tuple[UUID, list[Event]]]:
        self._prefetch(stored)
        for stream, events in groupby(stored, lambda e: cast(UUID, e.originator_id)):
            yield stream, [self.decode(event) for event in events]

    def _prefetch(self, stored: Sequence[StoredEvent]) -> None:
        self.prefetch(cast(UUID, event.originator_id) for event in stored)


def _options(parts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parts.items() if name not in CONNECTION_PARTS}


def _environment(parts: Mapping[str, str], schema: str, create: bool) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "APPLICATION_RECORDER_TOPIC": "adapters.eventlog.recorder:BatchRecorder",
        "POSTGRES_DBNAME": parts["dbname"],
        "POSTGRES_HOST": parts["host"],
        "POSTGRES_PORT": parts["port"],
        "POSTGRES_USER": parts["user"],
        "POSTGRES_PASSWORD": parts["password"],
        "POSTGRES_SCHEMA": schema,
        "POSTGRES_POOL_SIZE": "2",
        "POSTGRES_MAX_OVERFLOW": "6",
        "POSTGRES_CONNECT_TIMEOUT": "3",
        "POSTGRES_PRE_PING": "y",
        "POSTGRES_ENABLE_DB_FUNCTIONS": "n",
        "CREATE_TABLE": "y" if create else "n",
    }


@contextmanager
def translated() -> Iterator[None]:
    """The library's errors in the terms of the ports."""
    try:
        yield
    except IntegrityError:
        raise ConflictError("a stream has grown meanwhile") from None
    except (OperationalError, InterfaceError) as error:
        raise UnavailableError("the event log does not answer") from error
    except PersistenceError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise ConflictError("a stream has grown meanwhile") from None
        raise UnavailableError("the event log does not answer") from error
    except PsycopgError as error:
        raise UnavailableError("the event log does not answer") from error
