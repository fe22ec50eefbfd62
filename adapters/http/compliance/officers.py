"""Who may use the compliance page, and as what."""

import re
from dataclasses import dataclass
from enum import StrEnum

from adapters.http.people import People

ID = re.compile(r"[A-Za-z0-9._-]{1,40}")


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


Officers = People[Officer]
