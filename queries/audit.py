"""Who read whose record: told before the answer is given, so that no answer goes out that nobody can account for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

#: What a caller may say a reading is for: a word, such as a ticket's number.
PURPOSE = r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,59}$"
_PURPOSE = re.compile(PURPOSE)


@dataclass(frozen=True, slots=True)
class Access:
    """``actor``: ``key:`` and the id of an API key, or ``cli:`` and an account of the machine. ``action``: what was
    read. ``stream``: any of the person's. ``purpose``: what the caller said it is for."""

    actor: str
    action: str
    stream: UUID
    purpose: str | None = None

    def __post_init__(self) -> None:
        if self.purpose is not None and not _PURPOSE.fullmatch(self.purpose):
            raise ValueError("purpose: 1 to 60 letters, digits, spaces and . _ : / -")


@dataclass(frozen=True, slots=True)
class Entry:
    """An access as it is listed. ``person``: a pseudonym, the same for all accesses to one stream, "" once its key is
    destroyed. ``purpose``: of those of a person who was asked for."""

    position: int
    at: datetime
    actor: str
    action: str
    person: str
    purpose: str | None = None


class Audit(Protocol):
    """The log of accesses."""

    def record(self, access: Access) -> None:
        """It is on disk when this returns. Raises UnavailableError."""

    def latest(
        self,
        limit: int,
        *,
        since: datetime | None = None,
        actor: str | None = None,
        streams: Sequence[UUID] | None = None,
    ) -> list[Entry]:
        """The latest first: of one actor, of one person, where wanted. Raises UnavailableError."""
