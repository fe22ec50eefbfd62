"""What the HTTP adapter needs; ``app.wiring`` builds it."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from commands.bus import Outcome
from commands.command import Command
from domain.identity import Identifier
from queries.answers import LoggedEvent, Profile, Recommendations
from queries.moment import Moment


class Writer(Protocol):
    """Takes commands from many requests at a time to the bus."""

    async def submit(self, commands: Sequence[Command]) -> list[Outcome]:
        """Returns when they are stored. Raises commands.ports.UnavailableError."""


class Reader(Protocol):
    """The read side."""

    async def find(self, identifier: Identifier) -> UUID | None:
        """The stream of an identifier, or None for one never seen. Raises UnavailableError."""

    async def recommend(
        self, placement: str, stream: UUID | None, *, limit: int, item: str | None = None
    ) -> Recommendations:
        """``stream`` is any stream of the person or the person id; None is a stranger. ``item`` is the product whose
        page is shown. Raises UnavailableError."""

    async def profile(self, stream: UUID, moment: Moment | None = None) -> Profile | None:
        """Now, or at a moment. Raises UnavailableError."""

    async def events(self, stream: UUID, limit: int, moment: Moment | None = None) -> tuple[LoggedEvent, ...]:
        """The person's latest events, decrypted from the log; those that counted at a moment. Raises
        UnavailableError."""

    async def wait_for(self, stream: UUID, version: int, *, timeout_ms: int) -> bool:
        """Whether the read model reflected this version of the stream in time."""

    async def ready(self) -> dict[str, str]:
        """Server name → "ok" or what is wrong, in words without addresses or data."""
