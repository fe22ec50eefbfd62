"""Reports that take a while: what is asked, and what comes of it. Who makes them stands behind ``Reports``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ReportAsk:
    """``kind``: experiment or attribution; ``key``: of the experiment, or nothing. ``options``: names and values of
    what else was said, by name. ``pinned``: the positions and the end are fixed, so it is the same until somebody is
    erased."""

    kind: str
    key: str = ""
    options: tuple[tuple[str, str], ...] = ()
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """``report``: plain data, as JSON has it. ``charts``: name → SVG; ``missing``: why there are none."""

    report: Mapping[str, Any]
    charts: Mapping[str, str]
    missing: str | None = None


class BeingMadeError(Exception):
    """It is not ready yet: ask again."""


class RefusedError(ValueError):
    """There is nothing to report; the text says why, and repeats no value. ``option``: the one that is wrong,
    if any."""

    def __init__(self, reason: str, option: str | None = None) -> None:
        super().__init__(reason)
        self.option = option


class Reports(Protocol):
    """Makes reports, and keeps them for a while."""

    async def get(self, ask: ReportAsk, *, wait_s: float) -> Document:
        """Raises BeingMadeError, RefusedError, UnavailableError."""

    def forget(self, ask: ReportAsk) -> None:
        """The next one is made anew."""
