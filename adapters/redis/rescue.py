"""Persons that Redis lacks because it was wiped: answered from PostgreSQL at once, and put back for the next reader."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from commands.ports import UnavailableError
from projections.ports import Source
from projections.rescue import person
from projections.settle import Settler, UnsettledError
from readmodels.customer import CustomerRecord

LOGGER = logging.getLogger("bespoke.rescue")
AT_ONCE, PUT_AT_ONCE = 4, 2
NOBODY_S = 2.0
#: Ids that are nobody's, and persons waiting to be put back: more are not remembered.
MOST_NOBODIES = 10_000
MOST_WAITING = 64


class Rescue:
    """For one event loop. Whoever asks for a person that is being fetched waits for that; ids that are nobody's are
    remembered for a moment, so that trying many does not keep PostgreSQL busy. ``settler``: of a generation."""

    def __init__(self, source: Source, settler: Callable[[int], Settler]) -> None:
        self._source = source
        self._settler = settler
        self._nobody: OrderedDict[UUID, float] = OrderedDict()
        self._fetching: dict[UUID, asyncio.Task[Mapping[UUID, CustomerRecord]]] = {}
        self._putting: set[asyncio.Task[None]] = set()
        self._slots, self._putting_slots = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(PUT_AT_ONCE)

    async def person(self, stream: UUID, generation: int) -> Mapping[UUID, CustomerRecord]:
        """All streams of the person, none for somebody never seen. ``generation``: where they are to be put back, 0 for
        nowhere. Raises UnavailableError while PostgreSQL does not answer."""
        if self._nobody.get(stream, 0.0) > time.monotonic():
            return {}
        if stream not in self._fetching:
            self._fetching[stream] = asyncio.create_task(self._fetch(stream, generation))
            self._fetching[stream].add_done_callback(partial(self._fetched, stream))
        return await asyncio.shield(self._fetching[stream])

    async def close(self) -> None:
        """Lets what is being put back come to its end."""
        await asyncio.gather(*self._fetching.values(), *self._putting, return_exceptions=True)

    def _fetched(self, stream: UUID, task: asyncio.Task[Mapping[UUID, CustomerRecord]]) -> None:
        self._fetching.pop(stream, None)
        if not task.cancelled():
            task.exception()  # whoever still waits has it too; all may have given up

    async def _fetch(self, stream: UUID, generation: int) -> Mapping[UUID, CustomerRecord]:
        try:
            async with self._slots:
                found = await asyncio.to_thread(person, self._source, stream)
        except UnavailableError:
            LOGGER.warning("a person is neither in Redis nor, just now, to be had from PostgreSQL")
            raise
        if not found:
            self._remember_nobody(stream)
        elif generation and len(self._putting) < MOST_WAITING:
            self._begin(self._put_back(stream, generation))
        return found

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._putting.add(task)
        task.add_done_callback(self._putting.discard)

    async def _put_back(self, stream: UUID, generation: int) -> None:
        try:
            async with self._putting_slots:  # of their own: nobody who asks waits for it
                await asyncio.to_thread(self._settler(generation).settle, [stream])
        except (UnavailableError, UnsettledError) as error:
            LOGGER.warning("a person is not put back: %s", type(error).__name__)

    def _remember_nobody(self, stream: UUID) -> None:
        self._nobody[stream] = time.monotonic() + NOBODY_S
        self._nobody.move_to_end(stream)
        while len(self._nobody) > MOST_NOBODIES:
            self._nobody.popitem(last=False)
