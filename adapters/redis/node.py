"""A tracked connection to one server that is made again whenever it is lost."""

import asyncio
from collections.abc import Callable
from typing import Any

from adapters.redis.address import Access, Address
from adapters.redis.wire import Wire
from commands.ports import UnavailableError

#: A connection that says nothing for so long, and then for as long again to a ping, is given up.
BEAT_S = 1.0
PAUSES_S = 0.02, 1.0


class Node:
    """``wire`` is None while there is no connection. ``lost`` is called before anybody could ask again."""

    def __init__(
        self,
        where: Address,
        access: Access,
        pushed: Callable[[list[Any]], None],
        connected: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self.where = where
        self._access, self._pushed, self._connected, self._told = access, pushed, connected, lost
        self.wire: Wire | None = None
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Ends the connection."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self.wire is not None:
            self.wire.abort()
            await self.wire.closed

    async def _run(self) -> None:
        pause, most = PAUSES_S
        while True:
            try:
                wire = await self._access.open(self.where, self._pushed, self._lost)
            except UnavailableError:
                await asyncio.sleep(pause)
                pause = min(2 * pause, most)
                continue
            if not wire.closed.done():
                pause = PAUSES_S[0]
                self.wire = wire
                self._connected()
                await _beat(wire)

    def _lost(self) -> None:
        if self.wire is not None:
            self.wire = None
            self._told()


async def _beat(wire: Wire) -> None:
    """Returns when the connection is lost."""
    while not wire.closed.done():
        await asyncio.wait([wire.closed], timeout=BEAT_S)
        try:
            async with asyncio.timeout(BEAT_S):
                await wire.call("PING")
        except (TimeoutError, UnavailableError):
            wire.abort()
            await asyncio.wait([wire.closed], timeout=BEAT_S)
