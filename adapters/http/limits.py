"""How many requests a key may make: a token bucket in Redis, of which each process takes a few dozen tokens at a time.

So a request usually takes from what its process holds, a microsecond, and asks nobody. What is held is good for a
second: an idle process gives nothing back, and keeps no one waiting for long.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from adapters.breaker import Breaker
from adapters.channels.channel import RejectedError
from adapters.http.keys import ApiKey, Rate
from commands.ports import UnavailableError

MOST_HELD, HELD_S = 50, 1.0
DEFAULT = Rate(5_000, 10_000)


class Grant(NamedTuple):
    """``granted`` tokens are the asker's; ``left``: in the bucket; ``wait_ms``: until there is one."""

    granted: int
    left: int
    wait_ms: int


class Shared(Protocol):
    """The buckets of all processes."""

    async def take(self, key_id: str, rate: Rate, wanted: int) -> Grant:
        """As many as there are, up to ``wanted``. Raises UnavailableError."""


class Standing(NamedTuple):
    """What a caller is told: the most at once, how many are left, and in how many seconds all are back."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit-*."""
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
        ]


class LimitedError(RejectedError):
    """429. ``standing``: of the key; ``retry_after_s``: when to try again."""

    def __init__(self, standing: Standing, retry_after_s: int) -> None:
        super().__init__("authorization", "too many requests with this key", 429)
        self.standing, self.retry_after_s = standing, retry_after_s


@dataclass(slots=True)
class _Held:
    """Of one key. ``refused_until``: so long the bucket is known to be empty. ``own``, ``own_at``: the bucket of this
    process alone, for when there is no other."""

    tokens: int = 0
    until: float = 0.0
    left: int = 0
    refused_until: float = 0.0
    own: float = math.inf
    own_at: float = 0.0
    taking: "asyncio.Future[None] | None" = None


class Limits:
    """Of one process. Without ``shared``, and while it is away, each process counts for itself."""

    def __init__(
        self, shared: Shared | None = None, default: Rate = DEFAULT, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared, self._default, self._clock = shared, default, clock
        self._held: dict[str, _Held] = {}
        self.breaker = Breaker(failures=1, pause_s=1.0, clock=clock)
        self.refused = self.alone = 0

    async def take(self, key: ApiKey) -> Standing:
        """One request of this key. Raises LimitedError."""
        rate = key.rate or self._default
        held = self._held.get(key.id)
        if held is None:
            held = self._held[key.id] = _Held()
        while True:
            if (standing := self.at_once(key)) is not None:
                return standing
            if (now := self._clock()) < held.refused_until:
                self.refused += 1
                wait_s = max(1, math.ceil(held.refused_until - now))
                raise LimitedError(_standing(rate, 0), wait_s)
            await self._refill(key.id, rate, held, now)

    def at_once(self, key: ApiKey) -> Standing | None:
        """The same where this process holds a token of the key; None where it would have to ask."""
        held = self._held.get(key.id)
        if held is None or held.tokens <= 0 or self._clock() >= held.until:
            return None
        held.tokens -= 1
        return _standing(key.rate or self._default, held.left + held.tokens)

    async def _refill(self, key_id: str, rate: Rate, held: _Held, now: float) -> None:
        """Once, however many wait for it."""
        if held.taking is not None:
            await asyncio.shield(held.taking)
            return
        held.taking = asyncio.get_running_loop().create_future()
        try:
            grant = await self._granted(key_id, rate, held)
            now = self._clock()
            held.tokens, held.left, held.until = grant.granted, grant.left, now + HELD_S
            held.refused_until = 0.0 if grant.granted else now + max(grant.wait_ms, 1) / 1000
        finally:
            held.taking.set_result(None)
            held.taking = None

    async def _granted(self, key_id: str, rate: Rate, held: _Held) -> Grant:
        wanted = max(1, min(MOST_HELD, rate.per_s // 20, rate.burst // 4))
        if self._shared is not None and self.breaker.allows():
            try:
                grant = await self._shared.take(key_id, rate, wanted)
            except UnavailableError:
                self.breaker.failed()
            else:
                self.breaker.succeeded()
                return grant
        self.alone += 1
        return _alone(held, rate, wanted, self._clock())


def _alone(held: _Held, rate: Rate, wanted: int, now: float) -> Grant:
    tokens = min(float(rate.burst), held.own + max(0.0, now - held.own_at) * rate.per_s)
    granted = min(wanted, int(tokens))
    held.own, held.own_at = tokens - granted, now
    return Grant(granted, int(held.own), 0 if held.own >= 1 else math.ceil((1 - held.own) / rate.per_s * 1000))


def _standing(rate: Rate, left: int) -> Standing:
    return Standing(rate.burst, left, math.ceil((rate.burst - left) / rate.per_s))
