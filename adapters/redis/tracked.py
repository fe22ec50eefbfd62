"""What is read here is tracked: the server says when it changes, on the connection that it was read on.

One connection to each node, so an answer and what the server says of it come in the order in which they happened.
Whenever a connection is lost, or slots of a cluster move, nothing that was read can be relied on.
"""

import asyncio
from contextlib import suppress
from typing import Any, Protocol

from redis.crc import key_slot

from adapters.redis import SLOTS, is_cluster
from adapters.redis.address import Address, read_url
from adapters.redis.node import Node
from adapters.redis.wire import Answer, Answered, ServerError
from commands.ports import UnavailableError

#: How often the owners of slots are looked at, and how soon after a node said that it is not the owner.
LOOK_S, SOON_S = 2.0, 0.1
ELSEWHERE = ("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN")


class Listener(Protocol):
    """Told in order, before answers that come later. May not raise."""

    def invalidated(self, key: bytes) -> None:
        """What was read of this key is not so any more."""

    def emptied(self, *, lost: bool) -> None:
        """Nothing that was read is sure. ``lost``: because a connection is; else the server was flushed."""

    def connected(self) -> None:
        """There is a connection that was not there before."""


class Tracked:
    """For one event loop; begins with ``start``."""

    def __init__(self, url: str) -> None:
        self._begin, self._access = read_url(url)
        self._cluster = is_cluster(url)
        self._nodes: dict[Address, Node] = {}
        self._owners: list[Address] = []
        self._listeners: list[Listener] = []
        self._following: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self._news: asyncio.Future[None] | None = None
        self.asked = self.lost = 0

    @property
    def up(self) -> bool:
        """Whether every node is connected."""
        known = self._owners or not self._cluster
        return bool(known and self._nodes) and all(node.wire is not None for node in self._nodes.values())

    @property
    def started(self) -> bool:
        """Whether connections are made."""
        return bool(self._nodes)

    @property
    def cluster(self) -> bool:
        """Whether there may be several nodes."""
        return self._cluster

    def listen(self, listener: Listener) -> None:
        """From now on."""
        self._listeners.append(listener)

    async def start(self, within_s: float = 2.0) -> bool:
        """Begins to connect; whether all is connected in time."""
        if not self.started:
            self._nodes = {where: self._node(where) for where in self._begin}
            if self._cluster:
                self._following = asyncio.create_task(self._follow())
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self.up:
                    if self._news is None or self._news.done():
                        self._news = asyncio.get_running_loop().create_future()
                    await asyncio.shield(self._news)
        return self.up

    def ask(self, key: bytes, words: tuple[Any, ...], answered: Answered) -> None:
        """See Wire.ask. Raises UnavailableError."""
        node = self._node_of(key)
        if node is None or node.wire is None:
            raise UnavailableError("Redis does not answer")
        self.asked += 1
        node.wire.ask(words, self._watched(answered) if self._cluster else answered)

    async def call(self, key: bytes, *words: Any) -> Answer:
        """The answer. Raises ServerError, UnavailableError."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask(key, words, lambda answer: None if future.done() else future.set_result(answer))
        answer = await future
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """Ends all connections."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        nodes, self._nodes = list(self._nodes.values()), {}
        await asyncio.gather(*(node.close() for node in nodes))

    def _node_of(self, key: bytes) -> Node | None:
        if not self._cluster:
            return self._nodes.get(self._begin[0])
        return self._nodes.get(self._owners[key_slot(key)]) if self._owners else None

    def _node(self, where: Address) -> Node:
        return Node(where, self._access, self._pushed, self._connected, self._lost)

    def _pushed(self, message: list[Any]) -> None:
        if message[0] != b"invalidate":
            return
        if message[1] is None:
            self._emptied(lost=False)
            return
        for key in message[1]:
            for listener in self._listeners:
                listener.invalidated(key)

    def _connected(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        self._look.set()
        for listener in self._listeners:
            listener.connected()

    def _lost(self) -> None:
        self.lost += 1
        self._look.set()
        self._emptied(lost=True)

    def _emptied(self, *, lost: bool) -> None:
        for listener in self._listeners:
            listener.emptied(lost=lost)

    def _watched(self, answered: Answered) -> Answered:
        def told(answer: Answer) -> None:
            if isinstance(answer, ServerError) and str(answer).startswith(ELSEWHERE):
                self._look.set()
            answered(answer)

        return told

    async def _follow(self) -> None:
        """Keeps up with who owns which slots."""
        while True:
            await self._take(await self._owners_now())
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if self.up else SOON_S):
                    await self._look.wait()
                    self._look.clear()
                    await asyncio.sleep(SOON_S)

    async def _take(self, owners: list[Address] | None) -> None:
        if owners is None or owners == self._owners:
            return
        before, self._owners = self._nodes, owners
        self._nodes = {where: before.get(where) or self._node(where) for where in dict.fromkeys(owners) if where.port}
        self._emptied(lost=True)
        self._connected()
        await asyncio.gather(*(node.close() for where, node in before.items() if where not in self._nodes))

    async def _owners_now(self) -> list[Address] | None:
        """As the first node says that answers; None where none does."""
        for node in list(self._nodes.values()):
            if node.wire is not None:
                with suppress(UnavailableError, ServerError, TimeoutError):
                    async with asyncio.timeout(1.0):
                        return _owners(await node.wire.call("CLUSTER", "SLOTS"), node.where.host)
        return None


def _owners(ranges: list[Any], asked: str) -> list[Address]:
    """The address for each slot; one without a port where a slot is nobody's."""
    owners = [Address()] * SLOTS
    for first, last, primary, *_ in ranges:
        host = (primary[0] or b"").decode() or asked
        owners[first : last + 1] = [Address(host, int(primary[1]))] * (last + 1 - first)
    return owners
