"""Waiting jobs that name a stream, taken out of all queues of a namespace."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from adapters.redis import Client, translated
from adapters.redis.pipelines import run
from readmodels import keys

#: What dramatiq keeps messages in: those of a queue, those that wait for their time, those that failed.
KINDS = (".msgs", ".DQ.msgs", ".XQ.msgs")


def forget(client: Client, namespace: str, streams: Sequence[UUID]) -> list[UUID]:
    """The stream of each job that was taken out. A job that is under way comes to its end. Raises UnavailableError."""
    wanted, gone = {str(stream): stream for stream in streams}, list[UUID]()
    for queue in _hashes(client, namespace):
        with translated():
            messages: Mapping[bytes, bytes] = client.hgetall(queue)  # type: ignore[assignment]
        for number, content in messages.items():
            named = next((wanted[word] for word in _words(msgspec.json.decode(content)) if word in wanted), None)
            if named is not None:
                run(client, [("HDEL", queue, number), ("LREM", queue.removesuffix(".msgs"), 0, number)])
                gone.append(named)
    return gone


def _hashes(client: Client, namespace: str) -> list[str]:
    with translated():
        found: list[bytes] = list(client.scan_iter(match=f"{keys.jobs(namespace)}:*.msgs", count=1000))
    return sorted(key.decode() for key in found)


def _words(message: Any) -> Iterator[str]:
    """All texts in a message's arguments, however deep."""
    if isinstance(message, str):
        yield message
    elif isinstance(message, dict):
        for each in (message.get("args", ()), message.get("kwargs", {})) if "args" in message else message.values():
            yield from _words(each)
    elif isinstance(message, list | tuple):
        for each in message:
            yield from _words(each)
