"""Attribution reports for the web process. Each is made by a process of its own at low priority, one at a time: folding
a log would hold up answers."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from adapters.attribution import PublishedReports
from adapters.http.attribution import WrongPositionError
from app.settings import Settings
from commands.ports import UnavailableError

LIMIT_S = 600.0
MOST_WAITING = 8
NICER = 10
POSITION = "--as-of-position: "


class AttributionDesk:
    """Of one process."""

    def __init__(self, settings: Settings, kept: PublishedReports, *, limit_s: float = LIMIT_S) -> None:
        self._environment = os.environ | settings.environment()
        self._kept, self._limit_s = kept, limit_s
        self._one, self._waiting = asyncio.Lock(), 0

    async def make(self, asked: Mapping[str, str], form: str) -> bytes:
        """See ``AttributionReports``."""
        if self._waiting >= MOST_WAITING:
            raise UnavailableError("too many reports are being made")
        self._waiting += 1
        try:
            async with self._one:
                return await self._run([*(_option(*each) for each in asked.items()), *_FORMS[form]])
        finally:
            self._waiting -= 1

    async def published(self) -> Sequence[Mapping[str, Any]]:
        """See ``AttributionReports``."""
        from app.cli.attribution import version_plain

        return [version_plain(each) for each in await asyncio.to_thread(self._kept.all)]

    async def _run(self, options: Sequence[str]) -> bytes:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", "attribution", "report", *options),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: os.nice(NICER) and None,
        )
        try:
            told, said = await asyncio.wait_for(child.communicate(), self._limit_s)
        except BaseException as error:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            if isinstance(error, TimeoutError):
                raise UnavailableError("a report took too long") from None
            raise
        if child.returncode:
            raise _error(said.decode(errors="replace"))
        return told


_FORMS = {"json": ("--json",), "csv": ("--csv",), "parquet": ("--parquet", "-"), "html": ("--html", "-")}


def _option(name: str, value: str) -> str:
    return f"--{name}={value}" if value else f"--{name}"


def _error(said: str) -> Exception:
    """Of what the command said: a position that is wrong is the caller's; all else is told in our words."""
    _, found, reason = said.partition(POSITION)
    return WrongPositionError(reason.strip()[:200]) if found else UnavailableError("a report could not be made")
