"""Real PostgreSQL and Valkey from wheels, started beside Bespoke when no server's URL is set."""

from adapters.embedded.errors import EmbeddedServerError, NoAnswerError
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.servers import EmbeddedServers
from adapters.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedPostgres", "EmbeddedServerError", "EmbeddedServers", "EmbeddedValkey", "NoAnswerError"]
