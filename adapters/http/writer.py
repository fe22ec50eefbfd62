"""Takes commands from many requests at a time to the bus: what arrives while a batch is stored goes with the next."""

import asyncio
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress

from commands.bus import Bus, Outcome
from commands.command import Command
from commands.ports import UnavailableError

BATCH = 500
WAITING = 20_000
TIMEOUT_S = 10.0


class BusWriter:
    """One thread owns the bus. ``waiting`` commands at the most are held; beyond that callers are sent away."""

    def __init__(self, bus: Bus, *, batch: int = BATCH, waiting: int = WAITING, timeout_s: float = TIMEOUT_S) -> None:
        self._bus = bus
        self._batch = batch
        self._waiting = waiting
        self._timeout_s = timeout_s
        self._held = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="bus", daemon=True)
        self._thread.start()

    async def submit(self, commands: Sequence[Command]) -> list[Outcome]:
        """Returns when they are stored. Raises UnavailableError, also when too much waits already or it takes too long:
        then they may yet be stored, and sending them again records nothing twice."""
        if not commands:
            return []
        if self._held + len(commands) > self._waiting:
            raise UnavailableError("too many events are waiting to be stored")
        loop = asyncio.get_running_loop()
        job = _Job(commands, loop, loop.create_future())
        self._held += len(commands)
        try:
            self._jobs.put(job)
            return await asyncio.wait_for(asyncio.shield(job.answer), self._timeout_s)
        except TimeoutError:
            raise UnavailableError("storing takes too long") from None
        finally:
            self._held -= len(commands)

    def close(self) -> None:
        """Stores what is waiting, then ends the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs, more = [job], True
            while more and sum(len(j.commands) for j in jobs) < self._batch:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._jobs.put(None)
                    more = False
                else:
                    jobs.append(following)
            self._store(jobs)

    def _store(self, jobs: list["_Job"]) -> None:
        try:
            outcomes = self._bus.dispatch([command for job in jobs for command in job.commands])
        except Exception as error:
            if len(jobs) > 1 and not isinstance(error, UnavailableError):
                for job in jobs:  # one of them is to blame; the others shall not suffer
                    self._store([job])
                return
            for job in jobs:
                job.fail(error)
            return
        for job in jobs:
            mine, outcomes = outcomes[: len(job.commands)], outcomes[len(job.commands) :]
            job.done(mine)


class _Job:
    """The commands of one request, and where to answer."""

    def __init__(
        self,
        commands: Sequence[Command],
        loop: asyncio.AbstractEventLoop,
        answer: "asyncio.Future[list[Outcome]]",
    ) -> None:
        self.commands = commands
        self._loop = loop
        self.answer = answer

    def done(self, outcomes: list[Outcome]) -> None:
        self._tell(outcomes, None)

    def fail(self, error: Exception) -> None:
        self._tell([], error)

    def _tell(self, outcomes: list[Outcome], error: Exception | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: whoever asked has gone
            self._loop.call_soon_threadsafe(self._answer, outcomes, error)

    def _answer(self, outcomes: list[Outcome], error: Exception | None) -> None:
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(outcomes)
        else:
            self.answer.set_exception(error)
