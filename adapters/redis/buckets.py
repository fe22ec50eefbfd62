"""Token buckets that all web processes share, one hash an API key, counted by the server's clock."""

import asyncio

from adapters.http.keys import Rate
from adapters.http.limits import Grant
from adapters.redis.tracked import Tracked
from adapters.redis.wire import ServerError
from commands.ports import UnavailableError
from readmodels import keys

WAIT_S = 0.025


class Buckets:
    """Implements adapters.http.limits.Shared, on the connection of the read models."""

    def __init__(self, tracked: Tracked, namespace: str) -> None:
        self._tracked, self._namespace = tracked, namespace

    async def take(self, key_id: str, rate: Rate, wanted: int) -> Grant:
        """As many as there are, up to ``wanted``. Raises UnavailableError."""
        key = keys.rate(self._namespace, key_id).encode()
        words = ("FCALL", "bespoke_take", "1", key, str(rate.per_s), str(rate.burst), str(wanted))
        try:
            async with asyncio.timeout(WAIT_S):
                granted, left, wait_ms = await self._tracked.call(key, *words)
        except (TimeoutError, ServerError) as error:
            raise UnavailableError("Redis does not answer") from error
        return Grant(int(granted), int(left), int(wait_ms))
