"""The directory's cache in Redis: HMAC → stream id, for when PostgreSQL does not answer.

Written behind the back of whoever claims or finds, never waited for, and never over what is there: who is being
forgotten leaves an empty value for a minute, so that nobody who looked just before puts the old one back.
"""

import base64
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore
from typing import Any
from uuid import UUID

from adapters.breaker import Breaker
from adapters.redis import Client
from adapters.redis.pipelines import run
from commands.ports import UnavailableError
from readmodels import keys

LOGGER = logging.getLogger("bespoke.directory")
KEPT_S, FORGOTTEN_S = 7 * 86_400, 60
MOST_WAITING = 64


def key_of(namespace: str, pseudonym: bytes) -> str:
    """The key of an identifier, by its HMAC alone."""
    return keys.identifier(namespace, base64.urlsafe_b64encode(pseudonym).rstrip(b"=").decode())


def pseudonym_of(key: bytes) -> bytes:
    """The HMAC that a key is named after."""
    encoded = key.rpartition(b":")[2]
    return base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))


def remember(namespace: str, pseudonym: bytes, stream: UUID) -> tuple[Any, ...]:
    """The command that puts one there unless something is."""
    return ("SET", key_of(namespace, pseudonym), stream.bytes, "NX", "EX", str(KEPT_S))


class Remembered:
    """``client`` is asked for when it is first needed, in a thread of its own."""

    def __init__(self, client: Callable[[], Client], namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self._thread = ThreadPoolExecutor(1, "directory")
        self._places = Semaphore(MOST_WAITING)
        self._closed = False
        self._breaker = Breaker(failures=1, pause_s=5.0)

    def put(self, streams: Mapping[bytes, UUID]) -> None:
        """Soon, or never where Redis is away or has too much to do."""
        if not self._closed and self._places.acquire(blocking=False):
            self._thread.submit(self._put, [remember(self._namespace, p, s) for p, s in streams.items()])

    def forget(self, pseudonyms: Iterable[bytes]) -> None:
        """Before this returns. Raises UnavailableError."""
        empty = ("", "EX", str(FORGOTTEN_S))
        run(self._client(), [("SET", key_of(self._namespace, pseudonym), *empty) for pseudonym in pseudonyms])

    def close(self) -> None:
        """Lets what waits come to its end; nothing is put any more."""
        self._closed = True
        self._thread.shutdown()

    def _put(self, calls: list[tuple[Any, ...]]) -> None:
        try:
            if self._breaker.allows():
                run(self._client(), calls)
                self._breaker.succeeded()
        except UnavailableError:
            self._breaker.failed()
        except Exception as error:
            LOGGER.warning("identifiers are not remembered: %s", type(error).__name__)
            self._breaker.failed()
        finally:
            self._places.release()
