"""Who may use the compliance page, and as what."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

ID = re.compile(r"[A-Za-z0-9._-]{1,40}")
#: A session ends when nothing was done for so long, and in any case so long after the login.
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=8)


class Role(StrEnum):
    """Requesters ask for erasures; approvers decide on what others asked for. Both see cases, and export them."""

    REQUESTER = "requester"
    APPROVER = "approver"


@dataclass(frozen=True, slots=True)
class Officer:
    """``id`` says nothing to outsiders; it stands in the audit log and in requests."""

    id: str
    roles: frozenset[Role]

    @property
    def actor(self) -> str:
        """As the audit log names them."""
        return f"officer:{self.id}"


class Officers(Protocol):
    """Officers and their sessions. All raise UnavailableError."""

    def known(self, key: str) -> Officer | None:
        """Whose key it is; None for one that is unknown or revoked."""

    def begin(self, officer: Officer, now: datetime) -> str:
        """A new session's token, which is kept nowhere; it ends others of the officer that have expired."""

    def session(self, token: str, now: datetime) -> Officer | None:
        """Whose session it is, and goes on; None for one that is unknown, expired, or whose officer is revoked."""

    def end(self, token: str) -> None:
        """The token is good for nothing from now on."""

    def csrf(self, token: str) -> str:
        """What a form of this session must send along."""
