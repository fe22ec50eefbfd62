"""Reports for the web process, each made by a process of its own at low priority: folding a log would hold up
answers. What was made is kept for a while, the same report is made once however many ask, and one at a time."""

import asyncio
import json
import logging
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from app.children import end_with
from app.settings import Settings
from commands.ports import UnavailableError
from queries.reports import BeingMadeError, Document, RefusedError, ReportAsk

LOGGER = logging.getLogger("bespoke.reports")
FRESH_S, REFUSED_S, LIMIT_S = 300.0, 15.0, 1_800.0
MOST_KEPT, MOST_WAITING, MOST_BYTES = 64, 16, 64 << 20
NICER = 10


@dataclass(frozen=True, slots=True)
class _Kept:
    made: Document | RefusedError
    until: float


class ReportDesk:
    """Of one process. Reports are kept for ``fresh_s``, those of fixed positions too: an erasure changes them. A
    refusal is kept for a moment, so that whoever was asked to come again hears of it."""

    def __init__(
        self,
        settings: Settings,
        *,
        fresh_s: float = FRESH_S,
        limit_s: float = LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = os.environ | settings.environment()
        self._fresh_s, self._limit_s, self._clock = fresh_s, limit_s, clock
        self._kept: OrderedDict[ReportAsk, _Kept] = OrderedDict()
        self._making: dict[ReportAsk, asyncio.Task[Document]] = {}
        self._one = asyncio.Lock()

    async def get(self, ask: ReportAsk, *, wait_s: float) -> Document:
        """Raises BeingMadeError where it takes longer, RefusedError where there is nothing to report, UnavailableError
        where a server is down or too much waits."""
        if (kept := self._fresh(ask)) is not None:
            if isinstance(kept, RefusedError):
                raise RefusedError(str(kept), kept.option)
            return kept
        making = self._making.get(ask)
        if making is None:
            if len(self._making) >= MOST_WAITING:
                raise UnavailableError("too many reports are being made")
            making = self._making[ask] = asyncio.create_task(self._make(ask))
            making.add_done_callback(lambda task: self._done(ask, task))
        done, _ = await asyncio.wait([making], timeout=wait_s)
        if not done:
            raise BeingMadeError
        return making.result()

    def forget(self, ask: ReportAsk) -> None:
        """The next one is made anew."""
        self._kept.pop(ask, None)

    async def close(self) -> None:
        """What is being made is given up."""
        for task in list(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    def _fresh(self, ask: ReportAsk) -> Document | RefusedError | None:
        kept = self._kept.get(ask)
        if kept is None or self._clock() >= kept.until:
            return None
        self._kept.move_to_end(ask)
        return kept.made

    def _done(self, ask: ReportAsk, task: "asyncio.Task[Document]") -> None:
        del self._making[ask]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, RefusedError):
            self._kept[ask] = _Kept(error, self._clock() + REFUSED_S)
        elif error is None and not task.cancelled():
            self._kept[ask] = _Kept(task.result(), self._clock() + self._fresh_s)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    async def _make(self, ask: ReportAsk) -> Document:
        async with self._one:
            told = await self._run(ask)
        try:
            made = json.loads(told)
        except ValueError:
            raise UnavailableError("a report could not be made") from None
        if (refused := made.get("refused")) is not None:
            raise RefusedError(str(refused), made.get("option"))
        return Document(made["report"], made["charts"], made["missing"])

    async def _run(self, ask: ReportAsk) -> bytes:
        options = (f"--{name}={value}" if value else f"--{name}" for name, value in ask.options)
        arguments = [ask.kind, "report", "--document", *options]
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", *arguments, *(("--", ask.key) if ask.key else ())),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=MOST_BYTES,
            start_new_session=True,
            preexec_fn=_humble(os.getpid()),
        )
        try:
            told, _ = await asyncio.wait_for(child.communicate(), self._limit_s)
        except (TimeoutError, asyncio.CancelledError) as error:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise UnavailableError("a report took too long") from None
        if child.returncode:
            raise _failed(child.returncode)
        return told


def _failed(code: int) -> UnavailableError:
    """Why is told by the command, to whoever runs it; its code stands in the log."""
    LOGGER.warning("a report could not be made: its process ended with %d", code)
    return UnavailableError("a report could not be made")


def _humble(parent: int) -> Callable[[], None]:
    """Ends with its parent, and lets answers go first."""
    end = end_with(parent)

    def prepare() -> None:
        end()
        os.nice(NICER)

    return prepare
