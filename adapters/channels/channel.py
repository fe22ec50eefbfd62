"""The shape that all channels share: verify → parse → commands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from commands.command import Command
from domain.identity import Identifier


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came. Header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Trust:
    """What the caller may claim. ``known_identifiers``: a server of the shop speaks; False: a browser or an app, whose
    word counts for anonymous ids alone, and for a user id with an identity token. ``backfill``: old facts are taken."""

    known_identifiers: bool = False
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why item ``index`` of a delivery was not taken. ``field`` is a path; the value itself is never repeated."""

    index: int
    field: str
    reason: str
    status: int = 422


@dataclass(slots=True)
class Parsed:
    """What a delivery asks for: ``commands`` as (item index, command), and the items that cannot be taken.
    ``skipped`` counts items that are valid and of no interest here (control transactions, unmapped events).
    ``redactions``: who is to be erased, each by all that names them."""

    commands: list[tuple[int, Command]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    skipped: int = 0
    redactions: list[tuple[Identifier, ...]] = field(default_factory=list)


class RejectedError(Exception):
    """The whole delivery is refused: ``field`` names what is wrong with it, ``status`` is an HTTP status (4xx)."""

    def __init__(self, field: str, reason: str, status: int = 422) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.status = status


class Channel(Protocol):
    """One module a channel implements this."""

    def verify(self, delivery: Delivery) -> None:
        """Raises RejectedError (401) unless the signature over the raw bytes is right."""

    def parse(self, delivery: Delivery, trust: Trust) -> Parsed:
        """Raises RejectedError when the delivery as a whole cannot be read."""
