"""Where the servers are, and those that Bespoke runs itself."""

from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from adapters import redis as redis_adapter
from adapters.embedded import EmbeddedServers
from adapters.eventlog.topology import MAIN
from adapters.postgres import database_url
from app.settings import Settings, SettingsError


class Servers:
    """Where PostgreSQL, Redis and the databases are. Use as a context manager."""

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

    def revive_servers(self) -> None:
        """Starts an embedded server again that has died, if this process started it."""
        if self.settings.embedded and self.servers.owned:
            for server in (self.servers.postgres, self.servers.valkey):
                if not server.running:
                    server.start()

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

    @cached_property
    def redis(self) -> redis_adapter.Client:
        """A synchronous client of the server or the cluster."""
        client = redis_adapter.connect(self.redis_url)
        self._stack.callback(client.close)
        return client

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
