"""What is in the queues, without taking anything from them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.jobs.broker import HEARTBEAT_MS
from adapters.redis import Client, translated
from readmodels import keys

QUEUED, RUNNING, INTERRUPTED, WAITING, FAILED = "queued", "running", "interrupted", "waiting", "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """``state``: queued; running; interrupted, when its worker is gone, until another takes it; waiting for its next
    attempt, at ``eta_ms``; or failed for good. ``error``: the type of the latest one."""

    state: str
    name: str
    arguments: tuple[Any, ...]
    retries: int
    error: str | None
    eta_ms: int | None


class Queues:
    """One queue of a namespace, as dramatiq keeps it."""

    def __init__(self, client: Client, namespace: str, queue: str, *, heartbeat_ms: int = HEARTBEAT_MS) -> None:
        self._client, self._prefix, self._queue = client, keys.jobs(namespace), queue
        self._heartbeat_ms = heartbeat_ms

    def jobs(self) -> list[Job]:
        """All of them. Raises UnavailableError."""
        with translated():
            queued = self._hash(f"{self._queue}.msgs")
            listed = set(self._ask("lrange", self._queue, 0, -1))
            alive, taken = self._taken()
            waiting, failed = self._hash(f"{self._queue}.DQ.msgs"), self._hash(f"{self._queue}.XQ.msgs")
        found = [_job(_state(number, listed, alive, taken), message) for number, message in queued.items()]
        found += [_job(WAITING, message) for message in waiting.values()]
        return found + [_job(FAILED, message) for message in failed.values()]

    def _taken(self) -> tuple[set[bytes], set[bytes]]:
        """Messages that living workers have taken, and those that dead ones have."""
        alive, dead = set[bytes](), set[bytes]()
        oldest = time.time() * 1000 - self._heartbeat_ms
        for worker, beat in self._ask("zrange", "__heartbeats__", 0, -1, withscores=True):
            ids = self._ask("smembers", f"__acks__.{worker.decode()}.{self._queue}")
            (alive if beat >= oldest else dead).update(ids)
        return alive, dead

    def _hash(self, name: str) -> Mapping[bytes, bytes]:
        found: Mapping[bytes, bytes] = self._ask("hgetall", name)
        return found

    def _ask(self, command: str, name: str, *arguments: Any, **options: Any) -> Any:
        return getattr(self._client, command)(f"{self._prefix}:{name}", *arguments, **options)


def _state(number: bytes, listed: set[bytes], alive: set[bytes], dead: set[bytes]) -> str:
    if number in alive:
        return RUNNING
    return INTERRUPTED if number in dead and number not in listed else QUEUED


def _job(state: str, content: bytes) -> Job:
    message = msgspec.json.decode(content)
    options = message["options"]
    name, arguments = message["actor_name"], tuple(message["args"])
    return Job(state, name, arguments, options.get("retries", 0), options.get("error"), options.get("eta"))
