"""Withdrawals where Kafka stands between: what is safe on the topic is also taken to the log at once.

``bespoke ingest`` finds their source ids recorded when it comes to the same messages, and records nothing again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeGuard

from adapters.breaker import Breaker
from adapters.http.ports import Writer
from adapters.http.signal import AGAIN_S, REMEMBERED, by_header
from adapters.lru import Lru
from commands.bus import Outcome
from commands.command import Command
from commands.consent import OptOut, WithdrawConsent
from commands.ports import ConflictError, UnavailableError

LOGGER = logging.getLogger("bespoke.http")


def withdraws(command: Command) -> TypeGuard[WithdrawConsent | OptOut]:
    """Whether it takes a consent back, so that the next answer must honour it."""
    return isinstance(command, WithdrawConsent | OptOut)


class AtOnce:
    """``writer`` goes straight to the log. What it does not take in time stays with Kafka, and so does all that comes
    while it is known not to answer."""

    def __init__(self, writer: Writer, clock: Callable[[], float] = time.monotonic) -> None:
        self._writer, self._clock = writer, clock
        self._breaker = Breaker(clock=clock)
        self._heard: Lru[int, float] = Lru(REMEMBERED)

    async def take(self, commands: Sequence[Command], outcomes: Sequence[Outcome], within_s: float) -> list[Outcome]:
        """The outcomes, those of withdrawals that were only accepted being as the log has them now. Raises nothing:
        the caller's delivery is safe already."""
        found = list(outcomes)
        wanted = [n for n, command in enumerate(commands) if found[n].accepted and self._is_news(command)]
        if wanted and self._breaker.allows():
            taken = await self._taken([commands[n] for n in wanted], within_s)
            for number, outcome in zip(wanted, taken, strict=False):
                if outcome.refused is None:  # what is refused now may not be when those before it are recorded
                    found[number] = outcome
                    self._remember(commands[number])
        return found

    async def _taken(self, commands: Sequence[Command], within_s: float) -> list[Outcome]:
        try:
            async with asyncio.timeout(within_s):
                outcomes = await self._writer.submit(commands)
        except (UnavailableError, ConflictError, TimeoutError) as error:
            self._breaker.failed()
            LOGGER.warning("a withdrawal waits for ingest: %s", type(error).__name__)
            return []
        self._breaker.succeeded()
        return outcomes

    def _is_news(self, command: Command) -> bool:
        """A browser's signal stands in each of its calls, and need not be taken to the log with each."""
        if not withdraws(command):
            return False
        last = self._heard.get(hash(command.identifiers)) if by_header(command) else None
        return last is None or self._clock() - last > AGAIN_S

    def _remember(self, command: Command) -> None:
        if by_header(command):
            self._heard.put(hash(command.identifiers), self._clock())
