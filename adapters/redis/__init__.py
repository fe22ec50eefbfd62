"""Redis (or Valkey): the read models' home."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis import exceptions

from commands.ports import UnavailableError

FUNCTIONS = Path(__file__).with_name("functions.lua")


def connect(url: str) -> "redis.Redis":
    """A client that answers bytes; it waits 2 s for a connection and 10 s for an answer."""
    return redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=2, decode_responses=False)


def load_functions(client: "redis.Redis") -> None:
    """Puts the compare-and-set functions into the server. Raises UnavailableError."""
    with translated():
        client.function_load(FUNCTIONS.read_text(), replace=True)


def run_identity(client: "redis.Redis") -> str:
    """Names the run of the server: another one after each restart. Raises UnavailableError."""
    with translated():
        info: dict[str, Any] = client.info("server")
        return str(info["run_id"])


def on_disk(client: "redis.Redis", marker: str, timeout_ms: int = 5_000) -> bool:
    """Whether all that anybody wrote before is on disk in time; True where the server keeps no append-only file.

    The marker is written after it, on one connection, and WAITAOF waits for the connection's last write.
    """
    with translated():
        info: dict[str, Any] = client.info("persistence")
        if not int(info.get("aof_enabled", 0)):
            return True
        one_connection: Any = client.client()  # type: ignore[no-untyped-call]
        with one_connection:
            one_connection.incr(marker)
            local, _ = one_connection.execute_command("WAITAOF", 1, 0, timeout_ms)
        return bool(local)


@contextmanager
def translated() -> Iterator[None]:
    """The client's errors in the terms of the ports."""
    try:
        yield
    except (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.BusyLoadingError) as error:
        raise UnavailableError("Redis does not answer") from error
    except exceptions.OutOfMemoryError as error:
        raise UnavailableError("Redis is out of memory") from error
