"""The client's errors in the terms of the ports."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from commands.ports import UnavailableError

DOWN = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
    exceptions.RedisClusterException,
)


@contextmanager
def translated() -> Iterator[None]:
    """Raises UnavailableError where a server, or a part of a cluster, is down, is loading, or is full."""
    try:
        yield
    except exceptions.OutOfMemoryError as error:
        raise UnavailableError("Redis is out of memory") from error
    except DOWN as error:
        raise UnavailableError("Redis does not answer") from error
